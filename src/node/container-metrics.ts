import type { CgroupUsage, InterfaceUsage } from './cgroup-usage.ts';
import { MetricsText } from './metrics-text.ts';

const families = [
  { name: 'cadvisor_version_info', type: 'gauge', help: 'What these metrics are of; always 1' },
  { name: 'container_cpu_cfs_periods_total', type: 'counter', help: 'Periods of time in which the limit was watched' },
  { name: 'container_cpu_cfs_throttled_periods_total', type: 'counter', help: 'Periods in which the limit was met' },
  { name: 'container_cpu_cfs_throttled_seconds_total', type: 'counter', help: 'Time for which the container was held' },
  { name: 'container_cpu_system_seconds_total', type: 'counter', help: 'Cumulative system cpu time in seconds' },
  { name: 'container_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time in seconds' },
  { name: 'container_cpu_user_seconds_total', type: 'counter', help: 'Cumulative user cpu time in seconds' },
  { name: 'container_fs_reads_bytes_total', type: 'counter', help: 'Cumulative count of bytes read' },
  { name: 'container_fs_reads_total', type: 'counter', help: 'Cumulative count of reads completed' },
  { name: 'container_fs_writes_bytes_total', type: 'counter', help: 'Cumulative count of bytes written' },
  { name: 'container_fs_writes_total', type: 'counter', help: 'Cumulative count of writes completed' },
  { name: 'container_last_seen', type: 'gauge', help: 'Last time the container was seen' },
  { name: 'container_memory_cache', type: 'gauge', help: 'Number of bytes of page cache memory' },
  { name: 'container_memory_failcnt', type: 'counter', help: 'Number of times that the memory limit was met' },
  { name: 'container_memory_mapped_file', type: 'gauge', help: 'Size of memory mapped files in bytes' },
  { name: 'container_memory_max_usage_bytes', type: 'gauge', help: 'Maximum memory usage in bytes' },
  { name: 'container_memory_rss', type: 'gauge', help: 'Size of anonymous memory in bytes' },
  { name: 'container_memory_swap', type: 'gauge', help: 'Swap usage in bytes' },
  { name: 'container_memory_usage_bytes', type: 'gauge', help: 'Current memory usage in bytes, caches included' },
  { name: 'container_memory_working_set_bytes', type: 'gauge', help: 'Current working set in bytes' },
  { name: 'container_network_receive_bytes_total', type: 'counter', help: 'Cumulative count of bytes received' },
  { name: 'container_network_receive_errors_total', type: 'counter', help: 'Errors while receiving' },
  { name: 'container_network_receive_packets_dropped_total', type: 'counter', help: 'Packets dropped while receiving' },
  { name: 'container_network_receive_packets_total', type: 'counter', help: 'Cumulative count of packets received' },
  { name: 'container_network_transmit_bytes_total', type: 'counter', help: 'Cumulative count of bytes sent' },
  { name: 'container_network_transmit_errors_total', type: 'counter', help: 'Errors while sending' },
  { name: 'container_network_transmit_packets_dropped_total', type: 'counter', help: 'Packets dropped while sending' },
  { name: 'container_network_transmit_packets_total', type: 'counter', help: 'Cumulative count of packets sent' },
  { name: 'container_oom_events_total', type: 'counter', help: 'Count of out of memory events' },
  { name: 'container_processes', type: 'gauge', help: 'Number of processes in the container' },
  { name: 'container_spec_cpu_period', type: 'gauge', help: 'CPU period of the container in microseconds' },
  { name: 'container_spec_cpu_quota', type: 'gauge', help: 'CPU quota of the container in microseconds' },
  { name: 'container_spec_cpu_shares', type: 'gauge', help: 'CPU share of the container' },
  { name: 'container_spec_memory_limit_bytes', type: 'gauge', help: 'Memory limit of the container, 0 for none' },
  { name: 'container_start_time_seconds', type: 'gauge', help: 'Start of the container in seconds since the epoch' },
  { name: 'machine_cpu_cores', type: 'gauge', help: 'Number of logical CPU cores' },
  { name: 'machine_memory_bytes', type: 'gauge', help: 'Amount of memory installed on the machine' },
] as const;

type Text = MetricsText<(typeof families)[number]['name']>;

/** Labels of cAdvisor's: the node itself has none but `id="/"`, a pod as a whole no container. */
export interface GroupLabels {
  container: string;
  /** The control group, as it would be called were the node a machine of its own. */
  id: string;
  image: string;
  /** The runtime's id. */
  name: string;
  namespace: string;
  pod: string;
}

export interface GroupStats {
  labels: GroupLabels;
  startedAtMs?: number;
  usage: CgroupUsage;
  /** Of the pod's network. */
  interfaces?: readonly InterfaceUsage[];
}

export interface MachineStats {
  cpuCores: number;
  memoryBytes: number;
  labels: { boot_id: string; machine_id: string; system_uuid: string };
  /** `kernelVersion`, `osVersion` and so on, as cAdvisor's are called. */
  version: Readonly<Record<string, string>>;
}

/** `/metrics/cadvisor`: the series of cAdvisor that dashboards and alerts go by, in its names and with its labels. */
export function renderContainerMetrics({
  machine,
  groups,
  nowMs,
}: {
  machine: MachineStats;
  groups: readonly GroupStats[];
  nowMs: number;
}): string {
  const text = new MetricsText(families);
  text.add('cadvisor_version_info', machine.version, 1);
  text.add('machine_cpu_cores', machine.labels, machine.cpuCores);
  text.add('machine_memory_bytes', machine.labels, machine.memoryBytes);
  for (const group of groups) {
    const labels = { ...group.labels };
    text.add('container_last_seen', labels, Math.floor(nowMs / 1000), nowMs);
    if (group.startedAtMs !== undefined) text.add('container_start_time_seconds', labels, group.startedAtMs / 1000);
    addCpu(text, labels, group.usage.cpu, nowMs);
    addMemory(text, labels, group.usage, nowMs);
    addIo(text, labels, group.usage.io, nowMs);
    for (const each of group.interfaces ?? []) addInterface(text, labels, each, nowMs);
  }
  return text.render();
}

type Labels = Readonly<Record<string, string>>;

function addCpu(text: Text, labels: Labels, cpu: CgroupUsage['cpu'], nowMs: number): void {
  text.add('container_cpu_usage_seconds_total', { ...labels, cpu: 'total' }, cpu.total, nowMs);
  text.add('container_cpu_user_seconds_total', labels, cpu.user, nowMs);
  text.add('container_cpu_system_seconds_total', labels, cpu.system, nowMs);
  text.add('container_spec_cpu_shares', labels, cpu.shares);
  text.add('container_spec_cpu_period', labels, cpu.period);
  if (cpu.quota === undefined) return;
  text.add('container_spec_cpu_quota', labels, cpu.quota);
  text.add('container_cpu_cfs_periods_total', labels, cpu.periods, nowMs);
  text.add('container_cpu_cfs_throttled_periods_total', labels, cpu.throttledPeriods, nowMs);
  text.add('container_cpu_cfs_throttled_seconds_total', labels, cpu.throttled, nowMs);
}

function addMemory(text: Text, labels: Labels, { memory, processes }: CgroupUsage, nowMs: number): void {
  text.add('container_memory_usage_bytes', labels, memory.usage, nowMs);
  text.add('container_memory_working_set_bytes', labels, memory.workingSet, nowMs);
  text.add('container_memory_rss', labels, memory.rss, nowMs);
  text.add('container_memory_cache', labels, memory.cache, nowMs);
  text.add('container_memory_mapped_file', labels, memory.mapped, nowMs);
  text.add('container_memory_swap', labels, memory.swap, nowMs);
  text.add('container_memory_max_usage_bytes', labels, memory.peak, nowMs);
  text.add('container_memory_failcnt', labels, memory.failures, nowMs);
  text.add('container_oom_events_total', labels, memory.oomKills, nowMs);
  text.add('container_spec_memory_limit_bytes', labels, memory.limit);
  text.add('container_processes', labels, processes, nowMs);
}

function addIo(text: Text, labels: Labels, io: CgroupUsage['io'], nowMs: number): void {
  text.add('container_fs_reads_total', labels, io.reads, nowMs);
  text.add('container_fs_reads_bytes_total', labels, io.readBytes, nowMs);
  text.add('container_fs_writes_total', labels, io.writes, nowMs);
  text.add('container_fs_writes_bytes_total', labels, io.writtenBytes, nowMs);
}

function addInterface(text: Text, labels: Labels, { name, ...counted }: InterfaceUsage, nowMs: number): void {
  const own = { ...labels, interface: name };
  for (const direction of ['receive', 'transmit'] as const) {
    const { bytes, packets, errors, dropped } = counted[direction];
    text.add(`container_network_${direction}_bytes_total`, own, bytes, nowMs);
    text.add(`container_network_${direction}_packets_total`, own, packets, nowMs);
    text.add(`container_network_${direction}_errors_total`, own, errors, nowMs);
    text.add(`container_network_${direction}_packets_dropped_total`, own, dropped, nowMs);
  }
}
