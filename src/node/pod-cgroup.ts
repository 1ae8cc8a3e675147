import { quantityToMilli, quantityToNumber } from '../api/quantity.ts';
import type { Pod, ResourceRequirements } from '../api/types/core-v1.ts';
import { appContainersOf, initContainersOf, type PodContainer } from './pod-spec.ts';
import type { LinuxResources } from './runtime.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** Microseconds of one CFS period. */
const cpuPeriod = 100_000;
const minShares = 2;
const maxShares = 262_144;
const minQuota = 1000;

/**
 * Guaranteed: every container limits cpu and memory, and requests as much; BestEffort: none says anything; else
 * Burstable.
 */
export function qosClassOf(pod: Pod): QosClass {
  const lists = pod.spec?.resources
    ? [pod.spec.resources]
    : [...initContainersOf(pod), ...appContainersOf(pod)].map((c) => c.spec.resources ?? {});
  const names = ['cpu', 'memory'];
  const amount = (list: Record<string, string> | undefined, name: string): number =>
    list?.[name] === undefined ? 0 : quantityToMilli(list[name]);
  const says = lists.some((r) => names.some((n) => amount(r.requests, n) > 0 || amount(r.limits, n) > 0));
  if (!says) return 'BestEffort';
  const guaranteed = lists.every((r) =>
    names.every((n) => {
      const limit = amount(r.limits, n);
      return limit > 0 && amount(r.requests ?? r.limits, n) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/**
 * `/root/kubepods/burstable/pod<uid>`; Guaranteed pods lie directly under kubepods, as with upstream's cgroupfs
 * driver.
 */
export function podCgroupPath(root: string, pod: Pod): string {
  const tier = { Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' }[qosOf(pod)];
  return `${root}/kubepods${tier}/pod${pod.metadata.uid}`;
}

function qosOf(pod: Pod): QosClass {
  return (pod.status?.qosClass as QosClass | undefined) ?? qosClassOf(pod);
}

/** 1024 shares for a whole CPU, at least 2. */
export function cpuShares(milliCpu: number): number {
  return milliCpu <= 0 ? minShares : Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * 1024) / 1000)));
}

/** Microseconds of CPU time in each period. */
function cpuQuota(milliCpu: number): number {
  return Math.max(minQuota, Math.floor((milliCpu * cpuPeriod) / 1000));
}

/** What the pod's own cgroup is limited to: limits count only when every container has one. */
export function podCgroupResources(pod: Pod): LinuxResources {
  const own = pod.spec?.resources;
  const containers = [...initContainersOf(pod).filter((c) => c.role === 'sidecar'), ...appContainersOf(pod)];
  const inits = initContainersOf(pod).filter((c) => c.role === 'init');
  const sum = (list: 'requests' | 'limits', name: 'cpu' | 'memory'): { total: number; complete: boolean } => {
    const direct = own?.[list]?.[name];
    if (direct !== undefined) return { total: toAmount(name, direct), complete: true };
    const amounts = containers.map((c) => effective(c.spec.resources, list, name));
    const initPeak = Math.max(0, ...inits.map((c) => effective(c.spec.resources, list, name) ?? 0));
    const overhead = pod.spec?.overhead?.[name];
    const total = Math.max(
      amounts.reduce<number>((a, b) => a + (b ?? 0), 0),
      initPeak,
    );
    return {
      total: total + (overhead ? toAmount(name, overhead) : 0),
      complete: amounts.every((a) => a !== undefined),
    };
  };
  const cpu = sum('limits', 'cpu');
  const memory = sum('limits', 'memory');
  return {
    cpuShares: cpuShares(sum('requests', 'cpu').total),
    ...(cpu.complete && cpu.total > 0 && { cpuQuota: cpuQuota(cpu.total), cpuPeriod }),
    ...(memory.complete && memory.total > 0 && { memoryLimitBytes: memory.total }),
  };
}

/** A container's own limits for the runtime. */
export function containerResources(pod: Pod, container: PodContainer, memoryCapacityBytes: number): LinuxResources {
  const { resources } = container.spec;
  const request = effective(resources, 'requests', 'cpu');
  const cpuLimit = effective(resources, 'limits', 'cpu');
  const memoryLimit = effective(resources, 'limits', 'memory');
  return {
    cpuShares: cpuShares(request ?? 0),
    ...(cpuLimit && { cpuQuota: cpuQuota(cpuLimit), cpuPeriod }),
    ...(memoryLimit && { memoryLimitBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  };
}

/**
 * Who the kernel ends first when memory is short: -997 for Guaranteed and critical pods, 1000 for BestEffort, in
 * between by the share of the node's memory that the container asked for.
 */
function oomScoreAdj(pod: Pod, container: PodContainer, memoryCapacityBytes: number): number {
  const systemNodeCritical = 2_000_001_000;
  if ((pod.spec?.priority ?? 0) >= systemNodeCritical) return -997;
  const qos = qosOf(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = effective(container.spec.resources, 'requests', 'memory') ?? 0;
  const score = Math.floor(1000 - (1000 * request) / memoryCapacityBytes);
  if (score < 3) return 3;
  return score === 1000 ? 999 : score;
}

/** A limit stands in for a request that is not given. cpu in millicores, memory in bytes. */
function effective(
  resources: ResourceRequirements | undefined,
  list: 'requests' | 'limits',
  name: 'cpu' | 'memory',
): number | undefined {
  const value = resources?.[list]?.[name] ?? (list === 'requests' ? resources?.limits?.[name] : undefined);
  return value === undefined ? undefined : toAmount(name, value);
}

function toAmount(name: 'cpu' | 'memory', quantity: string): number {
  return name === 'cpu' ? quantityToMilli(quantity) : quantityToNumber(quantity);
}
