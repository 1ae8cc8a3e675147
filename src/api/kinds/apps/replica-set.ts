import { formatLabelSelector } from '../../label-selector.ts';
import type { ReplicaSet } from '../../types/apps-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { ageColumn, column, containerColumns, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { immutable } from '../immutable.ts';
import { selectorText } from '../selector-text.ts';
import { defaultPodTemplate, templateContainers } from '../core/pod-template.ts';
import { oldVersion, selectorFromTemplate } from './old-versions.ts';
import { validateReplicatedTemplate, validateSelector } from './workload-validation.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';

export const replicaSet = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [
    oldVersion('ReplicaSet', 'apps/v1beta2'),
    oldVersion('ReplicaSet', 'extensions/v1beta1', { toStorage: selectorFromTemplate }),
  ],
  defaults: ({ spec }) => {
    if (!spec) return;
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
  },
  prepareForCreate: (object) => {
    object.status = { replicas: 0 };
  },
  validate,
  validateUpdate: (object, old, subresource) =>
    subresource === '' ? immutable('spec.selector', object.spec?.selector, old.spec?.selector) : validateStatus(object),
  warnings: workloadWarnings,
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, 'integer'),
    column('Current', ({ status }) => status?.replicas ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    ...containerColumns<ReplicaSet>(templateContainers),
    wideColumn('Selector', ({ spec }) => formatLabelSelector(spec?.selector)),
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    labelSelector: ({ spec }) => selectorText(spec?.selector),
  },
});

function validate({ spec }: ReplicaSet): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes: StatusCause[] = [];
  nonNegative(causes, 'spec.replicas', spec.replicas);
  nonNegative(causes, 'spec.minReadySeconds', spec.minReadySeconds);
  causes.push(...validateSelector(spec.selector, 'deployment'));
  causes.push(...validateReplicatedTemplate(spec.template, spec.selector));
  return causes;
}

function validateStatus({ status }: ReplicaSet): StatusCause[] {
  const causes: StatusCause[] = [];
  nonNegative(causes, 'status.replicas', status?.replicas);
  nonNegative(causes, 'status.fullyLabeledReplicas', status?.fullyLabeledReplicas);
  nonNegative(causes, 'status.readyReplicas', status?.readyReplicas);
  nonNegative(causes, 'status.availableReplicas', status?.availableReplicas);
  nonNegative(causes, 'status.observedGeneration', status?.observedGeneration);
  return causes;
}
