import { readFile } from 'node:fs/promises';

export interface MemoryUse {
  capacityBytes: number;
  /** What new work could get without swapping, as the kernel estimates it. */
  availableBytes: number;
}

export interface ProcessUse {
  most: number;
  /** Threads are counted as well: they take numbers of the same kind. */
  running: number;
}

/** How much of the machine is taken. */
export interface MachineLoad {
  memory(): Promise<MemoryUse>;
  processes(): Promise<ProcessUse>;
}

/** From proc(5): meminfo, loadavg and sys/kernel. */
export const systemMachineLoad: MachineLoad = {
  async memory() {
    const text = await readFile('/proc/meminfo', 'utf8');
    const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
    return { capacityBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') };
  },
  async processes() {
    const names = ['/proc/loadavg', '/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max'];
    const [load = '', ...limits] = await Promise.all(names.map((name) => readFile(name, 'utf8')));
    return { running: Number(/\/(\d+)/.exec(load)?.[1]), most: Math.min(...limits.map(Number)) };
  },
};
