/** What a control group has used and may use. Times in seconds, amounts in bytes; undefined: the kernel does not say. */
export interface CgroupUsage {
  cpu: {
    total: number;
    user?: number | undefined;
    system?: number | undefined;
    periods?: number | undefined;
    throttledPeriods?: number | undefined;
    throttled?: number | undefined;
    shares?: number | undefined;
    /** Microseconds in each `period`; undefined: no limit. */
    quota?: number | undefined;
    period?: number | undefined;
  };
  memory: {
    usage: number;
    workingSet: number;
    rss?: number | undefined;
    cache?: number | undefined;
    mapped?: number | undefined;
    swap?: number | undefined;
    peak?: number | undefined;
    /** How often the limit was met. */
    failures?: number | undefined;
    oomKills?: number | undefined;
    /** 0: none. */
    limit: number;
  };
  io: { reads: number; writes: number; readBytes: number; writtenBytes: number };
  processes?: number | undefined;
  /** Numbers of the processes in the group itself, not in those below it. */
  members: readonly number[];
}

/** The text of a file of the group; undefined when it has no such file. */
export type GroupFiles = (file: string) => string | undefined;

/** Larger limits are none: v1 shows the largest multiple of a page that fits. */
const noLimit = 2 ** 62;
const userHz = 100;

/** The files of a group of the unified hierarchy that {@link usageOfV2} reads (cgroup-v2.rst). */
export const filesOfV2 = (
  'cpu.stat cpu.max cpu.weight memory.current memory.stat memory.max memory.peak memory.events ' +
  'memory.swap.current io.stat pids.current cgroup.procs'
).split(' ');

/** By controller, those that {@link usageOfV1} reads (cgroup-v1/). */
export const filesOfV1: Readonly<Record<string, readonly string[]>> = {
  cpuacct: ['cpuacct.usage', 'cpuacct.stat'],
  cpu: ['cpu.stat', 'cpu.shares', 'cpu.cfs_quota_us', 'cpu.cfs_period_us'],
  memory: [
    ...['memory.usage_in_bytes', 'memory.stat', 'memory.limit_in_bytes', 'memory.max_usage_in_bytes'],
    ...['memory.failcnt', 'memory.oom_control', 'cgroup.procs'],
  ],
  blkio: ['blkio.throttle.io_service_bytes', 'blkio.throttle.io_serviced'],
  pids: ['pids.current'],
};

/** Undefined when there is no such group. */
export function usageOfV2(read: GroupFiles): CgroupUsage | undefined {
  const cpu = counters(read('cpu.stat'));
  const usage = number(read('memory.current'));
  if (cpu.size === 0 || usage === undefined) return undefined;
  const memory = counters(read('memory.stat'));
  const events = counters(read('memory.events'));
  const seconds = (key: string): number | undefined => scaled(cpu.get(key), 1e6);
  const [quota = '', period = ''] = (read('cpu.max') ?? '').trim().split(' ');
  const weight = number(read('cpu.weight'));
  return {
    cpu: {
      total: seconds('usage_usec') ?? 0,
      user: seconds('user_usec'),
      system: seconds('system_usec'),
      periods: cpu.get('nr_periods'),
      throttledPeriods: cpu.get('nr_throttled'),
      throttled: seconds('throttled_usec'),
      shares: weight === undefined ? undefined : Math.round(2 + ((weight - 1) * 262_142) / 9999),
      ...limit(number(quota), number(period)),
    },
    memory: {
      usage,
      workingSet: Math.max(0, usage - (memory.get('inactive_file') ?? 0)),
      rss: memory.get('anon'),
      cache: memory.get('file'),
      mapped: memory.get('file_mapped'),
      swap: number(read('memory.swap.current')),
      peak: number(read('memory.peak')),
      failures: events.get('max'),
      oomKills: events.get('oom_kill'),
      limit: memoryLimit(number(read('memory.max'))),
    },
    io: ioOfV2(read('io.stat') ?? ''),
    processes: number(read('pids.current')),
    members: members(read('cgroup.procs')),
  };
}

/** Undefined when there is no such group. */
export function usageOfV1(read: GroupFiles): CgroupUsage | undefined {
  const total = scaled(number(read('cpuacct.usage')), 1e9);
  const usage = number(read('memory.usage_in_bytes'));
  if (total === undefined || usage === undefined) return undefined;
  const times = counters(read('cpuacct.stat'));
  const cpu = counters(read('cpu.stat'));
  const memory = counters(read('memory.stat'));
  return {
    cpu: {
      total,
      user: scaled(times.get('user'), userHz),
      system: scaled(times.get('system'), userHz),
      periods: cpu.get('nr_periods'),
      throttledPeriods: cpu.get('nr_throttled'),
      throttled: scaled(cpu.get('throttled_time'), 1e9),
      shares: number(read('cpu.shares')),
      ...limit(number(read('cpu.cfs_quota_us')), number(read('cpu.cfs_period_us'))),
    },
    memory: {
      usage,
      workingSet: Math.max(0, usage - (memory.get('total_inactive_file') ?? 0)),
      rss: memory.get('total_rss'),
      cache: memory.get('total_cache'),
      mapped: memory.get('total_mapped_file'),
      swap: memory.get('total_swap'),
      peak: number(read('memory.max_usage_in_bytes')),
      failures: number(read('memory.failcnt')),
      oomKills: counters(read('memory.oom_control')).get('oom_kill'),
      limit: memoryLimit(number(read('memory.limit_in_bytes'))),
    },
    io: ioOfV1(read('blkio.throttle.io_serviced') ?? '', read('blkio.throttle.io_service_bytes') ?? ''),
    processes: number(read('pids.current')),
    members: members(read('cgroup.procs')),
  };
}

/** `name value` in each line. */
function counters(text = ''): Map<string, number> {
  return new Map(
    text.split('\n').flatMap((line): [string, number][] => {
      const [, name, value] = /^(\S+) (\d+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)]];
    }),
  );
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+\s*$/.test(text) ? Number(text) : undefined;
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by;
}

function limit(quota: number | undefined, period: number | undefined): Pick<CgroupUsage['cpu'], 'quota' | 'period'> {
  return { quota: quota !== undefined && quota > 0 ? quota : undefined, period };
}

function memoryLimit(bytes: number | undefined): number {
  return bytes === undefined || bytes >= noLimit ? 0 : bytes;
}

function members(text = ''): number[] {
  return text.split('\n').filter(Boolean).map(Number);
}

/** `8:0 rbytes=… wbytes=… rios=… wios=…` for each device. */
function ioOfV2(text: string): CgroupUsage['io'] {
  const sum = (key: string): number =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce((all, [, value]) => all + Number(value), 0);
  return { reads: sum('rios'), writes: sum('wios'), readBytes: sum('rbytes'), writtenBytes: sum('wbytes') };
}

/** `8:0 Read …` and `8:0 Write …` for each device. */
function ioOfV1(serviced: string, bytes: string): CgroupUsage['io'] {
  const sum = (text: string, kind: string): number =>
    [...text.matchAll(new RegExp(`^\\S+ ${kind} (\\d+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0);
  return {
    reads: sum(serviced, 'Read'),
    writes: sum(serviced, 'Write'),
    readBytes: sum(bytes, 'Read'),
    writtenBytes: sum(bytes, 'Write'),
  };
}

/** The counters of a network interface (proc_net_dev(5)). */
export interface InterfaceUsage {
  name: string;
  receive: InterfaceCounters;
  transmit: InterfaceCounters;
}

export interface InterfaceCounters {
  bytes: number;
  packets: number;
  errors: number;
  dropped: number;
}

/** The text of `/proc/<pid>/net/dev`; the loopback interface is left out. */
export function interfacesOf(text: string): InterfaceUsage[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', rest = ''] = /^\s*([^:\s]+):\s*(.+)$/.exec(line) ?? [];
    const figures = rest.trim().split(/\s+/).map(Number);
    if (name === '' || name === 'lo' || figures.length < 12) return [];
    const counted = (from: number): InterfaceCounters => {
      const [bytes = 0, packets = 0, errors = 0, dropped = 0] = figures.slice(from, from + 4);
      return { bytes, packets, errors, dropped };
    };
    return [{ name, receive: counted(0), transmit: counted(8) }];
  });
}
