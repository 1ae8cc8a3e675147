import { hostnameLabel } from '../../api/well-known.ts';
import { quantityToMilli, quantityToNumber } from '../../api/quantity.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { nodes } from '../../client/resources.ts';
import { withCluster } from '../compose/connection.ts';
import { CliError } from '../errors.ts';
import { printRows } from '../row-format.ts';
import type { StackFlags } from './stacks.ts';

/** A node as Docker's API has it (Docker Engine API, "Node"). */
export interface DockerNode {
  ID: string;
  Version: { Index: number };
  CreatedAt: string;
  Spec: { Labels: Record<string, string>; Role: 'manager' | 'worker'; Availability: 'active' | 'pause' };
  Description: {
    Hostname: string;
    Platform: { Architecture: string; OS: string };
    Resources: { NanoCPUs: number; MemoryBytes: number };
    Engine: { EngineVersion: string };
  };
  Status: { State: 'ready' | 'down'; Addr: string };
}

/** `timonel node inspect NODE …`: as Docker's API has nodes, in JSON, or for people. */
export async function inspectNodes(
  names: readonly string[],
  flags: StackFlags & { format?: string; pretty?: boolean },
): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const { items } = await client.list(nodes, {});
    const rows = names.map((name) => {
      const found = items.find(({ metadata }) => metadata.name === name || idOf(metadata.uid) === name);
      if (!found) throw new CliError(`no such node: ${name}`, { hint: 'There are: timonel node ls' });
      return dockerNode(found);
    });
    if (flags.pretty || flags.format === 'pretty') {
      for (const row of rows) process.stdout.write(`${prettyNode(row).join('\n')}\n\n`);
      return;
    }
    if (flags.format !== undefined)
      return printRows(flags.format, { columns: {}, rows: rows.map((row) => ({ ...row })) });
    process.stdout.write(`${JSON.stringify(rows, null, 4)}\n`);
  });
}

function idOf(uid = ''): string {
  return uid.replaceAll('-', '').slice(0, 12);
}

const roleLabel = 'node-role.kubernetes.io/control-plane';

/** Pure. */
export function dockerNode({ metadata, spec, status }: Node): DockerNode {
  const labels = { ...metadata.labels };
  const isOwn = (key: string): boolean => !/^(?:[^/]*\.)?(?:kubernetes\.io|k8s\.io|timonel\.dev)\//.test(key);
  const { nodeInfo, capacity = {}, addresses = [], conditions = [] } = status ?? {};
  const isReady = conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return {
    ID: idOf(metadata.uid),
    Version: { Index: Number(metadata.resourceVersion ?? 0) },
    CreatedAt: metadata.creationTimestamp ?? '',
    Spec: {
      Labels: Object.fromEntries(Object.entries(labels).filter(([key]) => isOwn(key))),
      Role: roleLabel in labels ? 'manager' : 'worker',
      Availability: spec?.unschedulable ? 'pause' : 'active',
    },
    Description: {
      Hostname: labels[hostnameLabel] ?? metadata.name ?? '',
      Platform: { Architecture: nodeInfo?.architecture ?? '', OS: nodeInfo?.operatingSystem ?? '' },
      Resources: {
        NanoCPUs: quantityToMilli(capacity['cpu'] ?? '0') * 1e6,
        MemoryBytes: quantityToNumber(capacity['memory'] ?? '0'),
      },
      Engine: { EngineVersion: nodeInfo?.containerRuntimeVersion ?? '' },
    },
    Status: {
      State: isReady ? 'ready' : 'down',
      Addr: addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
    },
  };
}

/** What `docker node inspect --pretty` tells, in its order. Pure. */
export function prettyNode({ ID, CreatedAt, Spec, Description, Status }: DockerNode): string[] {
  const labels = Object.entries(Spec.Labels).map(([key, value]) => ` - ${key}=${value}`);
  return [
    `ID:\t\t\t${ID}`,
    ...(labels.length > 0 ? ['Labels:', ...labels] : []),
    `Hostname:              \t${Description.Hostname}`,
    `Joined at:             \t${CreatedAt}`,
    'Status:',
    ` State:\t\t\t${Status.State}`,
    ` Availability:         \t${Spec.Availability}`,
    ` Address:\t\t${Status.Addr}`,
    'Platform:',
    ` Operating System:\t${Description.Platform.OS}`,
    ` Architecture:\t\t${Description.Platform.Architecture}`,
    'Resources:',
    ` CPUs:\t\t\t${Description.Resources.NanoCPUs / 1e9}`,
    ` Memory:\t\t${Description.Resources.MemoryBytes}`,
    'Engine Version:',
    ` ${Description.Engine.EngineVersion}`,
  ];
}
