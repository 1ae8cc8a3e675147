import { formatMicroTime } from '../../../base/clock.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Client } from '../../../client/client.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { ApplyContext } from '../../apply/applier.ts';
import type { Applied } from '../../apply/errors.ts';
import type { ResourceMapper } from '../../apply/resource-mapper.ts';
import type { Release } from '../release/release.ts';
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
  /** Server-side apply; `auto` (default): as the release was applied before. */
  serverSide?: 'true' | 'false' | 'auto';
  /** With server-side apply: take over fields that others own. */
  forceConflicts?: boolean;
  /** Go on although an operation of somebody else is still marked as pending. */
  abandonPending?: boolean;
  /** Brings the objects to the cluster in a way of its own and judges them, in place of `wait`. */
  rollout?: Rollout;
}

/**
 * A way from a release's objects as they are to those that are wanted: `apply` may be called with any sets in between
 * (what the last one had and the next one has not is removed); what is wanted comes last. Rejects when it is not well.
 */
export type Rollout = (
  change: { previous: readonly KubeObject[]; wanted: readonly KubeObject[] },
  apply: (objects: readonly KubeObject[]) => Promise<Applied[]>,
) => Promise<void>;

/** Now, as releases keep it. */
export function timestamp({ clock }: ReleaseContext): string {
  return formatMicroTime(clock.now());
}

export function applyContext({ client, mapper, clock, namespace, signal }: ReleaseContext): ApplyContext {
  return { client, mapper, clock, namespace, fieldManager: 'helm', ...(signal && { signal }) };
}

/** The release with how its objects are applied: `ssa` is on the server, anything else by three-way patches. */
export function withApplyMethod(
  release: Release,
  { serverSide = 'auto' }: Pick<OperationOptions, 'serverSide'>,
): Release {
  if (serverSide === 'auto') return release;
  const { applyMethod, ...rest } = release;
  if (serverSide === 'true') return { ...rest, applyMethod: 'ssa' };
  // Helm 3's releases do not say how.
  return applyMethod === undefined ? rest : { ...rest, applyMethod: 'csa' };
}
