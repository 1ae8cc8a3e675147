import { existsSync, readFileSync, readdirSync } from 'node:fs';

/**
 * A process of each pod on this machine, by the pod's uid: the way into its network and its files. Cgroups are named
 * after their pods; of a pod's processes one is taken that has files of its own (the first holds the network alone).
 */
export function findPodProcesses(uids: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const names = new Map(uids.map((uid) => [`pod${uid}`, uid]));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const cgroup = readText(`/proc/${pid}/cgroup`);
    const uid = names.get(/pod[0-9a-f]{8}[0-9a-f_-]{28}/.exec(cgroup)?.[0].replaceAll('_', '-') ?? '');
    if (uid === undefined) continue;
    if (!found.has(uid) || existsSync(`/proc/${pid}/root/etc/resolv.conf`)) found.set(uid, Number(pid));
  }
  return found;
}

/** The text of a file that may be gone already. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
