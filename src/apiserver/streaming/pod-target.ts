import { ApiError, notFound } from '../../api/status.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { nodes, pods } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';

/** Which container of a pod a request means, and the node that runs it. */
export async function findPod(lookup: Lookup, namespace: string, name: string): Promise<Pod> {
  const pod = await lookup.fresh(pods, namespace, name);
  if (!pod) throw notFound('', 'pods', name);
  return pod;
}

/** The named container, or the only one; 400 as upstream words it. */
export function chooseContainer(pod: Pod, named: string | null): string {
  const { spec } = pod;
  const name = pod.metadata.name ?? '';
  const main = (spec?.containers ?? []).map((container) => container.name);
  const init = (spec?.initContainers ?? []).map((container) => container.name);
  const ephemeral = (spec?.ephemeralContainers ?? []).map((container) => container.name);
  if (named) {
    if ([...main, ...init, ...ephemeral].includes(named)) return named;
    throw ApiError.of('BadRequest', `container ${named} is not valid for pod ${name}`);
  }
  const [only, ...others] = main;
  if (only !== undefined && others.length === 0) return only;
  const list = (names: readonly string[]): string => `[${names.join(' ')}]`;
  if (only === undefined) throw ApiError.of('BadRequest', `a container name must be specified for pod ${name}`);
  const more = [
    ...(init.length > 0 ? [` or one of the init containers: ${list(init)}`] : []),
    ...(ephemeral.length > 0 ? [` or one of the ephemeral containers: ${list(ephemeral)}`] : []),
  ];
  const text = `a container name must be specified for pod ${name}, choose one of: ${list(main)}${more.join('')}`;
  throw ApiError.of('BadRequest', text);
}

export async function nodeOf(lookup: Lookup, pod: Pod): Promise<Node> {
  const name = pod.spec?.nodeName;
  if (!name) throw ApiError.of('BadRequest', `pod ${pod.metadata.name ?? ''} does not have a host assigned`);
  const node = await lookup.fresh(nodes, '', name);
  if (!node) throw notFound('', 'nodes', name);
  return node;
}
