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
  /** The runtime's status of the container shows its end, too. */
  settled(id: string): void;
  /** No more is heard of ends for now: whoever waits for one asks the runtime. */
  lost(): void;
  /** Is its process known, alive and surely its own? */
  isReachable(id: string): boolean;
  /**
   * SIGKILL. Resolves when the runtime has noticed the end, after two seconds at most; at once for one that is not
   * reachable: the caller asks the runtime in any case.
   */
  kill(id: string): Promise<void>;
  /**
   * Sends the signal, once however often this is called, and SIGKILL when the grace is over. Resolves with true when
   * the end of the container is settled; with false when nobody here can tell, so that the runtime must be asked.
   */
  terminate(id: string, signal: number, graceMs: number): Promise<boolean>;
}

export function createContainerProcesses(clock: Clock): ContainerProcesses {
  const pids = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  /** By container: which process has got its signal, and who waits for its end. */
  const terminating = new Map<string, { signalled: number; waiters: Set<Tell> }>();
  const reachable = (id: string): number | undefined => {
    const pid = pids.get(id);
    return pid !== undefined && isInCgroupOf(pid, id) ? pid : undefined;
  };
  const send = (pid: number, signal: number | 'SIGKILL'): void => {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended in this very moment: the event is on its way.
    }
  };
  const kill = async (id: string): Promise<void> => {
    const pid = reachable(id);
    if (pid === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(noticeMs, resolve);
      waiting.set(id, [...(waiting.get(id) ?? []), () => (cancel(), resolve())]);
      send(pid, 'SIGKILL');
    });
  };
  return {
    kill,
    started: (id, pid) => void pids.set(id, pid),
    ended(id) {
      pids.delete(id);
      for (const resolve of waiting.get(id) ?? []) resolve();
      waiting.delete(id);
    },
    settled(id) {
      for (const tell of terminating.get(id)?.waiters ?? []) tell(true);
      terminating.delete(id);
    },
    lost() {
      for (const { waiters } of terminating.values()) for (const tell of waiters) tell(false);
    },
    isReachable: (id) => reachable(id) !== undefined,
    async terminate(id, signal, graceMs) {
      const pid = reachable(id);
      if (pid === undefined) return false;
      const known = terminating.get(id);
      const { signalled, waiters } = known?.signalled === pid ? known : { signalled: pid, waiters: new Set<Tell>() };
      terminating.set(id, { signalled, waiters });
      const isSettled = new Promise<boolean>((resolve) => {
        let cancel = clock.setTimer(graceMs, () => {
          void kill(id);
          cancel = clock.setTimer(noticeMs, () => tell(false));
        });
        const tell: Tell = (value) => {
          cancel();
          waiters.delete(tell);
          resolve(value);
        };
        waiters.add(tell);
      });
      if (known?.signalled !== pid) send(pid, signal);
      return isSettled;
    },
  };
}

type Tell = (isSettled: boolean) => void;

/** A number is given to another process sooner or later; the control group bears the container's id. */
function isInCgroupOf(pid: number, id: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
  } catch {
    return false;
  }
}
