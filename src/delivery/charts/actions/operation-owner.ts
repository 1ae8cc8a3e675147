import { readFileSync } from 'node:fs';

/**
 * Who does an operation on a release: this process, in a way that tells later whether it still lives. `BOOT PID START`:
 * the boot of the machine, the process and when it started, since numbers of processes are used again.
 */
export function thisProcess(): string {
  return `${bootId()} ${process.pid} ${startOf(process.pid) ?? ''}`.trim();
}

/**
 * `dead` only when that is certain: the process was one of this machine, in this boot or an earlier one. Of processes
 * elsewhere nothing is known.
 */
export function ownerState(owner: string | undefined): 'alive' | 'dead' | 'unknown' {
  const [boot, pid, start] = owner?.split(' ') ?? [];
  if (!boot || !pid || !start || boot !== bootId() || boot === 'unknown') return 'unknown';
  return startOf(Number(pid)) === start ? 'alive' : 'dead';
}

/** Another boot of the same machine cannot be told from another machine. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** Clock ticks since the boot, as `/proc/PID/stat` has them (proc(5), field 22). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // One that has ended and whose parent has not looked yet does nothing any more.
    return state === 'Z' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
