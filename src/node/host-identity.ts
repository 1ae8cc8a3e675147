import type { Pod } from '../api/types/core-v1.ts';

/** What a pod calls itself. */
export interface HostIdentity {
  /** The kernel's host name, at most 64 characters. */
  hostname: string;
  /** Domain when the pod has a subdomain: `web.default.svc.cluster.local`; else ''. */
  domain: string;
}

const maxHostname = 63;
/** What the kernel's field holds. */
const maxWholeName = 64;

/**
 * Hostname and subdomain of a pod; with setHostnameAsFQDN the whole name is the host name (KEP-1797). Throws where that
 * is longer than the kernel takes.
 */
export function hostIdentity(pod: Pod, clusterDomain: string, nodeName: string): HostIdentity {
  const { spec, metadata } = pod;
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  if (spec?.hostNetwork) return { hostname: nodeName, domain: '' };
  const short = hostnameOf(spec?.hostname || metadata.name || '');
  const domain = spec?.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : '';
  return { hostname: spec?.setHostnameAsFQDN && domain ? wholeName(`${short}.${domain}`) : short, domain };
}

function wholeName(name: string): string {
  if (name.length <= maxWholeName) return name;
  const why = `is too long (${maxWholeName} characters is the max, ${name.length} characters requested)`;
  throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} ${why}`);
}

/** A name as a host name: the kernel takes no longer ones. */
export function hostnameOf(name: string): string {
  return name.length <= maxHostname ? name : name.slice(0, maxHostname).replace(/[-.]+$/, '');
}

/** The managed /etc/hosts, in upstream's words and columns. */
export function hostsFile(pod: Pod, options: { identity: HostIdentity; podIps: readonly string[] }): string {
  const { identity, podIps } = options;
  const host = identity.hostname.split('.')[0] as string;
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIps.map((ip) => (identity.domain ? `${ip}\t${host}.${identity.domain}\t${host}` : `${ip}\t${host}`)),
  ];
  return `${lines.join('\n')}\n${aliasLines(pod)}`;
}

/** For pods in the host's network: the host's own file and the aliases. */
export function hostNetworkHostsFile(pod: Pod, hostFile: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${hostFile}${aliasLines(pod)}`;
}

function aliasLines(pod: Pod): string {
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`);
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}
