import { describe, expect, it } from 'vitest';
import { interfacesOf, usageOfV1, usageOfV2, type CgroupUsage } from './cgroup-usage.ts';
import { renderContainerMetrics } from './container-metrics.ts';

const unified: Record<string, string> = {
  'cpu.stat':
    'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 300000\n',
  'cpu.max': '50000 100000\n',
  'cpu.weight': '39\n',
  'memory.current': '1000\n',
  'memory.stat': 'anon 400\nfile 500\nfile_mapped 50\ninactive_file 300\n',
  'memory.max': 'max\n',
  'memory.peak': '1200\n',
  'memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
  'memory.swap.current': '0\n',
  'io.stat': '8:0 rbytes=100 wbytes=10 rios=2 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=3 wios=4\n',
  'pids.current': '7\n',
  'cgroup.procs': '11\n12\n',
};

const separate: Record<string, string> = {
  'cpuacct.usage': '2500000000\n',
  'cpuacct.stat': 'user 200\nsystem 50\n',
  'cpu.stat': 'nr_periods 10\nnr_throttled 2\nthrottled_time 300000000\n',
  'cpu.shares': '1024\n',
  'cpu.cfs_quota_us': '50000\n',
  'cpu.cfs_period_us': '100000\n',
  'memory.usage_in_bytes': '1000\n',
  'memory.stat':
    'cache 1\ntotal_cache 500\ntotal_rss 400\ntotal_mapped_file 50\ntotal_swap 0\ntotal_inactive_file 300\n',
  'memory.limit_in_bytes': '9223372036854771712\n',
  'memory.max_usage_in_bytes': '1200\n',
  'memory.failcnt': '3\n',
  'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
  'blkio.throttle.io_service_bytes': '8:0 Read 100\n8:0 Write 10\n8:16 Read 1\n8:16 Write 2\nTotal 113\n',
  'blkio.throttle.io_serviced': '8:0 Read 2\n8:0 Write 1\n8:16 Read 3\n8:16 Write 4\nTotal 10\n',
  'pids.current': '7\n',
  'cgroup.procs': '11\n12\n',
};

const usage: CgroupUsage = {
  cpu: {
    ...{ total: 2.5, user: 2, system: 0.5, periods: 10, throttledPeriods: 2, throttled: 0.3 },
    ...{ shares: 998, quota: 50_000, period: 100_000 },
  },
  memory: {
    ...{ usage: 1000, workingSet: 700, rss: 400, cache: 500, mapped: 50, swap: 0, peak: 1200 },
    ...{ failures: 3, oomKills: 1, limit: 0 },
  },
  io: { reads: 5, writes: 5, readBytes: 101, writtenBytes: 12 },
  processes: 7,
  members: [11, 12],
};

describe('the use of a control group', () => {
  it('is the same of either hierarchy', () => {
    expect(usageOfV2((file) => unified[file])).toEqual(usage);
    const { cpu, ...rest } = usage;
    expect(usageOfV1((file) => separate[file])).toEqual({ ...rest, cpu: { ...cpu, shares: 1024 } });
  });

  it('is nothing where there is no group, and has holes where the kernel does not say', () => {
    expect([usageOfV2(() => undefined), usageOfV1(() => undefined)]).toEqual([undefined, undefined]);
    const bare = { 'cpu.stat': 'usage_usec 1000000\n', 'memory.current': '5\n' };
    const found = usageOfV2((file) => bare[file as keyof typeof bare]);
    expect(found?.cpu).toMatchObject({ total: 1, user: undefined, quota: undefined });
    expect(found?.memory).toMatchObject({ usage: 5, workingSet: 5, swap: undefined, limit: 0 });
  });
});

it('reads the counters of interfaces, the loopback one left out', () => {
  const text = [
    ' face |bytes packets errs drop fifo frame compressed multicast|bytes …',
    '    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0',
    '  eth0: 1234 12 1 2 0 0 0 0  567 8 3 4 0 0 0 0',
    '',
  ].join('\n');
  expect(interfacesOf(text)).toEqual([
    {
      name: 'eth0',
      receive: { bytes: 1234, packets: 12, errors: 1, dropped: 2 },
      transmit: { bytes: 567, packets: 8, errors: 3, dropped: 4 },
    },
  ]);
});

describe('the metrics of containers', () => {
  const machine = {
    cpuCores: 2,
    memoryBytes: 4096,
    labels: { boot_id: 'b', machine_id: 'm', system_uuid: 's' },
    version: { kernelVersion: '6.1' },
  };
  const labels = {
    container: 'app',
    id: '/kubepods/podu/c1',
    image: 'web:1',
    name: 'c1',
    namespace: 'shop',
    pod: 'web',
  };

  it('have the names and labels of cAdvisor', () => {
    const counted = { bytes: 1, packets: 2, errors: 3, dropped: 4 };
    const interfaces = [{ name: 'eth0', receive: counted, transmit: counted }];
    const text = renderContainerMetrics({
      machine,
      groups: [{ labels, startedAtMs: 1500, usage, interfaces }],
      nowMs: 2000,
    });
    const own = 'container="app",id="/kubepods/podu/c1",image="web:1",name="c1",namespace="shop",pod="web"';
    for (const line of [
      'machine_memory_bytes{boot_id="b",machine_id="m",system_uuid="s"} 4096',
      `container_cpu_usage_seconds_total{${own},cpu="total"} 2.5 2000`,
      `container_cpu_cfs_throttled_periods_total{${own}} 2 2000`,
      `container_memory_working_set_bytes{${own}} 700 2000`,
      `container_network_receive_packets_dropped_total{${own},interface="eth0"} 4 2000`,
      `container_spec_memory_limit_bytes{${own}} 0`,
      `container_start_time_seconds{${own}} 1.5`,
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
    expect(text).toContain('# TYPE container_fs_writes_bytes_total counter\n');
  });

  it('say nothing of periods where there is no limit, and have no family without samples', () => {
    const free = { ...usage, cpu: { total: 1 } };
    const text = renderContainerMetrics({ machine, groups: [{ labels, usage: free }], nowMs: 0 });
    expect(text).not.toMatch(/cfs_|quota|container_network/);
  });
});
