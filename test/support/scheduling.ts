import type { Node, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import type { ObjectMeta } from '../../src/api/types/meta-v1.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { Namespaces } from '../../src/scheduler/affinity-terms.ts';
import { AffinityTerms } from '../../src/scheduler/affinity-terms.ts';
import { ClusterCache } from '../../src/scheduler/cluster-cache.ts';
import { type DecideOptions, type Plugins } from '../../src/scheduler/decide.ts';
import { defaultPlugins } from '../../src/scheduler/default-plugins.ts';
import { Nominations } from '../../src/scheduler/nominations.ts';
import type { VolumeView } from '../../src/scheduler/filters/volume-filters.ts';
import type { Filter } from '../../src/scheduler/plugin.ts';
import { node, pod } from './objects.ts';

/** Namespaces by name, with their labels. */
export function namespacesOf(labels: Record<string, Record<string, string>>): Namespaces {
  return { labelsOf: (name) => labels[name], names: () => Object.keys(labels) };
}

/** A node with room: 4 cpus, 8 GiB, 110 pods; in a zone where one is named. */
export function roomyNode(
  name: string,
  more: { zone?: string; allocatable?: Record<string, string>; metadata?: ObjectMeta; spec?: Node['spec'] } = {},
): Node {
  const { zone, allocatable, metadata, spec } = more;
  const labels = {
    'kubernetes.io/hostname': name,
    ...(zone && { 'topology.kubernetes.io/zone': zone }),
    ...metadata?.labels,
  };
  const made = node(name, { metadata: { ...metadata, labels }, spec });
  made.status = { ...made.status, allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } };
  return made;
}

/** A pod that asks for `cpu` and `memory`. */
export function podAsking(
  name: string,
  requests: Record<string, string>,
  more: { metadata?: ObjectMeta; spec?: Partial<PodSpec> } = {},
): Pod {
  return pod(name, {
    metadata: more.metadata,
    spec: { containers: [{ name: 'main', image: 'web', resources: { requests } }], ...more.spec },
  });
}

/** A cluster of these nodes, with pods on some of them by the node's name. */
export function clusterOf(
  nodes: readonly Node[],
  podsByNode: Record<string, readonly Pod[]> = {},
  namespaces: Namespaces = namespacesOf({ default: {} }),
): ClusterCache {
  const cluster = new ClusterCache(namespaces);
  for (const each of nodes) cluster.setNode(each);
  for (const [name, pods] of Object.entries(podsByNode)) for (const each of pods) cluster.assume(each, name);
  return cluster;
}

/** What `filter` says of each node, by the node's name: null, or its reasons. */
export function verdictsOf(filter: Filter, waiting: Pod, cluster: ClusterCache): Record<string, string | null> {
  const check = filter.prepare(waiting, cluster);
  return Object.fromEntries(
    cluster.nodes.map((each) => [each.name, check?.(each)?.reasons.join(', ') ?? null]),
  ) as Record<string, string | null>;
}

/** A cluster without claims. */
const noVolumes: VolumeView = {
  ...{ claim: () => undefined, volume: () => undefined, volumes: () => [], storageClass: () => undefined },
  taken: new Set(),
};

/** The default plugins, for pods that stand alone. */
function pluginsFor(namespaces: Namespaces = namespacesOf({ default: {} })): Plugins {
  return defaultPlugins(new AffinityTerms(namespaces), () => undefined, noVolumes);
}

export function decideOptions(cluster: ClusterCache, more: Partial<DecideOptions> = {}): DecideOptions {
  return {
    ...{ cluster, plugins: pluginsFor(), nominations: new Nominations() },
    ...{ random: seededRandom(1), startAt: 0 },
    ...more,
  };
}
