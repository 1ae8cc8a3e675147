import { formatTime } from '../../../base/clock.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Client } from '../../../client/client.ts';
import type { ApplyContext } from '../../apply/applier.ts';
import type { ResourceMapper } from '../../apply/resource-mapper.ts';
import type { ReleaseStorage } from '../release/storage.ts';

/** What operations on releases work with. */
export interface ReleaseContext {
  client: Client;
  mapper: ResourceMapper;
  storage: ReleaseStorage;
  clock: Clock;
  random: Random;
  /** Of the release, and of objects that name none. */
  namespace: string;
  /** For the person: warnings, and what takes long. */
  say: (message: string) => void;
  /** Logs of hooks that ask for it. */
  log: (line: string) => void;
  signal?: AbortSignal;
}

/** What all changing operations have in common. */
export interface OperationOptions {
  /** For each single thing that is waited for. */
  timeoutMs: number;
  /** Wait until the objects are ready. */
  wait: boolean;
  waitForJobs: boolean;
  noHooks: boolean;
  /** Replace objects instead of patching them. */
  force: boolean;
  /** Go on although an operation of somebody else is still marked as pending. */
  abandonPending?: boolean;
}

/** Now, as releases keep it. */
export function timestamp({ clock }: ReleaseContext): string {
  return formatTime(clock.now());
}

export function applyContext({ client, mapper, clock, namespace, signal }: ReleaseContext): ApplyContext {
  return { client, mapper, clock, namespace, fieldManager: 'helm', ...(signal && { signal }) };
}
