import type { Container, Probe } from '../../../api/types/core-v1.ts';
import type { Healthcheck, Service } from '../model.ts';
import { parseDuration } from '../units.ts';
import type { ServiceScope } from './scope.ts';

/** Docker's defaults of a healthcheck, in seconds. */
const defaults = { interval: 30, timeout: 30, retries: 3, startInterval: 5 };

/**
 * A healthcheck is the readiness probe: what waits for a healthy service, and what publishes its ports, looks at that.
 * Docker checks for the first time after an interval and Kubernetes at once; while a service starts, the shorter of the
 * two intervals counts.
 */
export function probesOf({ service, options }: ServiceScope): Pick<Container, 'readinessProbe' | 'livenessProbe'> {
  const command = checkCommand(service.healthcheck);
  if (!command) return {};
  const { healthcheck = {} } = service;
  const readinessProbe: Probe = { exec: { command }, ...timingOf(healthcheck) };
  if (!options.swarm) return { readinessProbe };
  const initialDelaySeconds = seconds(healthcheck.start_period);
  return {
    readinessProbe,
    livenessProbe: { ...readinessProbe, initialDelaySeconds: initialDelaySeconds || undefined },
  };
}

/** How long a service may take to become healthy before docker calls it unhealthy, in milliseconds. */
export function healthDeadlineMs(service: Service): number | undefined {
  const { healthcheck } = service;
  if (!checkCommand(healthcheck)) return undefined;
  const { start_period: start, interval, timeout, retries } = healthcheck ?? {};
  const each = (seconds(interval) || defaults.interval) + (seconds(timeout) || defaults.timeout);
  return (seconds(start) + each * (retries || defaults.retries)) * 1000;
}

function checkCommand(healthcheck: Healthcheck | undefined): string[] | undefined {
  if (!healthcheck || healthcheck.disable) return undefined;
  const [how, ...words] = healthcheck.test ?? [];
  if (how === 'CMD') return words.length > 0 ? words : undefined;
  return how === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : undefined;
}

function timingOf({ interval, timeout, retries, start_period, start_interval }: Healthcheck): Probe {
  const usual = seconds(interval) || defaults.interval;
  const early = start_period ? seconds(start_interval) || defaults.startInterval : usual;
  return {
    periodSeconds: Math.max(1, Math.min(usual, early)),
    timeoutSeconds: Math.max(1, seconds(timeout) || defaults.timeout),
    failureThreshold: Math.max(1, retries || defaults.retries),
  };
}

/** Whole seconds, rounded up. */
export function seconds(duration: string | undefined): number {
  return duration === undefined ? 0 : Math.ceil((parseDuration(duration) ?? 0) / 1e9);
}
