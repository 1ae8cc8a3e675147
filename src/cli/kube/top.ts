import { quantityToMilli, quantityToNumber } from '../../api/quantity.ts';
import { isApiError } from '../../api/status.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { objectPath } from '../../client/request-path.ts';
import { nodes, pods } from '../../client/resources.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface TopFlags extends KubeFlags {
  allNamespaces?: boolean;
  selector?: string;
  containers?: boolean;
  sortBy?: 'cpu' | 'memory';
  headers: boolean;
}

/** What something uses: thousandths of a CPU, and bytes. */
interface Usage {
  milliCpu: number;
  bytes: number;
}

interface PodUsage extends Usage {
  namespace: string;
  name: string;
  containers: (Usage & { name: string })[];
}

const mebi = 1024 * 1024;

export async function topPods(name: string | undefined, flags: TopFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const { client } = kube;
    const namespace = flags.allNamespaces ? undefined : kube.namespace;
    if (name !== undefined) await client.get(pods, { name, namespace: kube.namespace });
    const chosen = await client.list(pods, {
      ...(namespace !== undefined && { namespace }),
      ...(flags.selector && { labelSelector: flags.selector }),
    });
    const wanted = new Set(chosen.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    const all = (await podUsages(kube)).filter(
      (pod) => wanted.has(`${pod.namespace}/${pod.name}`) && (name === undefined || pod.name === name),
    );
    if (all.length === 0) {
      return void process.stderr.write(
        `No resources found${namespace === undefined ? '' : ` in ${namespace} namespace.`}\n`,
      );
    }
    const lead = flags.allNamespaces ? ['NAMESPACE'] : [];
    const rows = sorted(all, flags).flatMap((pod) => {
      const first = flags.allNamespaces ? [pod.namespace] : [];
      if (!flags.containers) return [[...first, pod.name, ...cells(pod)]];
      return pod.containers.map((container) => [...first, pod.name, container.name, ...cells(container)]);
    });
    print([...lead, ...(flags.containers ? ['POD', 'NAME'] : ['NAME']), 'CPU(cores)', 'MEMORY(bytes)'], rows, flags);
  });
}

export async function topNodes(name: string | undefined, flags: TopFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const items =
      name === undefined
        ? (await kube.client.list(nodes, flags.selector ? { labelSelector: flags.selector } : {})).items
        : [await kube.client.get(nodes, { name })];
    const usages = await nodeUsages(kube, items);
    const rows = sorted(usages, flags).map(({ node, ...usage }) => {
      const { cpu = '0', memory = '0' } = node.status?.allocatable ?? {};
      const [cores = '', bytes = ''] = cells(usage);
      return [
        node.metadata.name ?? '',
        cores,
        share(usage.milliCpu, quantityToMilli(cpu)),
        bytes,
        share(usage.bytes, quantityToNumber(memory)),
      ];
    });
    print(['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)'], rows, flags);
  });
}

function print(header: string[], rows: string[][], { headers }: TopFlags): void {
  const lines = createColumns().lines(
    [...(headers ? [header] : []), ...rows.map((row) => [...row, ''])].map((row) => row.slice(0, header.length)),
  );
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function cells({ milliCpu, bytes }: Usage): string[] {
  return [`${Math.ceil(milliCpu)}m`, `${Math.trunc(bytes / mebi)}Mi`];
}

function share(amount: number, all: number): string {
  return all > 0 ? `${Math.trunc((amount * 100) / all)}%` : '<unknown>';
}

function sorted<T extends Usage>(usages: readonly T[], { sortBy }: TopFlags): readonly T[] {
  if (!sortBy) return usages;
  return usages.toSorted((a, b) => (sortBy === 'cpu' ? b.milliCpu - a.milliCpu : b.bytes - a.bytes));
}

interface MetricsItem {
  metadata: { name: string; namespace?: string };
  usage?: { cpu: string; memory: string };
  containers?: { name: string; usage: { cpu: string; memory: string } }[];
}

/** metrics.k8s.io, where somebody serves it. */
async function metrics({ client }: Kube, what: 'pods' | 'nodes'): Promise<MetricsItem[] | undefined> {
  try {
    return ((await client.raw('GET', `/apis/metrics.k8s.io/v1beta1/${what}`)) as { items: MetricsItem[] }).items;
  } catch (error) {
    if (isApiError(error) && (error.code === 404 || error.code === 503)) return undefined;
    throw error;
  }
}

const usageOf = ({ cpu, memory }: { cpu: string; memory: string }): Usage => ({
  milliCpu: quantityToNumber(cpu) * 1000,
  bytes: quantityToNumber(memory),
});

async function podUsages(kube: Kube): Promise<PodUsage[]> {
  const served = await metrics(kube, 'pods');
  if (served) {
    return served.map(({ metadata, containers = [] }) => {
      const each = containers.map(({ name, usage }) => ({ name, ...usageOf(usage) }));
      return podUsage(metadata.namespace ?? '', metadata.name, each);
    });
  }
  const { items } = await kube.client.list(nodes);
  const summaries = await Promise.all(items.map((node) => summaryOf(kube, node)));
  return summaries.flatMap(({ pods: list = [] }) =>
    list.map(({ podRef, containers = [] }) =>
      podUsage(
        podRef.namespace,
        podRef.name,
        containers.map(({ name, ...stats }) => ({ name, ...statsUsage(stats) })),
      ),
    ),
  );
}

function podUsage(namespace: string, name: string, containers: PodUsage['containers']): PodUsage {
  const sum = (field: 'milliCpu' | 'bytes'): number => containers.reduce((total, each) => total + each[field], 0);
  return { namespace, name, containers, milliCpu: sum('milliCpu'), bytes: sum('bytes') };
}

async function nodeUsages(kube: Kube, items: readonly Node[]): Promise<(Usage & { node: Node })[]> {
  const served = await metrics(kube, 'nodes');
  return Promise.all(
    items.map(async (node) => {
      const usage = served?.find(({ metadata }) => metadata.name === node.metadata.name)?.usage;
      return { node, ...(usage ? usageOf(usage) : statsUsage((await summaryOf(kube, node)).node)) };
    }),
  );
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
async function summaryOf({ client }: Kube, { metadata }: Node): Promise<Summary> {
  return (await client.raw('GET', objectPath(nodes, { name: metadata.name ?? '' }, 'proxy/stats/summary'))) as Summary;
}
