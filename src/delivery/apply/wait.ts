import { setMaxListeners } from 'node:events';
import type { KubeObject } from '../../api/object.ts';
import { ApiError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client, Resource } from '../../client/client.ts';
import { describeTarget, type Unready, WaitError, type WaitTarget } from './errors.ts';
import { explainUnready } from './explain.ts';
import { readiness, type Readiness } from './readiness.ts';

export interface WaitOptions {
  client: Client;
  clock: Clock;
  targets: readonly WaitTarget[];
  /**
   * Default: `ready` by {@link readiness}, and an explanation where they are not. A rule of one's own is told undefined
   * of an object that is not there.
   */
  until?: 'ready' | 'gone' | ((object: KubeObject | undefined) => Readiness);
  timeoutMs: number;
  signal?: AbortSignal;
}

/** For objects that must go. */
function judgeGone(object: KubeObject | undefined): Readiness {
  return object === undefined ? { state: 'ready' } : { state: 'progressing', reason: 'it is still there' };
}

function judgeReady(object: KubeObject | undefined): Readiness {
  return object === undefined ? { state: 'progressing', reason: 'it does not exist' } : readiness(object);
}

/** After a list or a watch that failed. */
const retryMs = 1000;

/**
 * Waits until all targets are ready at the same time, by one list and watch for each kind and namespace. Rejects with
 * {@link WaitError} when the time is over, or as soon as one of them has failed for good; with the signal's reason when
 * that is aborted.
 */
export async function waitForObjects(options: WaitOptions): Promise<void> {
  const { client, clock, targets, until = 'ready', timeoutMs, signal } = options;
  const judge = until === 'ready' ? judgeReady : until === 'gone' ? judgeGone : until;
  if (targets.length === 0) return;
  const done = new AbortController();
  // Lists and watches of every kind listen to it.
  setMaxListeners(0, done.signal);
  const states = new Map<string, Readiness>(
    targets.map((target) => [describeTarget(target), { state: 'progressing', reason: 'nothing is known of it' }]),
  );
  const unready = (): Unready[] =>
    targets.flatMap((target) => {
      const state = states.get(describeTarget(target));
      if (!state || state.state === 'ready') return [];
      return [{ ...target, failed: state.state === 'failed', reason: state.reason }];
    });
  let hasFailed = false;
  const settle = (): void => {
    hasFailed = [...states.values()].some(({ state }) => state === 'failed');
    if (hasFailed || [...states.values()].every(({ state }) => state === 'ready')) done.abort();
  };
  const stop = (): void => done.abort();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  const cancel = clock.setTimer(timeoutMs, stop);
  try {
    const follows = groupsOf(targets).map((group) =>
      follow({ ...options, group, signal: done.signal }, (target, object) => {
        states.set(describeTarget(target), judge(object && withType(target.resource, object)));
        settle();
      }),
    );
    await Promise.all(follows);
  } finally {
    done.abort();
    cancel();
    signal?.removeEventListener('abort', stop);
  }
  signal?.throwIfAborted();
  const left = unready();
  if (left.length === 0) return;
  const culprits = hasFailed ? left.filter((each) => each.failed) : left;
  const explanation = until === 'ready' ? await explainUnready(client, culprits) : [];
  throw new WaitError(culprits, hasFailed ? undefined : timeoutMs, explanation);
}

/** Items of a list do not say what they are. */
function withType(resource: Resource, object: KubeObject): KubeObject {
  return object.kind === undefined ? { ...object, kind: resource.kind } : object;
}

interface Group {
  resource: Resource;
  namespace: string | undefined;
  targets: WaitTarget[];
}

function groupsOf(targets: readonly WaitTarget[]): Group[] {
  const groups = new Map<string, Group>();
  for (const target of targets) {
    const { resource, name } = target;
    const id = [resource.group, resource.version, resource.plural, name.namespace ?? ''].join('/');
    const group = groups.get(id) ?? { resource, namespace: name.namespace, targets: [] };
    group.targets.push(target);
    groups.set(id, group);
  }
  return [...groups.values()];
}

type Follow = Pick<WaitOptions, 'client' | 'clock'> & { group: Group; signal: AbortSignal };

/** Tells `seen` of every target's state, first and whenever it changes, until the signal. Rejects when the server refuses. */
async function follow(
  { client, clock, group, signal }: Follow,
  seen: (target: WaitTarget, object: KubeObject | undefined) => void,
): Promise<void> {
  const { resource, targets } = group;
  const byName = new Map(targets.map((target) => [target.name.name, target]));
  const [only] = targets;
  const selection = {
    ...(group.namespace !== undefined && { namespace: group.namespace }),
    ...(targets.length === 1 && { fieldSelector: `metadata.name=${only?.name.name}` }),
    signal,
  };
  while (!signal.aborted) {
    try {
      const { items, metadata } = await client.list(resource, selection);
      const found = new Map(items.map((item) => [item.metadata.name, item]));
      for (const target of targets) seen(target, found.get(target.name.name));
      const watch = { ...selection, resourceVersion: metadata.resourceVersion ?? '' };
      for await (const event of client.watch(resource, watch)) {
        if (signal.aborted || event.type === 'ERROR') break;
        const target = event.type === 'BOOKMARK' ? undefined : byName.get(event.object.metadata.name ?? '');
        if (target) seen(target, event.type === 'DELETED' ? undefined : event.object);
      }
    } catch (error) {
      if (signal.aborted) return;
      // What the server refuses it will refuse again; a server that is away may come back.
      if (error instanceof ApiError && error.code < 500 && error.code !== 429 && error.code !== 410) throw error;
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
  }
}
