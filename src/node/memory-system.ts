import type { DeviceMount } from './mounts.ts';
import type { NodeSystem } from './node-system.ts';
import type { ProbeResult } from './probe-network.ts';
import type { PayloadFile } from './volume-payload.ts';

/** A machine without disk and network, for simulated nodes: what is written is kept, every probe is answered. */
export interface MemorySystem extends NodeSystem {
  /** Text files by path, and the files of volumes under `<volume directory>/<file>`. */
  readonly content: ReadonlyMap<string, string>;
  /** Paths at which there are block devices. */
  readonly blockDevices: Set<string>;
  /** By where they are mounted. */
  readonly mountedDevices: ReadonlyMap<string, DeviceMount>;
  /** What network probes get from now on. */
  answerProbes(result: ProbeResult): void;
  /** How full its disk is from now on: 100 GB, of which so many are left. */
  setAvailableGigabytes(available: number): void;
  /** How much of its memory, 4 GiB, and of its 32768 process numbers is left from now on. */
  setLeft(left: { memoryBytes?: number; processes?: number }): void;
}

export function createMemorySystem(): MemorySystem {
  const content = new Map<string, string>();
  const blockDevices = new Set<string>();
  const mountedDevices = new Map<string, DeviceMount>();
  let disk = { device: 1, capacityBytes: 100e9, availableBytes: 100e9, inodes: 0, inodesFree: 0 };
  let left = { memoryBytes: 4 * 2 ** 30, processes: 32_768 };
  let answer: ProbeResult = { kind: 'success', output: '' };
  const removeUnder = (path: string): void => {
    for (const key of content.keys()) if (key === path || key.startsWith(`${path}/`)) content.delete(key);
  };
  const bytesUnder = (path: string): number =>
    [...content].reduce((sum, [key, text]) => (key.startsWith(`${path}/`) ? sum + Buffer.byteLength(text) : sum), 0);
  const nothing = (): Promise<void> => Promise.resolve();
  const probe = (): Promise<ProbeResult> => Promise.resolve(answer);
  return {
    content,
    blockDevices,
    mountedDevices,
    answerProbes: (result) => void (answer = result),
    setLeft: (more) => void (left = { ...left, ...more }),
    setAvailableGigabytes: (available) => void (disk = { ...disk, availableBytes: available * 1e9 }),
    files: {
      makeDirectory: nothing,
      writeFile: (path, text) => Promise.resolve(void content.set(path, text)),
      readFile: (path) => Promise.resolve(content.get(path)),
      readTail: (path, bytes) => Promise.resolve((content.get(path) ?? '').slice(-bytes)),
      list: () => Promise.resolve([]),
      usedBytes: (paths) => Promise.resolve(paths.map(bytesUnder)),
      fileSystem: () => Promise.resolve(disk),
      move(from, to) {
        const moved = [...content].filter(([key]) => key.startsWith(`${from}/`));
        removeUnder(from);
        for (const [key, text] of moved) content.set(`${to}${key.slice(from.length)}`, text);
        return Promise.resolve(moved.length > 0);
      },
      remove: (path) => Promise.resolve(removeUnder(path)),
      replacePayload(directory, files: readonly PayloadFile[]) {
        removeUnder(directory);
        for (const file of files) content.set(`${directory}/${file.path}`, Buffer.from(file.data).toString('utf8'));
        return Promise.resolve();
      },
      setGroup: nothing,
      lookAt: (path) => Promise.resolve({ path, isBlockDevice: blockDevices.has(path) }),
      prepareHostPath: nothing,
      resolveSubPath: (root, subPath) => Promise.resolve(`${root}/${subPath}`),
      readWithin: (root, path) => Promise.resolve(content.get(`${root}/${path}`)),
    },
    mounts: {
      mountTmpfs: nothing,
      mountLayers: nothing,
      mountDevice: (path, mount) => Promise.resolve(void mountedDevices.set(path, mount)),
      unmountAll(path) {
        for (const key of mountedDevices.keys()) if (key.startsWith(`${path}/`)) mountedDevices.delete(key);
        return Promise.resolve();
      },
    },
    cgroups: { ensure: nothing, freeze: nothing, usage: () => Promise.resolve(undefined), remove: nothing },
    network: { http: probe, tcp: probe, grpc: probe },
    load: {
      memory: () => Promise.resolve({ capacityBytes: 4 * 2 ** 30, availableBytes: left.memoryBytes }),
      processes: () => Promise.resolve({ most: 32_768, running: 32_768 - left.processes }),
    },
  };
}
