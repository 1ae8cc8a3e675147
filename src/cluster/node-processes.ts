import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { readProcessFile, signalProcess, waitForExit } from '../node/process-file.ts';
import { cgroupDirectories } from './cgroup-tree.ts';

/** By what the processes of one node, or of a whole cluster, are recognised. */
export interface ProcessMarks {
  /** Numbers of network namespaces: whoever is in one, and all their descendants (the containers of the shims). */
  namespaceInodes: readonly number[];
  /** Control groups, `/timonel/dev/dev-1`: whoever is in one or below. */
  cgroups: readonly string[];
  /** Directories in which files `*.pid` name processes. */
  pidDirectories: readonly string[];
}

/**
 * Ends every process that has one of the marks with SIGKILL, at once, and those that they still started meanwhile.
 * Rejects when some do not end. The caller itself is never among them.
 */
export async function killProcesses(marks: ProcessMarks, clock: Clock): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const found = findProcesses(marks);
    if (found.length === 0) return;
    for (const pid of found) signalProcess(pid, 'SIGKILL');
    await Promise.all(found.map((pid) => waitForExit(pid, clock, 10_000)));
  }
  throw new Error(`processes ${findProcesses(marks).join(', ')} do not end, not even by SIGKILL`);
}

/**
 * Asks the containers' processes to end (SIGTERM) and gives them until `graceMs`. The first process of a container
 * that does not handle the signal is not waited for: the kernel keeps it from such a process (pid_namespaces(7)).
 */
export async function terminateContainers(marks: ProcessMarks, clock: Clock, graceMs: number): Promise<void> {
  const pids = [...pidsInCgroups(marks.cgroups)];
  const listening = pids.filter((pid) => !isDeafInit(pid));
  for (const pid of pids) signalProcess(pid, 'SIGTERM');
  await Promise.all(listening.map((pid) => waitForExit(pid, clock, graceMs)));
}

/** SIGTERM is number 15; the mask counts from 1 (proc(5), status). */
const sigtermBit = 1n << 14n;

function isDeafInit(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const numbers = /^NSpid:\s*(.+)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
    return numbers.length > 1 && numbers.at(-1) === '1' && (caught & sigtermBit) === 0n;
  } catch {
    return false;
  }
}

function findProcesses({ namespaceInodes, cgroups, pidDirectories }: ProcessMarks): number[] {
  const marked = pidsInCgroups(cgroups);
  for (const pid of pidDirectories.flatMap(pidsInFiles)) marked.add(pid);
  // A namespace's number says nothing when it is the host's own.
  const inodes = new Set(namespaceInodes.filter((inode) => inode !== statSync('/proc/self/ns/net').ino));
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const seen = Number.isInteger(pid) ? inspect(pid) : undefined;
    if (!seen) continue;
    parents.set(pid, seen.parent);
    if (inodes.has(seen.inode)) marked.add(pid);
  }
  const isMarked = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (marked.has(at)) return true;
    return false;
  };
  return [...parents.keys()].filter((pid) => pid !== process.pid && isMarked(pid));
}

/** Undefined for a process that has ended, a zombie among them. */
function inspect(pid: number): { parent: number; inode: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    return { parent: Number(parent), inode: statSync(`/proc/${pid}/ns/net`).ino };
  } catch {
    return undefined;
  }
}

function pidsInCgroups(cgroups: readonly string[]): Set<number> {
  const pids = new Set<number>();
  for (const directory of cgroups.flatMap(cgroupDirectories)) {
    try {
      for (const line of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n'))
        if (line !== '') pids.add(Number(line));
    } catch {
      // Removed between the listing and the reading.
    }
  }
  return pids;
}

function pidsInFiles(directory: string): number[] {
  try {
    const files = readdirSync(directory).filter((name) => name.endsWith('.pid'));
    return files.flatMap((name) => readProcessFile(join(directory, name)) ?? []);
  } catch {
    return [];
  }
}
