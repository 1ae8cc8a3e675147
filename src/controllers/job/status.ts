import { formatTime } from '../../base/clock.ts';
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';

/** The status of a job that was suspended or resumed since it was last written, and how its events put it. */
export function suspensionOf(
  { spec }: Job,
  status: JobStatus,
  now: number,
): { status: JobStatus; reason: string; message: string } | undefined {
  const suspended = spec?.suspend === true;
  const before = status.conditions?.find(({ type }) => type === 'Suspended');
  if (suspended === (before?.status === 'True')) return undefined;
  const message = suspended ? 'Job suspended' : 'Job resumed';
  const time = formatTime(now);
  const condition: JobCondition = {
    type: 'Suspended',
    status: suspended ? 'True' : 'False',
    lastProbeTime: time,
    lastTransitionTime: time,
    reason: suspended ? 'JobSuspended' : 'JobResumed',
    message,
  };
  const others = status.conditions ?? [];
  const conditions = before ? others.map((old) => (old === before ? condition : old)) : [...others, condition];
  // The deadline counts the time since the job runs again.
  const changed = { ...status, conditions, ...(!suspended && { startTime: time }) };
  return { status: changed, reason: suspended ? 'Suspended' : 'Resumed', message };
}

/** Adds the job's last condition, in place; false while ends are uncounted or pods on their way out. */
export function finishJob(status: JobStatus, final: JobCondition | undefined): boolean {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (!final || succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return false;
  status.conditions = [...(status.conditions ?? []), final];
  if (final.type === 'Complete' && final.lastTransitionTime) status.completionTime = final.lastTransitionTime;
  return true;
}
