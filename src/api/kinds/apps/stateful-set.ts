import type { AnyObject } from '../../object.ts';
import type { StatefulSet } from '../../types/apps-v1.ts';
import { ageColumn, column, containerColumns, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { selectorText } from '../selector-text.ts';
import { dnsLabel } from '../../names.ts';
import { defaultPodTemplate, templateContainers } from '../core/pod-template.ts';
import { defaultClaimSpec } from '../core/volume-defaults.ts';
import { oldVersion, selectorFromTemplate } from './old-versions.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './stateful-set-validation.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';

export const statefulSet = defineKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [
    oldVersion('StatefulSet', 'apps/v1beta2'),
    oldVersion('StatefulSet', 'apps/v1beta1', { toStorage: fromV1beta1 }),
  ],
  validateName: (name) => dnsLabel(name)[0],
  defaults,
  prepareForCreate: (object) => {
    object.status = { replicas: 0, availableReplicas: 0 };
  },
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  warnings: workloadWarnings,
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    ageColumn,
    ...containerColumns<StatefulSet>(templateContainers),
  ],
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    labelSelector: ({ spec }) => selectorText(spec?.selector),
  },
});

function fromV1beta1(object: AnyObject): void {
  selectorFromTemplate(object);
  const { spec } = object as unknown as StatefulSet;
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'OnDelete';
}

function defaults({ spec }: StatefulSet): void {
  if (!spec) return;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    if (claim.spec) defaultClaimSpec(claim.spec);
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
  }
}
