import { parseCronSchedule, type CronSchedule } from '../../api/cron-schedule.ts';
import type { CronJob } from '../../api/types/batch-v1.ts';
import { parseTime } from '../pod-state.ts';

/** From this many missed times on something is wrong with the clock, or the controller was away for long. */
const manyMissed = 100;
/** Looking a moment later than the time itself, so that a clock that is a little behind does not look too early. */
const lookLaterMs = 100;

export interface MissedTime {
  /** The latest time that is due and has not been served, epoch milliseconds. */
  time: number | undefined;
  tooMany: boolean;
}

/** Throws the schedule's CronSyntaxError. */
export function scheduleOf({ spec }: CronJob): CronSchedule {
  return parseCronSchedule(spec.schedule, spec.timeZone);
}

/** The latest missed time: what came before it is not made up for. */
export function latestMissed(cronJob: CronJob, schedule: CronSchedule, now: number): MissedTime {
  const earliest = Math.max(lastServed(cronJob), deadlineStart(cronJob, now));
  const first = schedule.next(earliest);
  if (first === undefined || first > now) return { time: undefined, tooMany: false };
  const second = schedule.next(first);
  if (second === undefined || second > now) return { time: first, tooMany: false };
  // Near its end the list is gone through time by time: days and months are not all of a length.
  const missed = Math.floor((now - first) / (second - first)) + 1;
  let latest = first;
  const start = first + Math.max(0, missed - 2) * (second - first);
  for (let time = schedule.next(Math.min(start, now)); time !== undefined && time <= now; time = schedule.next(time)) {
    latest = time;
  }
  return { time: latest, tooMany: missed > manyMissed };
}

/** Milliseconds until the next time is to be looked at; undefined when there is none. */
export function nextLookInMs(
  cronJob: CronJob,
  schedule: CronSchedule,
  { missed, now }: { missed: MissedTime; now: number },
): number | undefined {
  const next = schedule.next(Math.max(missed.time ?? 0, missed.time === undefined ? lastServed(cronJob) : 0));
  const later = next !== undefined && next <= now ? schedule.next(now) : next;
  return later === undefined ? undefined : later - now + lookLaterMs;
}

/** Is it too late to start for this time? (`startingDeadlineSeconds`) */
export function isTooLate({ spec }: CronJob, time: number, now: number): boolean {
  return spec.startingDeadlineSeconds !== undefined && time + spec.startingDeadlineSeconds * 1000 < now;
}

/** The name tells the time: the same time never starts two jobs. */
export function jobName({ metadata }: CronJob, time: number): string {
  return `${metadata.name}-${Math.floor(time / 60_000)}`;
}

function lastServed({ metadata, status }: CronJob): number {
  return parseTime(status?.lastScheduleTime ?? metadata.creationTimestamp);
}

/** Times before this are too late anyway. */
function deadlineStart({ spec }: CronJob, now: number): number {
  return spec.startingDeadlineSeconds === undefined ? -Infinity : now - spec.startingDeadlineSeconds * 1000;
}
