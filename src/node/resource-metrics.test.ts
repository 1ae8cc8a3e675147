import { expect, it } from 'vitest';
import type { Pod } from '../api/types/core-v1.ts';
import { renderNodeMetrics, renderResourceMetrics } from './resource-metrics.ts';

it('tells what containers, pods and the node use, at the time of the sample', () => {
  const time = '1970-01-01T00:00:02Z';
  const cpu = { time, usageCoreNanoSeconds: 1.5e9 };
  const memory = { time, workingSetBytes: 10 };
  const text = renderResourceMetrics({
    node: { nodeName: 'n', startTime: time, cpu, memory },
    pods: [
      {
        podRef: { name: 'web', namespace: 'shop', uid: 'u' },
        startTime: time,
        containers: [{ name: 'a"b', startTime: time, cpu, memory }],
        cpu,
      },
    ],
  });
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    String.raw`container_cpu_usage_seconds_total{container="a\"b",namespace="shop",pod="web"} 1.5 2000`,
    String.raw`container_memory_working_set_bytes{container="a\"b",namespace="shop",pod="web"} 10 2000`,
    String.raw`container_start_time_seconds{container="a\"b",namespace="shop",pod="web"} 2 2000`,
    'node_cpu_usage_seconds_total 1.5 2000',
    'node_memory_working_set_bytes 10 2000',
    'pod_cpu_usage_seconds_total{namespace="shop",pod="web"} 1.5 2000',
    'resource_scrape_error 0',
    '',
  ]);
});

it('tells of the node’s pods, containers and claims', () => {
  const running = { state: { running: {} } };
  const statuses = [running, { state: { terminated: { exitCode: 0 } } }, {}];
  const pods = [{ metadata: {}, status: { phase: 'Running', containerStatuses: statuses } }] as unknown as Pod[];
  const claim = { name: 'data', namespace: 'shop' };
  const volumes = [{ pvcRef: claim, device: 1, capacityBytes: 100, availableBytes: 30, inodes: 10, inodesFree: 4 }];
  const text = renderNodeMetrics({ node: 'n', pods, volumes });
  const labels = 'namespace="shop",persistentvolumeclaim="data"';
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'kubelet_node_name{node="n"} 1',
    'kubelet_running_containers{container_state="running"} 1',
    'kubelet_running_containers{container_state="exited"} 1',
    'kubelet_running_containers{container_state="created"} 1',
    'kubelet_running_pods 1',
    `kubelet_volume_stats_available_bytes{${labels}} 30`,
    `kubelet_volume_stats_capacity_bytes{${labels}} 100`,
    `kubelet_volume_stats_inodes{${labels}} 10`,
    `kubelet_volume_stats_inodes_free{${labels}} 4`,
    `kubelet_volume_stats_inodes_used{${labels}} 6`,
    `kubelet_volume_stats_used_bytes{${labels}} 70`,
    '',
  ]);
});
