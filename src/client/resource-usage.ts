import { quantityToMilli, quantityToNumber } from '../api/quantity.ts';
import { isApiError } from '../api/status.ts';
import type { Node } from '../api/types/core-v1.ts';
import type { NodeMetrics, PodMetrics } from '../api/types/metrics-v1beta1.ts';
import type { Client } from './client.ts';
import { objectPath } from './request-path.ts';
import { nodes } from './resources.ts';

/** What something uses: thousandths of a CPU, and bytes of its working set. */
export interface Usage {
  milliCpu: number;
  bytes: number;
}

export interface PodUsage extends Usage {
  namespace: string;
  name: string;
  /** False as long as the node has looked only once: a rate of CPU takes two looks. */
  isMeasured: boolean;
  containers: (Usage & { name: string })[];
}

/**
 * What the pods of the cluster use: metrics.k8s.io where somebody serves it, else what the nodes' own agents measure. A
 * node that does not answer is left out.
 */
export async function podUsages(client: Client): Promise<PodUsage[]> {
  const served = await metrics<PodMetrics>(client, 'pods');
  if (served) {
    return served.map(({ metadata, containers = [] }) => {
      const each = containers.map(({ name = '', usage }) => ({ name, ...usageOf(usage) }));
      return podUsage(metadata.namespace ?? '', metadata.name ?? '', each);
    });
  }
  const { items } = await client.list(nodes);
  const summaries = await Promise.allSettled(items.map((node) => summaryOf(client, node)));
  return summaries.flatMap((summary) => {
    if (summary.status === 'rejected') return [];
    return (summary.value.pods ?? []).map(({ podRef, containers = [] }) => {
      const each = containers.map(({ name, ...stats }) => ({ name, ...statsUsage(stats) }));
      const isMeasured = containers.every(({ cpu }) => cpu?.usageNanoCores !== undefined);
      return podUsage(podRef.namespace, podRef.name, each, isMeasured);
    });
  });
}

/** The same of nodes. */
export async function nodeUsages(client: Client, items: readonly Node[]): Promise<(Usage & { node: Node })[]> {
  const served = await metrics<NodeMetrics>(client, 'nodes');
  return Promise.all(
    items.map(async (node) => {
      const usage = served?.find(({ metadata }) => metadata.name === node.metadata.name)?.usage;
      return { node, ...(usage ? usageOf(usage) : statsUsage((await summaryOf(client, node)).node)) };
    }),
  );
}

/** Undefined where nobody serves metrics.k8s.io. */
async function metrics<T>(client: Client, what: 'pods' | 'nodes'): Promise<T[] | undefined> {
  try {
    return ((await client.raw('GET', `/apis/metrics.k8s.io/v1beta1/${what}`)) as { items: T[] }).items;
  } catch (error) {
    if (isApiError(error) && (error.code === 404 || error.code === 503)) return undefined;
    throw error;
  }
}

function usageOf({ cpu = '0', memory = '0' }: Record<string, string> = {}): Usage {
  return { milliCpu: quantityToMilli(cpu), bytes: quantityToNumber(memory) };
}

function podUsage(namespace: string, name: string, containers: PodUsage['containers'], isMeasured = true): PodUsage {
  const sum = (field: 'milliCpu' | 'bytes'): number => containers.reduce((total, each) => total + each[field], 0);
  return { namespace, name, isMeasured, containers, milliCpu: sum('milliCpu'), bytes: sum('bytes') };
}

interface Stats {
  cpu?: { usageNanoCores?: number };
  memory?: { workingSetBytes?: number };
}

interface Summary {
  node: Stats;
  pods?: { podRef: { name: string; namespace: string }; containers?: (Stats & { name: string })[] }[];
}

function statsUsage({ cpu, memory }: Stats): Usage {
  return { milliCpu: (cpu?.usageNanoCores ?? 0) / 1e6, bytes: memory?.workingSetBytes ?? 0 };
}

/** What the node's own agent measures (stats.k8s.io/v1alpha1). */
async function summaryOf(client: Client, { metadata }: Node): Promise<Summary> {
  return (await client.raw('GET', objectPath(nodes, { name: metadata.name ?? '' }, 'proxy/stats/summary'))) as Summary;
}
