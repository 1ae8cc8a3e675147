import type { ReplicationController } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { ageColumn, column, containerColumns, formatLabels, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { mapSelectorText } from '../selector-text.ts';
import { validateReplicatedTemplate } from '../apps/workload-validation.ts';
import { defaultPodTemplate, templateContainers } from './pod-template.ts';
import { workloadWarnings } from './pod-warnings.ts';

export const replicationController = defineKind<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  defaultPropagation: 'Orphan',
  defaults,
  prepareForCreate: (object) => {
    object.status = { replicas: 0 };
  },
  validate,
  warnings: workloadWarnings,
  columns: [
    nameColumn,
    column('Desired', ({ spec }) => spec?.replicas ?? 0, 'integer'),
    column('Current', ({ status }) => status?.replicas ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.readyReplicas ?? 0, 'integer'),
    ageColumn,
    ...containerColumns<ReplicationController>(templateContainers),
    wideColumn('Selector', ({ spec }) => formatLabels(spec?.selector)),
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  scale: {
    specReplicas: '.spec.replicas',
    statusReplicas: '.status.replicas',
    labelSelector: ({ spec }) => mapSelectorText(spec?.selector),
  },
});

/** Selector and labels come from the template when their author left them out. */
function defaults({ metadata, spec }: ReplicationController): void {
  if (!spec) return;
  const labels = spec.template?.metadata?.labels;
  if (labels) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  spec.replicas ??= 1;
  defaultPodTemplate(spec.template);
}

function validate({ spec }: ReplicationController): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes: StatusCause[] = [];
  nonNegative(causes, 'spec.minReadySeconds', spec.minReadySeconds);
  if (Object.keys(spec.selector ?? {}).length === 0) causes.push(required('spec.selector', ''));
  nonNegative(causes, 'spec.replicas', spec.replicas);
  const selector = spec.selector && { matchLabels: spec.selector };
  causes.push(...validateReplicatedTemplate(spec.template, selector, 'ReplicationController'));
  return causes;
}
