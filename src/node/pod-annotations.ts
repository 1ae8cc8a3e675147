import {
  pausedAnnotation,
  restartAnnotation,
  restartsAnnotation,
  stoppedAnnotation,
  userAnnotation,
} from '../api/agent-requests.ts';
import { containerSettingsAnnotation, type ContainerSettings } from '../api/container-settings.ts';
import type { Pod } from '../api/types/core-v1.ts';

/** How often a container is started again that fails; {@link restartLimit}. */
export interface RestartLimit {
  /** Restarts after an end with another exit code than 0. */
  failures: number;
}

/** Undefined where the pod says nothing of its own, and its `restartPolicy` counts. */
export function restartLimit({ metadata }: Pod): RestartLimit | undefined {
  const text = metadata.annotations?.[restartAnnotation];
  if (text === 'never') return { failures: 0 };
  const [, count] = /^on-failure(?::(\d+))?$/.exec(text ?? '') ?? [undefined, undefined];
  if (count !== undefined) return { failures: Number(count) };
  return text === 'on-failure' ? { failures: Infinity } : undefined;
}

/** The user that the pod's containers run as, by name. */
export function userNameOf({ metadata }: Pod): string | undefined {
  return metadata.annotations?.[userAnnotation];
}

/** Whether the pod's processes are to stand still. */
export function wantsPause({ metadata }: Pod): boolean {
  return metadata.annotations?.[pausedAnnotation] === 'true';
}

/** How the pod's containers are to end and stay so; undefined where they are to run. */
export function stopOf({ metadata }: Pod): { graceSeconds: number | undefined } | undefined {
  const text = metadata.annotations?.[stoppedAnnotation];
  if (text === undefined) return undefined;
  return { graceSeconds: /^\d+$/.test(text) ? Number(text) : undefined };
}

/** How often the pod's containers are to have been started again at least: each `start` of a user's is one more. */
export function askedRestarts({ metadata }: Pod): number {
  const text = metadata.annotations?.[restartsAnnotation] ?? '';
  return /^\d+$/.test(text) ? Number(text) : 0;
}

/** What the pod's containers have no field for. Rejects what is no JSON by throwing. */
export function containerSettingsOf({ metadata }: Pod): ContainerSettings | undefined {
  const text = metadata.annotations?.[containerSettingsAnnotation];
  return text === undefined ? undefined : (JSON.parse(text) as ContainerSettings);
}

/** Seconds for which failures of the pod's healthcheck do not count; undefined where it has none. */
export function healthStartPeriodOf(pod: Pod): number | undefined {
  try {
    return containerSettingsOf(pod)?.healthStartPeriod;
  } catch {
    // What cannot be read is told of when a container is made.
    return undefined;
  }
}
