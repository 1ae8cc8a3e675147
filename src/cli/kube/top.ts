import { quantityToMilli, quantityToNumber } from '../../api/quantity.ts';
import { nodeUsages, podUsages, type Usage } from '../../client/resource-usage.ts';
import { nodes, pods } from '../../client/resources.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface TopFlags extends KubeFlags {
  allNamespaces?: boolean;
  selector?: string;
  containers?: boolean;
  sortBy?: 'cpu' | 'memory';
  headers: boolean;
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
    const all = (await podUsages(client)).filter(
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
    const usages = await nodeUsages(kube.client, items);
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
