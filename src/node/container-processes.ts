import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';

/** How long the runtime may take to see that a process ended. */
const noticeMs = 2_000;

/**
 * The first process of each container and sandbox, as the runtime's events tell them. SIGKILL goes to it directly: a
 * runtime that is asked to kill starts a program for every signal (`runc kill`), which costs as much as a tenth of a
 * pod's start.
 */
export interface ContainerProcesses {
  started(id: string, pid: number): void;
  ended(id: string): void;
  /** Is its process known, alive and surely its own? */
  isReachable(id: string): boolean;
  /**
   * SIGKILL. Resolves when the runtime has noticed the end, after two seconds at most; at once for one that is not
   * reachable: the caller asks the runtime in any case.
   */
  kill(id: string): Promise<void>;
}

export function createContainerProcesses(clock: Clock): ContainerProcesses {
  const pids = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  const reachable = (id: string): number | undefined => {
    const pid = pids.get(id);
    return pid !== undefined && isInCgroupOf(pid, id) ? pid : undefined;
  };
  return {
    started: (id, pid) => void pids.set(id, pid),
    ended(id) {
      pids.delete(id);
      for (const resolve of waiting.get(id) ?? []) resolve();
      waiting.delete(id);
    },
    isReachable: (id) => reachable(id) !== undefined,
    async kill(id) {
      const pid = reachable(id);
      if (pid === undefined) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.setTimer(noticeMs, resolve);
        waiting.set(id, [...(waiting.get(id) ?? []), () => (cancel(), resolve())]);
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended in this very moment: the event is on its way.
        }
      });
    },
  };
}

/** A number is given to another process sooner or later; the control group bears the container's id. */
function isInCgroupOf(pid: number, id: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
  } catch {
    return false;
  }
}
