import { labelMatcher } from '../../api/label-selector.ts';
import type { KubeObject } from '../../api/object.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client, ObjectName } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { type Applied, type Unready, WaitError } from '../apply/errors.ts';
import { explainUnready } from '../apply/explain.ts';
import { followPods } from '../apply/follow-pods.ts';
import type { Readiness } from '../apply/readiness.ts';
import { tellingTroubles } from '../apply/troubles.ts';
import { waitForObjects } from '../apply/wait.ts';
import { hopelessness } from './hopeless.ts';

export interface RolloutWait {
  client: Client;
  clock: Clock;
  timeoutMs: number;
  /** Told what keeps new pods from running, while they may still come to it. */
  say?: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/** Pods that are there before a change: how they are is not the change's doing. */
export async function podsBefore(client: Client, namespaces: Iterable<string>): Promise<Set<string>> {
  const lists = await Promise.all([...new Set(namespaces)].map((namespace) => client.list(pods, { namespace })));
  return new Set(lists.flatMap(({ items }) => items.map(({ metadata }) => metadata.uid ?? '')));
}

/**
 * Waits until what was applied is ready. Rejects with `WaitError` when the time is over, and as soon as a new pod of it
 * cannot become ready any more (it keeps crashing, its image is not to be had): nobody needs to wait for that.
 */
export async function waitForRollout(
  applied: readonly Applied[],
  before: ReadonlySet<string>,
  { client, clock, timeoutMs, say, signal }: RolloutWait,
): Promise<void> {
  const targets = applied.filter(({ action, resource }) => action !== 'deleted' && resource.kind !== 'Job');
  const done = new AbortController();
  const giveUp = (): void => done.abort(signal?.reason);
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  let hopeless: Unready | undefined;
  const groups = groupsOf(targets.map(({ object }) => object));
  const watching = groups.map((group) =>
    watchPods(client, group, done.signal, (pod) => {
      if (hopeless || before.has(pod.metadata.uid ?? '')) return;
      const reason = hopelessness(pod);
      if (reason === undefined) return;
      const name = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
      hopeless = { resource: pods, name, failed: true, reason };
      done.abort();
    }),
  );
  try {
    const troubles = say ? groups.map((group) => troublesOf(group, { client, before, tell: say })) : [];
    await tellingTroubles(troubles, () => waitForObjects({ client, clock, targets, timeoutMs, signal: done.signal }));
  } catch (error) {
    if (!hopeless) throw error;
    throw new WaitError([hopeless], undefined, await explainUnready(client, [hopeless]));
  } finally {
    done.abort();
    signal?.removeEventListener('abort', giveUp);
    await Promise.all(watching);
  }
}

/**
 * Waits until the pods of workloads that were deleted are on their way out, and so no service's any more: what is asked
 * from then on is answered by the others. Rejects with `WaitError` when the time is over.
 */
export async function waitForLeaving(
  applied: readonly Applied[],
  { client, clock, timeoutMs, signal }: RolloutWait,
): Promise<void> {
  const deleted = applied.flatMap(({ action, resource: { kind }, name }) =>
    action === 'deleted' ? [{ kind, ...name }] : [],
  );
  const namespaces = new Set(deleted.map(({ namespace = '' }) => namespace));
  const lists = await Promise.all(
    [...namespaces].map((namespace) => client.list(pods, { namespace, ...(signal && { signal }) })),
  );
  const targets = lists
    .flatMap(({ items }) => items.filter((pod) => deleted.some((owner) => isPodOf(pod, owner))))
    .map(({ metadata: { name = '', namespace = '' } }) => ({ resource: pods, name: { name, namespace } }));
  const until = (pod: KubeObject | undefined): Readiness =>
    pod && !pod.metadata.deletionTimestamp ? { state: 'progressing', reason: 'it is still there' } : { state: 'ready' };
  await waitForObjects({ client, clock, targets, until, timeoutMs, ...(signal && { signal }) });
}

/** By the owner's name alone: the owner is no longer there to be asked. A Deployment owns by a ReplicaSet of its name. */
export function isPodOf({ metadata }: Pod, owner: ObjectName & { kind: string }): boolean {
  if (metadata.namespace !== owner.namespace) return false;
  const hash = metadata.labels?.['pod-template-hash'] ?? '';
  const isDeployment = owner.kind === 'Deployment';
  const [kind, name] = isDeployment ? ['ReplicaSet', `${owner.name}-${hash}`] : [owner.kind, owner.name];
  return (metadata.ownerReferences ?? []).some((reference) => reference.kind === kind && reference.name === name);
}

function troublesOf(
  { namespace, name, matches }: Group,
  { client, before, tell }: { client: Client; before: ReadonlySet<string>; tell: (message: string) => void },
) {
  const isOurs = ({ metadata }: Pod): boolean => !before.has(metadata.uid ?? '') && matches(metadata.labels ?? {});
  return { client, namespace, isOurs, isOwner: (owner: string) => `${owner}-`.startsWith(`${name}-`), tell };
}

interface Group {
  namespace: string;
  name: string;
  matches: (labels: Readonly<Record<string, string>>) => boolean;
}

const owners = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

function groupsOf(objects: readonly KubeObject[]): Group[] {
  return objects.flatMap((object) => {
    const { selector } = ((object as { spec?: unknown }).spec ?? {}) as { selector?: LabelSelector };
    if (!owners.has(object.kind ?? '') || !selector) return [];
    const matcher = labelMatcher(selector);
    const { name = '', namespace = '' } = object.metadata;
    return [{ namespace, name, matches: (labels) => matcher.matches(labels) }];
  });
}

/** Tells of every pod of a group, first and whenever it changes, until the signal. */
function watchPods(
  client: Client,
  { namespace, matches }: Group,
  signal: AbortSignal,
  seen: (pod: Pod) => void,
): Promise<void> {
  return followPods(client, { namespace, signal }, (pod) => {
    if (matches(pod.metadata.labels ?? {})) seen(pod);
  });
}
