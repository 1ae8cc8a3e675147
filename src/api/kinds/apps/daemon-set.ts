import type { AnyObject } from '../../object.ts';
import { formatLabelSelector } from '../../label-selector.ts';
import type { DaemonSet } from '../../types/apps-v1.ts';
import { ageColumn, column, containerColumns, formatLabels, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { deepEqual } from '../immutable.ts';
import { defaultPodTemplate, templateContainers } from '../core/pod-template.ts';
import { validateDaemonSet, validateDaemonSetUpdate } from './daemon-set-validation.ts';
import { fieldToAnnotation, oldVersion, selectorFromTemplate, takeAnnotation } from './old-versions.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';
import { templateGenerationAnnotation } from '../../well-known.ts';

export const daemonSet = defineKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [
    oldVersion('DaemonSet', 'apps/v1beta2'),
    oldVersion('DaemonSet', 'extensions/v1beta1', { toStorage: fromExtensions, fromStorage: toExtensions }),
  ],
  defaults,
  prepareForCreate: (object) => {
    object.metadata.annotations = { ...object.metadata.annotations, [templateGenerationAnnotation]: '1' };
    object.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
  prepareForUpdate: ({ metadata, spec }, old, subresource) => {
    if (subresource !== '') return;
    const before = Number(old.metadata.annotations?.[templateGenerationAnnotation] ?? 0);
    const generation = deepEqual(spec?.template, old.spec?.template) ? before : before + 1;
    metadata.annotations = { ...metadata.annotations, [templateGenerationAnnotation]: String(generation) };
  },
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  warnings: workloadWarnings,
  columns: [
    nameColumn,
    column('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0, 'integer'),
    column('Current', ({ status }) => status?.currentNumberScheduled ?? 0, 'integer'),
    column('Ready', ({ status }) => status?.numberReady ?? 0, 'integer'),
    column('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0, 'integer'),
    column('Available', ({ status }) => status?.numberAvailable ?? 0, 'integer'),
    column('Node Selector', ({ spec }) => formatLabels(spec?.template.spec?.nodeSelector)),
    ageColumn,
    ...containerColumns<DaemonSet>(templateContainers),
    wideColumn('Selector', ({ spec }) => formatLabelSelector(spec?.selector)),
  ],
});

function defaults({ spec }: DaemonSet): void {
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultPodTemplate(spec.template);
}

function fromExtensions(object: AnyObject): void {
  selectorFromTemplate(object);
  const spec = object.spec as (DaemonSet['spec'] & { templateGeneration?: number }) | undefined;
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'OnDelete';
  fieldToAnnotation(object, spec.templateGeneration?.toString(), templateGenerationAnnotation);
  delete spec.templateGeneration;
}

function toExtensions(object: AnyObject): void {
  const generation = Number(takeAnnotation(object, templateGenerationAnnotation));
  const spec = object.spec as (DaemonSet['spec'] & { templateGeneration?: number }) | undefined;
  if (spec && Number.isInteger(generation)) spec.templateGeneration = generation;
}
