import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { runCommand } from './command.ts';
import { bridgeName } from './network-plan.ts';

/** How this machine's own programs find addresses for names, and so where a domain can be given a server of its own. */
export type HostResolver =
  /** A server for each link, and domains that go there (resolvectl(1)); gone with the link. */
  | { kind: 'systemd-resolved'; link: string }
  /** A file for each domain (resolver(5)). */
  | { kind: 'resolver-directory'; file: string }
  /** One list for all names, resolv.conf(5): the cluster's server comes first, and passes on what is not its own. */
  | { kind: 'resolv-conf'; file: string };

/** Where a machine keeps what its resolvers read, and how its programs are run. */
interface ResolverHost {
  resolverDirectory: string;
  resolvConf: string;
  /** There while systemd-resolved runs. */
  resolvedDirectory: string;
  /** Resolves with what the program writes; rejects when it fails. */
  run: (command: readonly string[]) => Promise<string>;
}

const thisHost: ResolverHost = {
  resolverDirectory: '/etc/resolver',
  resolvConf: '/etc/resolv.conf',
  resolvedDirectory: '/run/systemd/resolve',
  run: runCommand,
};

export function hostResolver(cluster: string, domain: string, host = thisHost): HostResolver {
  const { resolverDirectory, resolvConf, resolvedDirectory } = host;
  // Its stub is what resolv.conf names where it is in use.
  if (existsSync(resolvedDirectory) && /^nameserver\s+127\.0\.0\.5[34]\b/m.test(readText(resolvConf))) {
    return { kind: 'systemd-resolved', link: bridgeName(cluster) };
  }
  if (existsSync(resolverDirectory)) return { kind: 'resolver-directory', file: `${resolverDirectory}/${domain}` };
  return { kind: 'resolv-conf', file: resolvConf };
}

/** Lets the host resolve names of `domain` by the cluster's server at `address`. Idempotent. */
export async function joinHostResolver(
  resolver: HostResolver,
  { cluster, domain, address }: { cluster: string; domain: string; address: string },
  { run } = thisHost,
): Promise<void> {
  switch (resolver.kind) {
    case 'systemd-resolved':
      await run(['resolvectl', 'dns', resolver.link, address]);
      // `~`: it is where the domain's names are asked, and no search domain.
      await run(['resolvectl', 'domain', resolver.link, `~${domain}`]);
      return;
    case 'resolver-directory':
    case 'resolv-conf':
      // In place: it may be a mount of its own, or a link that somebody else follows too.
      return writeFileSync(resolver.file, withServer(readText(resolver.file), cluster, address));
  }
}

/** Takes back what {@link joinHostResolver} did for this cluster; whether there was anything. */
export async function leaveHostResolver(cluster: string, domain: string, host = thisHost): Promise<boolean> {
  const { resolverDirectory, resolvConf } = host;
  let found = false;
  for (const file of [`${resolverDirectory}/${domain}`, resolvConf]) {
    const text = readText(file);
    const rest = withoutServer(text, cluster);
    if (rest === text) continue;
    found = true;
    if (rest === '' && file !== resolvConf) rmSync(file);
    else writeFileSync(file, rest);
  }
  const resolver = hostResolver(cluster, domain, host);
  if (resolver.kind === 'systemd-resolved' && (await isLinkServing(resolver.link, domain, host))) {
    found = true;
    await host.run(['resolvectl', 'revert', resolver.link]);
  }
  return found;
}

/** The cluster whose names the host resolves; undefined: none. */
export async function clusterOfHostResolver(
  resolver: HostResolver,
  { domain, clusters }: { domain: string; clusters: readonly string[] },
  host = thisHost,
): Promise<string | undefined> {
  if (resolver.kind !== 'systemd-resolved') return serverOwner(readText(resolver.file));
  for (const cluster of clusters) if (await isLinkServing(bridgeName(cluster), domain, host)) return cluster;
  return undefined;
}

async function isLinkServing(link: string, domain: string, { run }: ResolverHost): Promise<boolean> {
  // The link of a stopped cluster is not there.
  const text = await run(['resolvectl', 'domain', link]).catch(() => '');
  return text.split(/\s+/).includes(`~${domain}`);
}

const begin = '# timonel';
const endLine = '# timonel: end';

/** A resolv.conf with the cluster's server before the others, between two lines that say whose it is. Pure. */
export function withServer(text: string, cluster: string, address: string): string {
  return `${begin} ${cluster}\nnameserver ${address}\n${endLine}\n${withoutServer(text, cluster)}`;
}

/** What was there before {@link withServer}, byte by byte. Pure. */
export function withoutServer(text: string, cluster: string): string {
  const start = text.indexOf(`${begin} ${cluster}\n`);
  const end = start < 0 ? -1 : text.indexOf(`${endLine}\n`, start);
  return end < 0 ? text : text.slice(0, start) + text.slice(end + endLine.length + 1);
}

function serverOwner(text: string): string | undefined {
  return new RegExp(`^${begin} (\\S+)$`, 'm').exec(text)?.[1];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
