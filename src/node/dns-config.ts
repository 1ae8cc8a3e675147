import type { Pod } from '../api/types/core-v1.ts';

export interface DnsConfig {
  servers: string[];
  searches: string[];
  options: string[];
}

export interface DnsSettings {
  /** Addresses of the cluster's DNS service; empty: pods use the host's resolver. */
  clusterDns: readonly string[];
  /** `cluster.local`. */
  clusterDomain: string;
  /** The host's own resolver, as its resolv.conf says. */
  host: DnsConfig;
}

/** What resolvers read of a resolv.conf, and Kubernetes writes there (KEP-2595 for the search domains). */
const limits = { servers: 3, searches: 32, searchCharacters: 2048 } as const;

/** resolv.conf of a pod by its dnsPolicy and dnsConfig (KEP-2079's forebears; API docs of `PodSpec.dnsPolicy`). */
export function podDns(pod: Pod, settings: DnsSettings): DnsConfig {
  const { servers, searches, options } = wantedDns(pod, settings);
  const fitting: string[] = [];
  for (const search of searches.slice(0, limits.searches)) {
    if ([...fitting, search].join(' ').length > limits.searchCharacters) break;
    fitting.push(search);
  }
  return { servers: servers.slice(0, limits.servers), searches: fitting, options };
}

function wantedDns(pod: Pod, settings: DnsSettings): DnsConfig {
  const base = policyDns(pod, settings);
  const custom = pod.spec?.dnsConfig;
  if (!custom) return base;
  const options = new Map(base.options.map((option) => splitOption(option)));
  for (const { name, value } of custom.options ?? []) if (name) options.set(name, value);
  return {
    servers: unique([...base.servers, ...(custom.nameservers ?? [])]),
    searches: unique([...base.searches, ...(custom.searches ?? [])]),
    options: [...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`)),
  };
}

function policyDns(pod: Pod, settings: DnsSettings): DnsConfig {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  const hostNetwork = pod.spec?.hostNetwork === true;
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !hostNetwork);
  if (!cluster || settings.clusterDns.length === 0) return settings.host;
  const domain = settings.clusterDomain;
  const own = [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return {
    servers: [...settings.clusterDns],
    searches: unique([...own, ...settings.host.searches]),
    options: ['ndots:5'],
  };
}

function splitOption(option: string): [string, string | undefined] {
  const colon = option.indexOf(':');
  return colon < 0 ? [option, undefined] : [option.slice(0, colon), option.slice(colon + 1)];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Reads resolv.conf(5). */
export function parseResolvConf(text: string): DnsConfig {
  const config: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0]) config.servers.push(words[0]);
    else if (keyword === 'search') config.searches = words.filter((word) => word !== '.');
    else if (keyword === 'options') config.options = words;
  }
  return config;
}
