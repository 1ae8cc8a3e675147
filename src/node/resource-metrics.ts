import type { Pod } from '../api/types/core-v1.ts';
import { MetricsText } from './metrics-text.ts';
import type { CpuStats, MemoryStats, StatsSummary, VolumeStats } from './server-backend.ts';

const resourceFamilies = [
  {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    help: 'Cumulative cpu time of the container in seconds',
  },
  { name: 'container_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the container in bytes' },
  { name: 'container_start_time_seconds', type: 'gauge', help: 'Start of the container in seconds since the epoch' },
  { name: 'node_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time of the node in seconds' },
  { name: 'node_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the node in bytes' },
  { name: 'pod_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time of the pod in seconds' },
  { name: 'pod_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the pod in bytes' },
  { name: 'resource_scrape_error', type: 'gauge', help: '1 if there was an error while getting metrics, 0 otherwise' },
] as const;

/** `/metrics/resource` (KEP-727): what metrics-server scrapes. */
export function renderResourceMetrics(stats: StatsSummary): string {
  const text = new MetricsText(resourceFamilies);
  const addUse = (
    kind: 'container' | 'pod' | 'node',
    labels: Record<string, string>,
    { cpu, memory }: { cpu?: CpuStats; memory?: MemoryStats },
  ): void => {
    const spent = cpu && cpu.usageCoreNanoSeconds / 1e9;
    text.add(`${kind}_cpu_usage_seconds_total`, labels, spent, cpu && Date.parse(cpu.time));
    text.add(`${kind}_memory_working_set_bytes`, labels, memory?.workingSetBytes, memory && Date.parse(memory.time));
  };
  for (const { podRef, containers, ...pod } of stats.pods) {
    const ref = { namespace: podRef.namespace, pod: podRef.name };
    for (const { name, startTime, ...use } of containers) {
      const labels = { container: name, ...ref };
      addUse('container', labels, use);
      text.add('container_start_time_seconds', labels, Date.parse(startTime) / 1000, Date.parse(startTime));
    }
    addUse('pod', ref, pod);
  }
  addUse('node', {}, stats.node);
  text.add('resource_scrape_error', {}, 0);
  return text.render();
}

const nodeFamilies = [
  { name: 'kubelet_node_name', type: 'gauge', help: 'The name of the node; always 1' },
  { name: 'kubelet_running_containers', type: 'gauge', help: 'Number of containers by their state' },
  { name: 'kubelet_running_pods', type: 'gauge', help: 'Number of pods that run' },
  { name: 'kubelet_volume_stats_available_bytes', type: 'gauge', help: 'Number of available bytes in the volume' },
  { name: 'kubelet_volume_stats_capacity_bytes', type: 'gauge', help: 'Capacity in bytes of the volume' },
  { name: 'kubelet_volume_stats_inodes', type: 'gauge', help: 'Maximum number of inodes in the volume' },
  { name: 'kubelet_volume_stats_inodes_free', type: 'gauge', help: 'Number of free inodes in the volume' },
  { name: 'kubelet_volume_stats_inodes_used', type: 'gauge', help: 'Number of used inodes in the volume' },
  { name: 'kubelet_volume_stats_used_bytes', type: 'gauge', help: 'Number of used bytes in the volume' },
] as const;

/** `/metrics`: the node itself, as few series as dashboards look for. */
export function renderNodeMetrics(of: {
  node: string;
  pods: readonly Pod[];
  /** Of claims. */
  volumes: readonly VolumeStats[];
}): string {
  const text = new MetricsText(nodeFamilies);
  text.add('kubelet_node_name', { node: of.node }, 1);
  const states: Record<string, number> = { running: 0, exited: 0, created: 0 };
  for (const pod of of.pods) {
    for (const { state } of pod.status?.containerStatuses ?? []) {
      const name = state?.running ? 'running' : state?.terminated ? 'exited' : 'created';
      states[name] = (states[name] ?? 0) + 1;
    }
  }
  text.add('kubelet_running_pods', {}, of.pods.filter((pod) => pod.status?.phase === 'Running').length);
  for (const [state, count] of Object.entries(states)) {
    text.add('kubelet_running_containers', { container_state: state }, count);
  }
  for (const { pvcRef, capacityBytes, availableBytes, inodes, inodesFree } of of.volumes) {
    const labels = { namespace: pvcRef.namespace, persistentvolumeclaim: pvcRef.name };
    text.add('kubelet_volume_stats_capacity_bytes', labels, capacityBytes);
    text.add('kubelet_volume_stats_available_bytes', labels, availableBytes);
    text.add('kubelet_volume_stats_used_bytes', labels, capacityBytes - availableBytes);
    text.add('kubelet_volume_stats_inodes', labels, inodes);
    text.add('kubelet_volume_stats_inodes_free', labels, inodesFree);
    text.add('kubelet_volume_stats_inodes_used', labels, inodes - inodesFree);
  }
  return text.render();
}
