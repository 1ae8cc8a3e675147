import { readFileSync } from 'node:fs';

/** Connections that a proxy may have at a time: each takes two files. */
export function mostConnections(): number {
  return Math.min(16_384, Math.floor((openFilesLimit() - 1_000) / 2));
}

/** How many files a process may have open (proc(5), limits: the hard limit, up to which HAProxy raises its own). */
function openFilesLimit(): number {
  const [, hard] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Infinity : Number(hard);
}
