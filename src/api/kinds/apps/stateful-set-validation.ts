import type { StatefulSet, StatefulSetSpec } from '../../types/apps-v1.ts';
import type { PodTemplateSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { deepEqual } from '../immutable.ts';
import { validateReplicatedTemplate, validateSelector } from './workload-validation.ts';

export function validateStatefulSet({ spec }: StatefulSet): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes: StatusCause[] = [];
  const { podManagementPolicy: policy = '', updateStrategy } = spec;
  if (policy === '') causes.push(required('spec.podManagementPolicy', ''));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    const rule = "must be 'OrderedReady' or 'Parallel'";
    causes.push(invalidValue('spec.podManagementPolicy', policy, rule));
  }
  const type = updateStrategy?.type ?? '';
  if (type === 'OnDelete' && updateStrategy?.rollingUpdate) {
    const rule = "only allowed for updateStrategy 'RollingUpdate'";
    causes.push(invalidValue('spec.updateStrategy.rollingUpdate', updateStrategy.rollingUpdate, rule));
  } else if (type !== 'OnDelete' && type !== 'RollingUpdate') {
    causes.push(invalidValue('spec.updateStrategy', updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"));
  }
  nonNegative(causes, 'spec.updateStrategy.rollingUpdate.partition', updateStrategy?.rollingUpdate?.partition);
  nonNegative(causes, 'spec.replicas', spec.replicas);
  nonNegative(causes, 'spec.minReadySeconds', spec.minReadySeconds);
  nonNegative(causes, 'spec.ordinals.start', spec.ordinals?.start);
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[field];
    if (value !== undefined && value !== 'Retain' && value !== 'Delete') {
      causes.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, value, ['Delete', 'Retain']));
    }
  }
  causes.push(...validateSelector(spec.selector, 'statefulset'));
  causes.push(...validateReplicatedTemplate(withClaims(spec), spec.selector, 'StatefulSet'));
  return causes;
}

/** The template with the volumes that its pods get from the claim templates: containers mount them by those names. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  if (!template?.spec) return template;
  const { volumes = [] } = template.spec;
  const names = volumeClaimTemplates.map(({ metadata }) => metadata.name ?? '');
  const added = names.filter((name) => !volumes.some((volume) => volume.name === name));
  const claims = added.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...template.spec, volumes: [...volumes, ...claims] } };
}

const updatable: readonly (keyof StatefulSetSpec)[] = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

const updateRule =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSetUpdate(object: StatefulSet, old: StatefulSet, subresource: string): StatusCause[] {
  if (subresource !== '') return [];
  return deepEqual(fixed(object.spec), fixed(old.spec)) ? [] : [forbidden('spec', updateRule)];
}

function fixed(spec: StatefulSetSpec | undefined): Partial<StatefulSetSpec> {
  const rest: Partial<StatefulSetSpec> = { ...spec };
  for (const field of updatable) delete rest[field];
  return rest;
}
