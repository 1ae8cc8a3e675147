import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { isPodFinished } from '../api/pod-phase.ts';
import { isApiError } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import { pods } from '../client/resources.ts';
import type { Pod, PodStatus } from '../api/types/core-v1.ts';
import { statusPatch } from './status-patch.ts';

/**
 * Writes pod statuses: one request at a time for each pod, what came meanwhile in one, nothing when nothing
 * changed.
 */
export interface StatusManager {
  set(pod: Pod, status: PodStatus): void;
  /** Writes this last status, then takes the pod out of the API (grace 0, this uid only). */
  finish(pod: Pod, status: PodStatus): void;
  forget(uid: string): void;
  /** Resolves when everything that was set is written or given up. */
  settled(): Promise<void>;
  stop(): void;
}

interface Entry {
  pod: Pod;
  desired: PodStatus;
  /** The server's answer to the last write. */
  written: Pod | undefined;
  finish: boolean;
  finished: boolean;
  busy: boolean;
  changed: boolean;
  failures: number;
  /** Before this a status that somebody else changed is left as it is. */
  insistAtMs: number;
  /** Of the timer that looks again. */
  cancel: (() => void) | undefined;
}

const maxRetryMs = 10_000;
/** Upstream's period for comparing statuses. */
const insistEveryMs = 10_000;

interface StatusManagerOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  /** Does the API have the node as ready? */
  isNodeReady: () => boolean;
}

export function createStatusManager(options: StatusManagerOptions): StatusManager {
  return new Manager(options);
}

class Manager implements StatusManager {
  private readonly options: StatusManagerOptions;
  private readonly entries = new Map<string, Entry>();
  private readonly idle: (() => void)[] = [];
  private stopped = false;

  constructor(options: StatusManagerOptions) {
    this.options = options;
  }

  set(pod: Pod, status: PodStatus): void {
    this.put(pod, status, false);
  }

  finish(pod: Pod, status: PodStatus): void {
    this.put(pod, status, true);
  }

  forget(uid: string): void {
    this.entries.get(uid)?.cancel?.();
    this.entries.delete(uid);
  }

  settled(): Promise<void> {
    if ([...this.entries.values()].every((entry) => !entry.busy)) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  stop(): void {
    this.stopped = true;
    for (const entry of this.entries.values()) entry.cancel?.();
  }

  private put(pod: Pod, status: PodStatus, finish: boolean): void {
    const uid = pod.metadata.uid ?? '';
    let entry = this.entries.get(uid);
    if (!entry) {
      const fresh = { written: undefined, finished: false, busy: false, failures: 0, insistAtMs: 0, cancel: undefined };
      entry = { ...fresh, pod, desired: status, finish, changed: true };
      this.entries.set(uid, entry);
    }
    Object.assign(entry, { pod, desired: status, finish: entry.finish || finish, changed: true });
    if (!entry.busy) void this.work(uid, entry);
  }

  private async work(uid: string, entry: Entry): Promise<void> {
    entry.busy = true;
    while (!this.stopped && this.entries.get(uid) === entry && (entry.changed || (entry.finish && !entry.finished))) {
      entry.changed = false;
      try {
        await this.write(entry);
        if (entry.finish && !entry.changed) await this.remove(entry);
        entry.failures = 0;
      } catch (error) {
        if (isApiError(error, 'NotFound', 'Conflict')) {
          this.entries.delete(uid);
          break;
        }
        entry.changed = true;
        this.options.log.warn('cannot write a pod status', { pod: entry.pod.metadata.name, error });
        await this.options.clock.sleep(Math.min(maxRetryMs, 100 * 2 ** entry.failures++)).catch(() => undefined);
      }
    }
    entry.busy = false;
    if ([...this.entries.values()].every((other) => !other.busy)) for (const resolve of this.idle.splice(0)) resolve();
  }

  private async write(entry: Entry): Promise<void> {
    const { pod } = entry;
    const document = this.change(entry);
    if (!document) return;
    const { name = '', namespace = '', uid } = pod.metadata;
    const answer = await this.options.client.patch(
      pods,
      { name, namespace },
      { kind: 'strategic', document: { metadata: { uid }, status: document } },
      { subresource: 'status' },
    );
    entry.written = answer;
  }

  /**
   * Others write here too: the node lifecycle controller takes Ready from the pods of a silent node, and the agent that
   * is heard of again gives it back. While its node is not ready it leaves that alone, and it insists only as often as
   * upstream's agent looks again, so that two who disagree do not drown the server.
   */
  private change(entry: Entry): Record<string, unknown> | undefined {
    const { pod, written, desired } = entry;
    const { clock, isNodeReady } = this.options;
    const base = (written ?? pod).status ?? {};
    const own = statusPatch(base, desired);
    if (own && isLeaving(pod, base) && Object.keys(own).every((key) => key === 'conditions')) return undefined;
    if (own || !written || !isNewer(pod, written) || !isNodeReady()) return own;
    const lost = statusPatch(pod.status ?? {}, desired);
    if (!lost) return undefined;
    const waitMs = entry.insistAtMs - clock.monotonic();
    if (waitMs > 0) {
      entry.cancel ??= clock.setTimer(waitMs, () => {
        entry.cancel = undefined;
        if (!this.stopped) this.put(entry.pod, entry.desired, false);
      });
      return undefined;
    }
    entry.insistAtMs = clock.monotonic() + insistEveryMs;
    return lost;
  }

  private async remove(entry: Entry): Promise<void> {
    const { name = '', namespace = '', uid } = entry.pod.metadata;
    await this.options.client.delete(
      pods,
      { name, namespace },
      { gracePeriodSeconds: 0, ...(uid !== undefined && { preconditions: { uid } }) },
    );
    entry.finished = true;
  }
}

/** Versions of one object can be compared (KEP-5504). */
function isNewer(seen: Pod, written: Pod): boolean {
  return Number(seen.metadata.resourceVersion) > Number(written.metadata.resourceVersion);
}

/**
 * A deleted pod whose end is told leaves the API as soon as its sandbox is gone: nobody has a use for a write that says
 * that it is. With finalizers it stays, and that is told.
 */
function isLeaving({ metadata }: Pod, status: PodStatus): boolean {
  return (
    metadata.deletionTimestamp !== undefined && !metadata.finalizers?.length && isPodFinished({ metadata, status })
  );
}
