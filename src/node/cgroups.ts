import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesOfV1, filesOfV2, usageOfV1, usageOfV2, type CgroupUsage } from './cgroup-usage.ts';
import type { LinuxResources } from './runtime.ts';

/** Control groups of pods. Paths are as the runtime sees them: `/timonel/dev/node-1/kubepods/burstable/pod<uid>`. */
export interface Cgroups {
  /** Makes the group (and its parents) and limits it. */
  ensure(path: string, resources: LinuxResources): Promise<void>;
  /** Stops every process in the group where it is, or lets them go on. A group that is not there is one without processes. */
  freeze(path: string, frozen: boolean): Promise<void>;
  /** What the group has used; undefined when there is no such group. */
  usage(path: string): Promise<CgroupUsage | undefined>;
  /** Removes the group and every group in it; they must have no processes. Missing ones are fine. */
  remove(path: string): Promise<void>;
}

/**
 * The machine's cgroupfs: one unified hierarchy (v2), or one mount for each controller (v1, also when a v2
 * hierarchy lies beside it). Where cgroups cannot be written at all (an unprivileged container), limits are left to
 * the runtime.
 */
export function createSystemCgroups(root = '/sys/fs/cgroup'): Cgroups {
  let layout: Promise<Layout> | undefined;
  const detected = (): Promise<Layout> => (layout ??= detect(root));
  return {
    async ensure(path, resources) {
      const found = await detected();
      if (found.kind === 'v2') await ensureV2(found.root, path, resources);
      else await ensureV1(found.controllers, path, resources);
    },
    async freeze(path, frozen) {
      const found = await detected();
      if (found.kind === 'v2') return writeIfThere(join(found.root, path, 'cgroup.freeze'), frozen ? '1' : '0');
      const freezer = found.controllers.get('freezer');
      if (!freezer) throw new Error('the machine has no freezer for control groups');
      await freezeV1(join(freezer, path, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
    },
    async usage(path) {
      const found = await detected();
      const files =
        found.kind === 'v2'
          ? filesOfV2.map((file) => [join(found.root, path), file] as const)
          : Object.entries(filesOfV1).flatMap(([controller, names]) => {
              const mount = found.controllers.get(controller);
              return mount === undefined ? [] : names.map((file) => [join(mount, path), file] as const);
            });
      const texts = await Promise.all(
        files.map(async ([directory, file]) => [file, await textOf(directory, file)] as const),
      );
      const read = new Map(texts);
      return (found.kind === 'v2' ? usageOfV2 : usageOfV1)((file) => read.get(file));
    },
    async remove(path) {
      const found = await detected();
      const roots = found.kind === 'v2' ? [found.root] : [...found.controllers.values()];
      await Promise.all(roots.map((mount) => removeTree(join(mount, path))));
    },
  };
}

/** Undefined when there is no such file, or the group has just gone. */
function textOf(directory: string, file: string): Promise<string | undefined> {
  return readFile(join(directory, file), 'utf8').catch(() => undefined);
}

type Layout = { kind: 'v2'; root: string } | { kind: 'v1'; controllers: ReadonlyMap<string, string> };

async function detect(root: string): Promise<Layout> {
  const unified = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => undefined);
  if (unified !== undefined) return { kind: 'v2', root };
  const controllers = new Map<string, string>();
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  for (const line of mounts.split('\n')) {
    const [, point, type, options = ''] = line.split(' ');
    if (!point?.startsWith(root)) continue;
    if (type === 'cgroup') for (const option of options.split(',')) nameController(controllers, option, point);
    // containerd's runtimes join the v2 hierarchy beside v1 too, so its groups must go with the others.
    if (type === 'cgroup2') controllers.set('unified', point);
  }
  return { kind: 'v1', controllers };
}

const v1Controllers = new Set(
  (
    'cpu cpuacct cpuset memory pids devices freezer blkio net_cls net_prio perf_event hugetlb rdma misc ' +
    'name=systemd'
  ).split(' '),
);

function nameController(controllers: Map<string, string>, option: string, point: string): void {
  if (v1Controllers.has(option)) controllers.set(option, point);
}

async function ensureV1(
  controllers: ReadonlyMap<string, string>,
  path: string,
  resources: LinuxResources,
): Promise<void> {
  const cpu = controllers.get('cpu');
  const memory = controllers.get('memory');
  if (cpu) {
    const directory = join(cpu, path);
    await mkdir(directory, { recursive: true });
    if (resources.cpuShares) await writeFile(join(directory, 'cpu.shares'), String(resources.cpuShares));
    if (resources.cpuPeriod) await writeFile(join(directory, 'cpu.cfs_period_us'), String(resources.cpuPeriod));
    if (resources.cpuQuota) await writeFile(join(directory, 'cpu.cfs_quota_us'), String(resources.cpuQuota));
  }
  if (memory && resources.memoryLimitBytes) {
    const directory = join(memory, path);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'memory.limit_in_bytes'), String(resources.memoryLimitBytes));
  }
}

async function ensureV2(root: string, path: string, resources: LinuxResources): Promise<void> {
  let parent = root;
  for (const part of path.split('/').filter(Boolean)) {
    // A controller is there for children only when every parent hands it down; those that are not there are left out.
    for (const controller of ['+cpu', '+memory', '+pids', '+cpuset', '+io']) {
      await writeFile(join(parent, 'cgroup.subtree_control'), controller).catch(() => undefined);
    }
    parent = join(parent, part);
    await mkdir(parent, { recursive: true });
  }
  if (resources.cpuShares) await writeFile(join(parent, 'cpu.weight'), String(cpuWeight(resources.cpuShares)));
  if (resources.cpuQuota) {
    await writeFile(join(parent, 'cpu.max'), `${resources.cpuQuota} ${resources.cpuPeriod ?? 100_000}`);
  }
  if (resources.memoryLimitBytes) await writeFile(join(parent, 'memory.max'), String(resources.memoryLimitBytes));
}

/** From v1's 2..262144 to v2's 1..10000, as runc and upstream map it. */
function cpuWeight(shares: number): number {
  return Math.trunc(1 + ((shares - 2) * 9999) / 262_142);
}

/** A process that forks in this moment escapes one attempt: the state stays FREEZING, and is asked for again. */
async function freezeV1(file: string, state: 'FROZEN' | 'THAWED'): Promise<void> {
  for (let attempt = 0; attempt < maxFreezes; attempt++) {
    await writeIfThere(file, state);
    const now = await readFile(file, 'utf8').catch(() => state);
    if (now.trim() === state) return;
  }
  throw new Error(`${file} does not become ${state}`);
}

const maxFreezes = 100;

async function writeIfThere(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'r+' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

async function removeTree(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
