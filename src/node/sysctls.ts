import type { Pod } from '../api/types/core-v1.ts';

/**
 * What a pod may set of the kernel: these are of its own namespaces, and no other pod notices. (Kubernetes
 * documentation, "Using sysctls in a Kubernetes Cluster"; all of them are there since Linux 4.15.)
 */
const safe = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

/** Why the node does not set what the pod asks for; `allowed` are further names, or beginnings of names before `*`. */
export function forbiddenSysctl({ spec }: Pod, allowed: readonly string[]): string | undefined {
  for (const { name: given } of spec?.securityContext?.sysctls ?? []) {
    const name = withDots(given);
    if (![...safe, ...allowed].some((pattern) => matches(name, pattern))) {
      return `forbidden sysctl: ${JSON.stringify(name)} not allowlisted`;
    }
    const namespace = name.startsWith('net.') ? 'Net' : 'IPC';
    if (namespace === 'Net' ? spec?.hostNetwork : spec?.hostIPC) {
      return `forbidden sysctl: ${JSON.stringify(name)} not allowed with host ${namespace} enabled`;
    }
  }
  return undefined;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Names may have slashes between their parts, and then dots within them (sysctl.d(5)). */
function withDots(name: string): string {
  if (!/^[^.]*\//.test(name)) return name;
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}
