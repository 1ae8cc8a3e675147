import { parsePort, parseVolume } from './short-syntax.ts';
import { isMapping, type Value, textOf } from './tree.ts';

/** How values of one key in several files come together (Compose Specification, "Merge"). */
export type MergeRule =
  /** The later one stands. */
  | { kind: 'replace' }
  /** `KEY=VALUE` lists and mappings alike: key by key. */
  | { kind: 'pairs' }
  /** A list of names or a mapping: name by name. `whole` is what a bare name stands for. */
  | { kind: 'named'; whole: Value }
  /** One value or a list of them: all, each once, told apart by `identify`; of two alike the later one stands.
   * `ofPairs`: a mapping is a list of `KEY=VALUE`. */
  | { kind: 'list'; identify: (item: Value) => string | undefined; ofPairs?: boolean }
  | { kind: 'logging' }
  | { kind: 'build' }
  /** A number or a mapping. */
  | { kind: 'ulimit' };

const self = (item: Value): string => (typeof item === 'string' ? item : JSON.stringify(item));
const set: MergeRule = { kind: 'list', identify: self };
const pairs: MergeRule = { kind: 'pairs' };
const replace: MergeRule = { kind: 'replace' };

const rules: Record<string, MergeRule> = {
  'services.*.annotations': pairs,
  'services.*.build': { kind: 'build' },
  'services.*.build.additional_contexts': pairs,
  'services.*.build.args': pairs,
  'services.*.build.extra_hosts': { kind: 'list', identify: (item) => textOf(item).split(/[=:]/)[0], ofPairs: true },
  'services.*.build.labels': pairs,
  'services.*.build.tags': set,
  'services.*.cap_add': set,
  'services.*.cap_drop': set,
  'services.*.command': replace,
  'services.*.configs': { kind: 'list', identify: (item) => mountTarget(item, '') },
  'services.*.depends_on': { kind: 'named', whole: { condition: 'service_started', required: true } },
  'services.*.deploy.labels': pairs,
  'services.*.devices': { kind: 'list', identify: deviceTarget },
  'services.*.dns': set,
  'services.*.dns_opt': set,
  'services.*.dns_search': set,
  'services.*.entrypoint': replace,
  'services.*.env_file': { kind: 'list', identify: (item) => identityOf(isMapping(item) ? item.path : item) },
  'services.*.environment': pairs,
  'services.*.expose': { kind: 'list', identify: identityOf },
  'services.*.extra_hosts': { kind: 'list', identify: self, ofPairs: true },
  'services.*.healthcheck.test': replace,
  'services.*.label_file': set,
  'services.*.labels': pairs,
  'services.*.links': set,
  'services.*.logging': { kind: 'logging' },
  'services.*.models': { kind: 'named', whole: {} },
  'services.*.networks': { kind: 'named', whole: null },
  'services.*.networks.*.aliases': set,
  'services.*.networks.*.link_local_ips': set,
  'services.*.ports': { kind: 'list', identify: portIdentity },
  'services.*.profiles': set,
  'services.*.secrets': { kind: 'list', identify: (item) => mountTarget(item, '/run/secrets/') },
  'services.*.sysctls': pairs,
  'services.*.tmpfs': set,
  'services.*.ulimits.*': { kind: 'ulimit' },
  'services.*.volumes': { kind: 'list', identify: volumeTarget },
  'models.*.runtime_flags': replace,
  'networks.*.labels': pairs,
  'networks.*.ipam.config': {
    kind: 'list',
    identify: (item) => (isMapping(item) ? identityOf(item.subnet) : undefined),
  },
  'volumes.*.labels': pairs,
};

const bySegments = Object.entries(rules).map(([pattern, rule]) => ({ segments: pattern.split('.'), rule }));

export function mergeRuleOf(path: readonly (string | number)[]): MergeRule | undefined {
  return bySegments.find(
    ({ segments }) =>
      segments.length === path.length && segments.every((segment, i) => segment === '*' || segment === path[i]),
  )?.rule;
}

function identityOf(item: Value | undefined): string | undefined {
  return item === null || item === undefined || typeof item === 'object' ? undefined : String(item);
}

function mountTarget(item: Value, prefix: string): string | undefined {
  if (!isMapping(item)) return typeof item === 'string' ? prefix + item : undefined;
  return identityOf(item.target) ?? prefix + textOf(item.source);
}

function deviceTarget(item: Value): string | undefined {
  if (isMapping(item)) return identityOf(item.target ?? item.source);
  const [source, target = source] = textOf(item).split(':');
  return target;
}

/** Malformed ones are told apart by nothing here: the conversion to the long form says what is wrong with them. */
function volumeTarget(item: Value): string | undefined {
  if (isMapping(item)) return identityOf(item.target);
  try {
    return identityOf(parseVolume(textOf(item)).target);
  } catch {
    return undefined;
  }
}

function portIdentity(item: Value): string | undefined {
  if (isMapping(item)) {
    const { host_ip: hostIp = '', published = '', target = '', protocol = 'tcp' } = item;
    return [hostIp, published, target, protocol].map(textOf).join(':');
  }
  try {
    const ports = parsePort(textOf(item));
    return ports.map((p) => `${p.hostIp}:${p.published}:${p.target}:${p.protocol}`).join(' ');
  } catch {
    return undefined;
  }
}
