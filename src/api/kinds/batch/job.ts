import { humanDuration } from '../../human-duration.ts';
import { formatLabelSelector } from '../../label-selector.ts';
import type { Job } from '../../types/batch-v1.ts';
import { ageColumn, column, containerColumns, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { templateContainers } from '../core/pod-template.ts';
import { defaultJobSpec } from './job-defaults.ts';
import { validateJob, validateJobUpdate } from './job-validation.ts';

export const job = defineKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  defaultPropagation: 'Orphan',
  defaults: (object) => {
    if (object.spec) defaultJobSpec(object.spec);
    const labels = object.spec?.template.metadata?.labels;
    if (labels && object.metadata.labels === undefined) object.metadata.labels = { ...labels };
  },
  prepareForCreate: generateSelector,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  columns: [
    nameColumn,
    column('Status', state),
    column('Completions', completions),
    column('Duration', duration),
    ageColumn,
    ...containerColumns<Job>(templateContainers),
    wideColumn('Selector', ({ spec }) => formatLabelSelector(spec?.selector)),
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
});

/** A job finds its pods by its own uid, in labels of today's and of the old name, unless its author manages that. */
function generateSelector({ metadata, spec }: Job): void {
  if (!spec || spec.manualSelector || metadata.uid === undefined) return;
  const template = (spec.template.metadata ??= {});
  const labels = (template.labels ??= {});
  const name = metadata.name ?? '';
  labels['job-name'] ??= name;
  labels['batch.kubernetes.io/job-name'] ??= name;
  labels['controller-uid'] ??= metadata.uid;
  labels['batch.kubernetes.io/controller-uid'] ??= metadata.uid;
  spec.selector ??= {};
  spec.selector.matchLabels = {
    ...spec.selector.matchLabels,
    'batch.kubernetes.io/controller-uid':
      spec.selector.matchLabels?.['batch.kubernetes.io/controller-uid'] ?? metadata.uid,
  };
}

function has({ status }: Job, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

function state(object: Job): string {
  if (has(object, 'Complete')) return 'Complete';
  if (has(object, 'Failed')) return 'Failed';
  if (object.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (has(object, 'Suspended')) return 'Suspended';
  if (has(object, 'FailureTarget')) return 'FailureTarget';
  if (has(object, 'SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return '';
  const end = status.completionTime === undefined ? now : Date.parse(status.completionTime);
  return humanDuration(end - Date.parse(status.startTime));
}
