import type { CronJob } from '../../types/batch-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { CronSyntaxError, isTimeZone, parseCronSchedule } from '../../cron-schedule.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { validateJobSpec } from './job-validation.ts';

/** The longest name whose jobs (a dash and ten digits more) still fit a label. */
const longestName = 52;

export function validateCronJob({ metadata, spec }: CronJob): StatusCause[] {
  const causes: StatusCause[] = [];
  if ((metadata.name ?? '').length > longestName) {
    const rule = `must be no more than ${longestName} characters`;
    causes.push(invalidValue('metadata.name', metadata.name ?? '', rule));
  }
  if (!spec.schedule) causes.push(required('spec.schedule', ''));
  else causes.push(...validateSchedule(spec.schedule, spec.timeZone));
  if (spec.timeZone !== undefined) causes.push(...validateTimeZone(spec.timeZone));
  nonNegative(causes, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  nonNegative(causes, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  nonNegative(causes, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
  const policy = spec.concurrencyPolicy ?? '';
  if (policy === '') causes.push(required('spec.concurrencyPolicy', ''));
  else if (!['Allow', 'Forbid', 'Replace'].includes(policy)) {
    causes.push(notSupported('spec.concurrencyPolicy', policy, ['Allow', 'Forbid', 'Replace']));
  }
  if (spec.jobTemplate?.spec) causes.push(...validateJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec'));
  else causes.push(required('spec.jobTemplate.spec', ''));
  return causes;
}

function validateTimeZone(timeZone: string): StatusCause[] {
  const invalid = (rule: string): StatusCause[] => [invalidValue('spec.timeZone', timeZone, rule)];
  if (timeZone === '') return invalid('timeZone must be nil or non-empty string');
  if (timeZone.toLowerCase() === 'local') {
    return invalid('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  }
  return isTimeZone(timeZone) ? [] : invalid(`unknown time zone ${timeZone}`);
}

function validateSchedule(schedule: string, timeZone: string | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  if (schedule.includes('TZ')) {
    const rule =
      timeZone === undefined
        ? 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
        : 'cannot use both timeZone field and TZ or CRON_TZ in schedule';
    causes.push(invalidValue('spec.schedule', schedule, rule));
    return causes;
  }
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    if (!(error instanceof CronSyntaxError)) throw error;
    causes.push(invalidValue('spec.schedule', schedule, error.message));
  }
  return causes;
}
