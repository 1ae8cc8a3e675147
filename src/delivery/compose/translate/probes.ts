import type { Healthcheck as TimedCheck } from '../../../api/container-settings.ts';
import { healthcheckDeadlineMs, healthcheckProbe, imageHealthcheckOf } from '../../../api/healthcheck.ts';
import type { Container, Pod } from '../../../api/types/core-v1.ts';
import type { Healthcheck, Service } from '../model.ts';
import { parseDuration } from '../units.ts';
import type { ServiceScope } from './scope.ts';

/** A healthcheck is the readiness probe: what waits for a healthy service, and what publishes ports, looks at that. */
export function probesOf({ service, options }: ServiceScope): Pick<Container, 'readinessProbe' | 'livenessProbe'> {
  const command = checkCommand(service.healthcheck);
  if (!command) return {};
  const check = { command, ...timingOf(service.healthcheck) };
  const readinessProbe = healthcheckProbe(check);
  if (!options.swarm) return { readinessProbe };
  return {
    readinessProbe,
    livenessProbe: { ...readinessProbe, initialDelaySeconds: check.startPeriod || undefined },
  };
}

/**
 * What the file says of a healthcheck whose command is the image's; undefined where the file has the command, or wants
 * none.
 */
export function imageHealthcheckChanges({ healthcheck }: Service): Partial<TimedCheck> | undefined {
  if (healthcheck?.disable || healthcheck?.test?.length) return undefined;
  return Object.fromEntries(Object.entries(timingOf(healthcheck)).filter(([, value]) => value !== undefined));
}

/**
 * How long a service may take to become healthy before docker calls it unhealthy, in milliseconds. Its pods tell what
 * the image has.
 */
export function healthDeadlineMs(service: Service, pods: readonly Pod[] = []): number | undefined {
  const { healthcheck } = service;
  if (checkCommand(healthcheck)) return healthcheckDeadlineMs(timingOf(healthcheck));
  const [ofImage] = pods.flatMap((pod) => imageHealthcheckOf(pod) ?? []);
  return ofImage && healthcheckDeadlineMs(ofImage);
}

/** Seconds for which failures of the file's healthcheck do not count; undefined where it has none. */
export function healthStartPeriod({ healthcheck }: Service): number | undefined {
  return checkCommand(healthcheck) && seconds(healthcheck?.start_period);
}

function checkCommand(healthcheck: Healthcheck | undefined): string[] | undefined {
  if (!healthcheck || healthcheck.disable) return undefined;
  const [how, ...words] = healthcheck.test ?? [];
  if (how === 'CMD') return words.length > 0 ? words : undefined;
  return how === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : undefined;
}

function timingOf(healthcheck: Healthcheck | undefined): Omit<TimedCheck, 'command'> {
  const { interval, timeout, retries, start_period: startPeriod, start_interval: startInterval } = healthcheck ?? {};
  return {
    interval: seconds(interval) || undefined,
    timeout: seconds(timeout) || undefined,
    retries,
    startPeriod: seconds(startPeriod) || undefined,
    startInterval: seconds(startInterval) || undefined,
  };
}

/** Whole seconds, rounded up. */
export function seconds(duration: string | undefined): number {
  return duration === undefined ? 0 : Math.ceil((parseDuration(duration) ?? 0) / 1e9);
}
