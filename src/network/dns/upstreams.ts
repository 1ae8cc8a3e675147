import { isIP } from 'node:net';

/** Whom to ask for names that are not the cluster's: the keys of kube-dns's ConfigMap, `kube-system/kube-dns`. */
export interface UpstreamSettings {
  /** Resolvers (`IP` or `IP:PORT`) by domain, in lower case without dots at its ends. */
  stubDomains: ReadonlyMap<string, readonly string[]>;
  /** For all other names; empty: the machine's own. */
  upstreamNameservers: readonly string[];
}

export const noUpstreamSettings: UpstreamSettings = { stubDomains: new Map(), upstreamNameservers: [] };

/**
 * Reads a ConfigMap's data: `stubDomains`, a JSON object of lists, and `upstreamNameservers`, a JSON list (Kubernetes
 * documentation, "Customizing DNS Service"). What cannot be read is left out, and `problems` says what.
 */
export function parseUpstreams(data: Readonly<Record<string, string>>): {
  settings: UpstreamSettings;
  problems: string[];
} {
  const problems: string[] = [];
  const stubDomains = new Map<string, readonly string[]>();
  const stubs = parseJson('stubDomains', data.stubDomains, problems) ?? {};
  if (typeof stubs !== 'object' || Array.isArray(stubs)) problems.push('stubDomains is no object of lists');
  else {
    for (const [domain, servers] of Object.entries(stubs)) {
      const valid = serversOf(`stubDomains["${domain}"]`, servers, problems);
      const name = domain.toLowerCase().replace(/^\.+|\.+$/g, '');
      if (name === '')
        problems.push('stubDomains has a domain without a name: that is what upstreamNameservers is for');
      else if (valid.length > 0) stubDomains.set(name, valid);
    }
  }
  const upstream = parseJson('upstreamNameservers', data.upstreamNameservers, problems) ?? [];
  return {
    settings: { stubDomains, upstreamNameservers: serversOf('upstreamNameservers', upstream, problems) },
    problems,
  };
}

function parseJson(key: string, text: string | undefined, problems: string[]): unknown {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    problems.push(`${key} is not JSON: ${error instanceof Error ? error.message : ''}`);
    return undefined;
  }
}

function serversOf(what: string, value: unknown, problems: string[]): string[] {
  if (!Array.isArray(value)) {
    problems.push(`${what} is no list of addresses`);
    return [];
  }
  return value.filter((server): server is string => {
    const isValid = typeof server === 'string' && splitServer(server) !== undefined;
    if (!isValid) problems.push(`${what}: ${JSON.stringify(server)} is no IP or IP:PORT`);
    return isValid;
  });
}

/** `10.0.0.1`, `10.0.0.1:5353`, `fd00::1`, `[fd00::1]:5353`; undefined for anything else. */
export function splitServer(text: string): { ip: string; port: number } | undefined {
  if (isIP(text) !== 0) return { ip: text, port: 53 };
  const match = /^\[?([0-9a-fA-F:.]+)\]?:(\d{1,5})$/.exec(text);
  const [ip = '', port] = [match?.[1], Number(match?.[2])];
  return isIP(ip) !== 0 && port > 0 && port < 65_536 ? { ip, port } : undefined;
}

/** The resolvers for a name (lower case): those of the longest stub domain that it is in; undefined: no setting names any. */
export function upstreamsFor(name: string, settings: UpstreamSettings): readonly string[] | undefined {
  const { stubDomains, upstreamNameservers } = settings;
  for (let rest = name; stubDomains.size > 0;) {
    const servers = stubDomains.get(rest);
    if (servers) return servers;
    const dot = rest.indexOf('.');
    if (dot < 0) break;
    rest = rest.slice(dot + 1);
  }
  return upstreamNameservers.length > 0 ? upstreamNameservers : undefined;
}

/** The resolvers that a resolv.conf names. */
export function nameserversOf(resolvConf: string): string[] {
  return resolvConf
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .filter((ip): ip is string => ip !== undefined);
}
