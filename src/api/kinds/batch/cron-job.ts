import { formatLabelSelector } from '../../label-selector.ts';
import type { CronJob } from '../../types/batch-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, containerColumns, nameColumn, since, wideColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { defaultJobTemplateSpec } from './job-defaults.ts';
import { validateCronJob } from './cron-job-validation.ts';

export const cronJob = defineKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [
    {
      group: 'batch',
      version: 'v1beta1',
      type: schemaType('batch', 'v1beta1', 'CronJob'),
      deprecation: deprecated('batch/v1beta1', 'CronJob', { since: 21, removed: 25, use: 'batch/v1 CronJob' }),
    },
  ],
  defaults,
  validate: validateCronJob,
  columns: [
    nameColumn,
    column('Schedule', ({ spec }) => spec.schedule),
    column('Timezone', ({ spec }) => spec.timeZone ?? '<none>'),
    column('Suspend', ({ spec }) => (spec.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False')),
    column('Active', ({ status }) => status?.active?.length ?? 0, 'integer'),
    column('Last Schedule', ({ status }, now) => {
      return status?.lastScheduleTime === undefined ? '<none>' : since(status.lastScheduleTime, now);
    }),
    ageColumn,
    ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate.spec?.template.spec?.containers),
    wideColumn('Selector', ({ spec }) => formatLabelSelector(spec.jobTemplate.spec?.selector)),
  ],
});

function defaults({ spec }: CronJob): void {
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate?.spec) defaultJobTemplateSpec(spec.jobTemplate.spec);
}
