import type { Event, Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { events } from '../../client/resources.ts';
import { followPods } from './follow-pods.ts';

interface TroubleWatch {
  client: Client;
  namespace: string;
  /** Which pods are meant. */
  isOurs: (pod: Pod) => boolean;
  /** Whether what makes pods (a ReplicaSet, a StatefulSet …) makes such pods. */
  isOwner: (name: string) => boolean;
  /** Told of each reason once, however many pods have it. */
  tell: (message: string) => void;
  signal: AbortSignal;
}

/**
 * Why a pod does not come to run, by its conditions: no node takes it, its node rejects it, a container cannot be made.
 * Undefined for one that is on its way. Pure.
 */
export function troubleOf({ status }: Pod): string | undefined {
  const { phase, reason, message, conditions = [] } = status ?? {};
  // Without containers that ended, it is the node that refused it (kubernetes/pkg/kubelet/lifecycle).
  const hasRun = (status?.containerStatuses ?? []).some(({ state }) => state?.terminated);
  if (phase === 'Failed') return reason && !hasRun ? said('its node rejects it', reason, message) : undefined;
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return said('no node takes it', undefined, scheduled.message ?? scheduled.reason);
  for (const { name, state } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    const { reason: why = '', message: details } = state?.waiting ?? {};
    if (isTrouble.test(why)) return said(`container ${name} does not start`, why, details);
  }
  return undefined;
}

/** The kubelet's reasons that are no steps on the way: kubernetes/pkg/kubelet/container/sync_result.go, images/types.go. */
const isTrouble =
  /^(?:CrashLoopBackOff|Err\w+|Image\w+|Invalid\w+|RunContainerError|CreateContainer\w*Error|\w+HookError)$/;

function said(what: string, reason: string | undefined, message: string | undefined): string {
  return [what, reason, message].filter((part) => part).join(': ');
}

/** Does work that waits for pods, and tells meanwhile what keeps them from running. What cannot be watched is not told of. */
export async function tellingTroubles<T>(
  watches: readonly Omit<TroubleWatch, 'signal'>[],
  work: () => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const following = watches.map((watch) => follow({ ...watch, signal: done.signal }));
  try {
    return await work();
  } finally {
    done.abort();
    await Promise.all(following);
  }
}

async function follow(watch: TroubleWatch): Promise<void> {
  const told = new Set<string>();
  const tell = (message: string): void => {
    if (told.has(message) || watch.signal.aborted) return;
    told.add(message);
    watch.tell(message);
  };
  await Promise.all([followTroubles({ ...watch, tell }), followRefusals({ ...watch, tell })]);
}

function followTroubles({ client, namespace, isOurs, tell, signal }: TroubleWatch): Promise<void> {
  return followPods(client, { namespace, signal }, (pod) => {
    const why = isOurs(pod) && !pod.metadata.deletionTimestamp ? troubleOf(pod) : undefined;
    if (why !== undefined) tell(`${ownerOf(pod)}: ${why}`);
  });
}

/** Pods that are refused before they are there (quotas, pod security): only events of who makes them tell. */
async function followRefusals({ client, namespace, isOwner, tell, signal }: TroubleWatch): Promise<void> {
  const selection = { namespace, fieldSelector: 'type=Warning', signal };
  try {
    // What is there already may be of another time; what still goes on is told again.
    const { metadata } = await client.list<Event>(events, selection);
    const changes = client.watch<Event>(events, { ...selection, resourceVersion: metadata.resourceVersion ?? '' });
    for await (const change of changes) {
      if (signal.aborted) return;
      if (change.type !== 'ADDED' && change.type !== 'MODIFIED') continue;
      const { reason, message, involvedObject } = change.object;
      const name = involvedObject.name ?? '';
      if (reason === 'FailedCreate' && isOwner(name)) tell(`${name}: no pod is made: ${message}`);
    }
  } catch {
    // As above.
  }
}

/** Pods come and go; what made them has a name that says more. */
function ownerOf({ metadata }: Pod): string {
  const [owner] = metadata.ownerReferences ?? [];
  if (!owner) return metadata.name ?? '';
  const hash = metadata.labels?.['pod-template-hash'];
  return hash !== undefined && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : owner.name;
}
