import { imageHealthcheckCondition, type Healthcheck } from './container-settings.ts';
import type { Pod, Probe } from './types/core-v1.ts';

/** Docker's defaults of a healthcheck, in seconds. */
const defaults = { interval: 30, timeout: 30, retries: 3, startInterval: 5 };

/**
 * A healthcheck as a readiness probe. Docker checks for the first time after an interval and Kubernetes at once; while
 * a service starts, the shorter of the two intervals counts.
 */
export function healthcheckProbe(check: Healthcheck): Probe {
  const usual = check.interval || defaults.interval;
  const early = check.startPeriod ? check.startInterval || defaults.startInterval : usual;
  return {
    exec: { command: [...check.command] },
    periodSeconds: Math.max(1, Math.min(usual, early)),
    timeoutSeconds: Math.max(1, check.timeout || defaults.timeout),
    failureThreshold: Math.max(1, check.retries || defaults.retries),
  };
}

/** How long a container may take to become healthy before Docker calls it unhealthy, in milliseconds. */
export function healthcheckDeadlineMs({
  startPeriod = 0,
  interval,
  timeout,
  retries,
}: Omit<Healthcheck, 'command'>): number {
  const each = (interval || defaults.interval) + (timeout || defaults.timeout);
  return (startPeriod + each * (retries || defaults.retries)) * 1000;
}

/** The healthcheck of its image that a pod goes by; undefined when there is none, or nothing is known of it yet. */
export function imageHealthcheckOf({ status }: Pod): Healthcheck | undefined {
  const text = status?.conditions?.find(({ type }) => type === imageHealthcheckCondition)?.message;
  return text === undefined ? undefined : (JSON.parse(text) as Healthcheck);
}
