import type { Pod } from '../../api/types/core-v1.ts';
import { allIndexFailures, finishTime } from './job-pods.ts';

const firstBackoffMs = 10_000;
const longestBackoffMs = 10 * 60_000;

/** Failures of a job's pods since its last success: what the wait before the next pod grows with. */
export interface BackoffRecord {
  failures: number;
  /** Epoch milliseconds. */
  lastFailure: number;
}

/** The record once these pods, which have ended since, are counted. */
export function nextBackoff(
  record: BackoffRecord | undefined,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): BackoffRecord {
  const before = record ?? { failures: 0, lastFailure: 0 };
  const lastSuccess = Math.max(-Infinity, ...succeeded.map(finishTime));
  const failures = failed.map(finishTime).filter((time) => time > lastSuccess);
  const carried = succeeded.length > 0 ? { failures: 0, lastFailure: 0 } : before;
  return { failures: carried.failures + failures.length, lastFailure: Math.max(carried.lastFailure, ...failures) };
}

/** Milliseconds until the next pod may be made: 10 s after the first failure, doubling to ten minutes. */
export function backoffMs(record: BackoffRecord, now: number): number {
  if (record.failures === 0) return 0;
  const waitMs = Math.min(firstBackoffMs * 2 ** (record.failures - 1), longestBackoffMs);
  return Math.max(0, record.lastFailure + waitMs - now);
}

/** The same for the index that `replaced` failed in, where limits are counted by index. */
export function indexBackoffMs(replaced: Pod | undefined, now: number): number {
  if (!replaced) return 0;
  return backoffMs({ failures: allIndexFailures(replaced) + 1, lastFailure: finishTime(replaced) }, now);
}
