import { canonicalQuantity, quantityToMilli, quantityToNumber } from '../../../api/quantity.ts';
import type { Node, Pod } from '../../../api/types/core-v1.ts';
import type { Lease } from '../../../api/types/coordination-v1.ts';
import { humanDuration } from '../../../api/human-duration.ts';
import { annotationLines, labelLines, type Lines, listed, longTime, sorted } from './fields.ts';

export function nodeLines(
  { metadata, spec = {}, status = {} }: Node,
  pods: readonly Pod[],
  now: number,
  lease?: Lease,
): Lines {
  const { addresses = [], capacity, allocatable, nodeInfo, conditions = [] } = status;
  const roles = Object.keys(metadata.labels ?? {}).flatMap((label) =>
    label.startsWith('node-role.kubernetes.io/') ? [label.slice('node-role.kubernetes.io/'.length)] : [],
  );
  const taints = (spec.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`);
  return [
    `Name:\t${metadata.name}`,
    `Roles:\t${roles.toSorted().join(',') || '<none>'}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `CreationTimestamp:\t${longTime(metadata.creationTimestamp)}`,
    ...listed('Taints', taints),
    `Unschedulable:\t${spec.unschedulable ?? false}`,
    ...leaseLines(lease),
    'Conditions:',
    '  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage',
    '  ----\t------\t-----------------\t------------------\t------\t-------',
    ...conditions.map(
      ({ type, status: value, lastHeartbeatTime, lastTransitionTime, reason = '', message = '' }) =>
        `  ${type} \t${value} \t${longTime(lastHeartbeatTime)} \t${longTime(lastTransitionTime)} \t${reason} \t${message}`,
    ),
    'Addresses:',
    ...addresses.map(({ type, address }) => `  ${type}:\t${address}`),
    ...amounts('Capacity', capacity),
    ...amounts('Allocatable', allocatable),
    'System Info:',
    ...(
      [
        ['Machine ID', nodeInfo?.machineID],
        ['System UUID', nodeInfo?.systemUUID],
        ['Boot ID', nodeInfo?.bootID],
        ['Kernel Version', nodeInfo?.kernelVersion],
        ['OS Image', nodeInfo?.osImage],
        ['Operating System', nodeInfo?.operatingSystem],
        ['Architecture', nodeInfo?.architecture],
        ['Container Runtime Version', nodeInfo?.containerRuntimeVersion],
        ['Kubelet Version', nodeInfo?.kubeletVersion],
        ['Kube-Proxy Version', nodeInfo?.kubeProxyVersion],
      ] as const
    ).map(([title, value]) => `  ${title}:\t${value ?? ''}`),
    ...(spec.podCIDR ? [`PodCIDR:\t${spec.podCIDR}`] : []),
    ...(spec.podCIDRs?.length ? [`PodCIDRs:\t${spec.podCIDRs.join(',')}`] : []),
    ...(spec.providerID ? [`ProviderID:\t${spec.providerID}`] : []),
    ...podTable(pods, allocatable ?? {}, now),
  ];
}

function leaseLines(lease: Lease | undefined): Lines {
  const { holderIdentity, acquireTime, renewTime } = lease?.spec ?? {};
  return [
    'Lease:',
    `  HolderIdentity:\t${holderIdentity ?? '<unset>'}`,
    `  AcquireTime:\t${longTime(acquireTime)}`,
    `  RenewTime:\t${longTime(renewTime)}`,
  ];
}

function amounts(title: string, list: Record<string, string> | undefined): Lines {
  if (!list) return [];
  return [`${title}:`, ...sorted(list).map(([name, amount]) => `  ${name}:\t${amount}`)];
}

type Amounts = Record<string, string>;

function podTable(pods: readonly Pod[], allocatable: Amounts, now: number): Lines {
  const running = pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const share = (pod: Pod, of: 'requests' | 'limits', name: string): string =>
    withShare(total([pod], of, name), allocatable, name);
  const rows = running.map((pod) => {
    const { namespace, name, creationTimestamp = '' } = pod.metadata;
    const cells = [
      share(pod, 'requests', 'cpu'),
      share(pod, 'limits', 'cpu'),
      share(pod, 'requests', 'memory'),
      share(pod, 'limits', 'memory'),
    ];
    return `  ${namespace}\t${name}\t\t${cells.join('\t')}\t${humanDuration(now - Date.parse(creationTimestamp))}`;
  });
  const names = ['cpu', 'memory', 'ephemeral-storage', 'hugepages-1Gi', 'hugepages-2Mi'].filter(
    (name) => name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || allocatable[name] !== undefined,
  );
  return [
    `Non-terminated Pods:\t(${running.length} in total)`,
    '  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge',
    '  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---',
    ...rows,
    'Allocated resources:',
    '  (Total limits may be over 100 percent, i.e., overcommitted.)',
    '  Resource\tRequests\tLimits',
    '  --------\t--------\t------',
    ...names.map((name) => {
      const [requests, limits] = (['requests', 'limits'] as const).map((of) =>
        withShare(total(running, of, name), allocatable, name),
      );
      return `  ${name}\t${requests}\t${limits}`;
    }),
  ];
}

/** The sum over containers: in thousandths for the CPU, else in whole units. */
function total(pods: readonly Pod[], of: 'requests' | 'limits', name: string): number {
  const each = name === 'cpu' ? quantityToMilli : quantityToNumber;
  return pods
    .flatMap(({ spec }) => spec?.containers ?? [])
    .reduce((sum, { resources }) => sum + each(resources?.[of]?.[name] ?? '0'), 0);
}

function withShare(amount: number, allocatable: Amounts, name: string): string {
  const each = name === 'cpu' ? quantityToMilli : quantityToNumber;
  const all = each(allocatable[name] ?? '0');
  const text = name === 'cpu' ? canonicalQuantity(`${amount}m`) : binary(amount);
  return `${text} (${all > 0 ? Math.trunc((amount * 100) / all) : 0}%)`;
}

function binary(bytes: number): string {
  const mebi = 1024 * 1024;
  return bytes > 0 && bytes % mebi === 0 ? canonicalQuantity(`${bytes / mebi}Mi`) : String(bytes);
}
