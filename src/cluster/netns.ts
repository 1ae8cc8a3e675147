/**
 * Network namespaces, links and routes of the host, through iproute2, nsenter and nft: each function is one process.
 */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { runCommand } from './command.ts';

const directory = '/run/netns';

/** The file that holds a named network namespace, as `ip netns add` makes it. */
export function namespacePath(name: string): string {
  return `${directory}/${name}`;
}

/** Names of the network namespaces of this machine. */
export function listNamespaces(): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** The kernel's number of a namespace, by which /proc tells who is in it; undefined when there is none. */
export function namespaceInode(name: string): number | undefined {
  try {
    return statSync(namespacePath(name)).ino;
  } catch {
    return undefined;
  }
}

/** Lines for `ip -batch`, on the host. With `force` a line that fails does not end the batch, nor fail the call. */
export async function ipBatch(lines: readonly string[], { force = false } = {}): Promise<void> {
  if (lines.length === 0) return;
  const command = ['ip', ...(force ? ['-force'] : []), '-batch', '-'];
  const done = runCommand(command, { input: `${lines.join('\n')}\n` });
  await (force ? done.catch(() => '') : done);
}

/**
 * The same inside a namespace, after setting kernel parameters there. A parameter that the kernel lacks is left out.
 */
export async function configureNamespace(
  name: string,
  settings: { sysctls: Readonly<Record<string, string>>; ip: readonly string[] },
): Promise<void> {
  const writes = Object.entries(settings.sysctls).map(([key, value]) => {
    const file = `/proc/sys/${key.replaceAll('.', '/')}`;
    return `[ ! -e ${file} ] || echo ${value} > ${file}`;
  });
  const script = [...writes, 'exec ip -batch -'].join('\n');
  await runCommand(['nsenter', `--net=${namespacePath(name)}`, 'sh', '-ec', script], {
    input: `${settings.ip.join('\n')}\n`,
  });
}

/** Applies an nft script in one transaction, on the host. */
export async function nftApply(script: string): Promise<void> {
  await runCommand(['nft', '-f', '-'], { input: script });
}

/** Names of the host's nft tables, with their family: `ip timonel-dev.edge`. */
export async function listNftTables(): Promise<{ family: string; name: string }[]> {
  const text = await runCommand(['nft', 'list', 'tables']);
  return [...text.matchAll(/^table (\S+) (\S+)$/gm)].map((m) => ({ family: m[1] as string, name: m[2] as string }));
}

/** The links that are ports of a bridge; none when there is no such bridge. */
export function portsOfBridge(bridge: string): string[] {
  const directory = `/sys/class/net/${bridge}/brif`;
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Whether the host has a network interface of this name. */
export function hasLink(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

/** The MTU of one of the host's interfaces. */
export function linkMtu(name: string): number {
  return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
}

/** Sets a kernel parameter of the host; one that the kernel lacks is left out. */
export function setHostSysctl(key: string, value: string): void {
  const file = `/proc/sys/${key.replaceAll('.', '/')}`;
  if (existsSync(file) && readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value);
}

/**
 * Has the host forward IPv6. Interfaces that hear their router's advertisements go on to (2): one that forwards would
 * forget its routers otherwise, and the host its way out (the kernel's ip-sysctl.txt, `accept_ra`).
 */
export function forwardIpv6(): void {
  const interfaces = '/proc/sys/net/ipv6/conf';
  if (!existsSync(interfaces)) return;
  for (const name of readdirSync(interfaces)) {
    const file = `${interfaces}/${name}/accept_ra`;
    if (readFileSync(file, 'utf8').trim() === '1') writeFileSync(file, '2');
  }
  setHostSysctl('net.ipv6.conf.all.forwarding', '1');
}

/** Whether frames that a bridge passes on go through netfilter (module br_netfilter). */
export function bridgesAreFiltered(): boolean {
  return existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables');
}

/** Destinations of the host's IPv4 routes as CIDRs, and the interface of the default route. */
export function readRoutes(): { destinations: string[]; defaultInterface: string | undefined } {
  const destinations: string[] = [];
  let defaultInterface: string | undefined;
  for (const line of readFileSync('/proc/net/route', 'utf8').split('\n').slice(1)) {
    const [link = '', destination, , , , , , mask] = line.split('\t');
    if (destination === undefined || mask === undefined) continue;
    const prefix = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
    if (prefix === 0) defaultInterface ??= link;
    else destinations.push(`${hexAddress(destination)}/${prefix}`);
  }
  return { destinations, defaultInterface };
}

/** Destinations of the host's IPv6 routes of a prefix of 48 and more, as `fd12:3456:789a:…/64`; undefined: it has no IPv6. */
export function readIpv6Routes(): string[] | undefined {
  if (!existsSync('/proc/net/if_inet6')) return undefined;
  return readFileSync('/proc/net/ipv6_route', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [destination = '', prefix = '0'] = line.split(' ');
      const groups = destination.match(/.{4}/g) ?? [];
      return Number.parseInt(prefix, 16) >= 48 ? `${groups.join(':')}/${Number.parseInt(prefix, 16)}` : [];
    });
}

/** /proc/net/route has addresses as a number in the machine's (little-endian) order. */
function hexAddress(hex: string): string {
  return (hex.match(/../g) ?? [])
    .toReversed()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}
