import type { Pod } from '../api/types/core-v1.ts';
import type { CpuStats, MemoryStats, StatsSummary } from './server-backend.ts';

/** `/metrics/resource` (KEP-727): what metrics-server scrapes, in Prometheus' text format. */
export function renderResourceMetrics(stats: StatsSummary): string {
  const families: Record<string, string[]> = {};
  const add = (
    name: string,
    labels: Record<string, string>,
    sample: [value: number, time: string] | undefined,
  ): void => {
    if (!sample) return;
    const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escape(value)}"`);
    const text = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
    (families[name] ??= []).push(`${name}${text} ${sample[0]} ${Date.parse(sample[1])}`);
  };
  const cpu = (value: CpuStats | undefined): [number, string] | undefined =>
    value && [value.usageCoreNanoSeconds / 1e9, value.time];
  const memory = (value: MemoryStats | undefined): [number, string] | undefined =>
    value && [value.workingSetBytes, value.time];
  for (const { podRef, containers, ...pod } of stats.pods) {
    const ref = { namespace: podRef.namespace, pod: podRef.name };
    for (const container of containers) {
      add('container_cpu_usage_seconds_total', { container: container.name, ...ref }, cpu(container.cpu));
      add('container_memory_working_set_bytes', { container: container.name, ...ref }, memory(container.memory));
      const start: [number, string] = [Date.parse(container.startTime) / 1000, container.startTime];
      add('container_start_time_seconds', { container: container.name, ...ref }, start);
    }
    add('pod_cpu_usage_seconds_total', ref, cpu(pod.cpu));
    add('pod_memory_working_set_bytes', ref, memory(pod.memory));
  }
  add('node_cpu_usage_seconds_total', {}, cpu(stats.node.cpu));
  add('node_memory_working_set_bytes', {}, memory(stats.node.memory));
  const types: [string, string, string][] = [
    ['container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds'],
    ['container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes'],
    ['container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds'],
    ['node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds'],
    ['node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes'],
    ['pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds'],
    ['pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes'],
  ];
  const sections = types.flatMap(([name, type, help]) =>
    families[name] ? [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...families[name]] : [],
  );
  const errors = ['# HELP resource_scrape_error 1 if there was an error while getting container metrics, 0 otherwise'];
  return [...sections, ...errors, '# TYPE resource_scrape_error gauge', 'resource_scrape_error 0', ''].join('\n');
}

/** `/metrics`: the node itself, as few series as dashboards look for. */
export function renderNodeMetrics(pods: readonly Pod[]): string {
  const states: Record<string, number> = { running: 0, exited: 0, created: 0 };
  for (const pod of pods) {
    for (const { state } of pod.status?.containerStatuses ?? []) {
      const name = state?.running ? 'running' : state?.terminated ? 'exited' : 'created';
      states[name] = (states[name] ?? 0) + 1;
    }
  }
  const running = pods.filter((pod) => pod.status?.phase === 'Running').length;
  return [
    '# HELP kubelet_running_pods Number of pods that have a running pod sandbox',
    '# TYPE kubelet_running_pods gauge',
    `kubelet_running_pods ${running}`,
    '# HELP kubelet_running_containers Number of containers currently running',
    '# TYPE kubelet_running_containers gauge',
    ...Object.entries(states).map(
      ([state, count]) => `kubelet_running_containers{container_state="${state}"} ${count}`,
    ),
    '',
  ].join('\n');
}

function escape(value: string): string {
  return value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
