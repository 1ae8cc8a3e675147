import { labelMatcher } from '../../api/label-selector.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import type { Resource } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import type { Kube } from './session.ts';

/** The pods that `NAME` or `TYPE/NAME` means: that pod, or those that the object selects, the best one first. */
export async function podsOf(
  { client, finder, namespace }: Pick<Kube, 'client' | 'finder' | 'namespace'>,
  word: string,
): Promise<Pod[]> {
  const [type = '', name] = word.includes('/') ? word.split('/') : ['pods', word];
  if (!name) throw new CliError('arguments in resource/name form must have a single resource and name');
  const [resource = pods] = await finder.find(type);
  const object = await client.get(resource, { name, namespace });
  if (resource.kind === 'Pod') return [object];
  const labelSelector = selectorOf(resource, object);
  const { items } = await client.list(pods, { namespace, labelSelector });
  if (items.length === 0) {
    throw new CliError(`no pods found for ${word}: none has the labels ${labelSelector}`);
  }
  return items.toSorted((a, b) => rank(b) - rank(a));
}

/** What an object's own selector selects; services and replication controllers have one of equalities. */
function selectorOf(resource: Resource, object: KubeObject): string {
  const { selector } = ((object as AnyObject)['spec'] ?? {}) as { selector?: unknown };
  const type = `*${resource.version}.${resource.kind}`;
  if (!selector) throw new CliError(`cannot attach to ${type}: selector for ${type} not implemented`);
  const isPlain = ['Service', 'ReplicationController'].includes(resource.kind);
  return labelMatcher(isPlain ? { matchLabels: selector as Record<string, string> } : selector).toString();
}

/** A pod that answers before one that does not, one that has a node before one that waits. */
function rank({ spec, status, metadata }: Pod): number {
  if (metadata.deletionTimestamp) return 0;
  const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return 1 + (spec?.nodeName ? 1 : 0) + (status?.phase === 'Running' ? 2 : 0) + (isReady ? 4 : 0);
}

const defaultContainer = 'kubectl.kubernetes.io/default-container';

/** The container that a command means where none is named; says so where there was a choice. */
export function chosenContainer(pod: Pod, named: string | undefined): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all: Pick<Container, 'name'>[] = [...containers, ...ephemeralContainers, ...initContainers];
  const podName = pod.metadata.name ?? '';
  if (named) {
    if (all.some(({ name }) => name === named)) return named;
    throw new CliError(`container ${named} is not valid for pod ${podName}`);
  }
  const annotated = pod.metadata.annotations?.[defaultContainer];
  if (annotated && all.some(({ name }) => name === annotated)) return annotated;
  const first = containers[0]?.name ?? '';
  if (all.length > 1) {
    const kind = (name: string): string =>
      initContainers.some((each) => each.name === name)
        ? ' (init)'
        : ephemeralContainers.some((each) => each.name === name)
          ? ' (ephem)'
          : '';
    const list = all.map(({ name }) => `${name}${kind(name)}`).join(', ');
    process.stderr.write(`Defaulted container "${first}" out of: ${list}\n`);
  }
  return first;
}
