import type { DataplaneScope } from './dataplane.ts';
import { masqueradeMark, type ServiceRules } from './service-rules.ts';

/** Everything in the table that depends on services, by nft object. */
interface Objects {
  chains: Map<string, readonly string[]>;
  serviceIps: Map<string, string>;
  nodePorts: Map<string, string>;
  affinitySets: Map<string, number>;
  hairpins: Set<string>;
}

/** The text for `nft -f` that makes the table anew, whatever was there: one transaction. */
export function fullScript(scope: DataplaneScope, rules: ReadonlyMap<string, ServiceRules>): string {
  const base = [
    `add table ip ${scope.table}`,
    `delete table ip ${scope.table}`,
    `table ip ${scope.table} {`,
    ...skeleton(scope).map((line) => `  ${line}`),
    '}',
  ];
  return [...base, ...difference(scope.table, collect([]), collect(rules.values()))].join('\n') + '\n';
}

/** The text that turns `before` into `after`; undefined when nothing differs. Only the services given are looked at. */
export function differenceScript(
  scope: DataplaneScope,
  before: Iterable<ServiceRules>,
  after: Iterable<ServiceRules>,
): string | undefined {
  const lines = difference(scope.table, collect(before), collect(after));
  return lines.length > 0 ? lines.join('\n') + '\n' : undefined;
}

/**
 * The table's fixed part. A new connection goes through `services`: by address, protocol and port to a service's chain,
 * which rewrites the destination. What is still addressed to the service range afterwards has no endpoint and is
 * refused.
 */
function skeleton(scope: DataplaneScope): string[] {
  // Ranges that are not known cannot be answered for as a whole: what has no rules is left to the routes.
  const serviceRange = scope.serviceCidrs.length > 0 ? `{ ${scope.serviceCidrs.join(', ')} }` : undefined;
  return [
    'map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }',
    'map node-ports { type inet_proto . inet_service : verdict; }',
    'set hairpins { type ipv4_addr . ipv4_addr; }',
    'chain services {',
    '  ip daddr . meta l4proto . th dport vmap @service-ips',
    '  fib daddr type local meta l4proto . th dport vmap @node-ports',
    '}',
    'chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }',
    'chain output { type nat hook output priority -100; policy accept; jump services; }',
    'chain postrouting {',
    '  type nat hook postrouting priority srcnat; policy accept;',
    `  meta mark & ${masqueradeMark} == ${masqueradeMark} masquerade`,
    '  ct status dnat ip saddr . ip daddr @hairpins masquerade',
    '  ct status dnat ip saddr 127.0.0.0/8 masquerade',
    '}',
    'chain refuse {',
    ...(serviceRange
      ? [
          `  ip daddr ${serviceRange} ct state new meta l4proto tcp reject with tcp reset`,
          `  ip daddr ${serviceRange} ct state new reject`,
        ]
      : []),
    '}',
    'chain forward { type filter hook forward priority filter; policy accept; jump refuse; }',
    'chain filter-output { type filter hook output priority filter; policy accept; jump refuse; }',
  ];
}

function collect(rules: Iterable<ServiceRules>): Objects {
  const objects: Objects = {
    chains: new Map(),
    serviceIps: new Map(),
    nodePorts: new Map(),
    affinitySets: new Map(),
    hairpins: new Set(),
  };
  for (const service of rules) {
    for (const [chain, lines] of service.chains) objects.chains.set(chain, lines);
    for (const [element, verdict] of service.serviceIps) objects.serviceIps.set(element, verdict);
    for (const [element, verdict] of service.nodePorts) objects.nodePorts.set(element, verdict);
    for (const [set, seconds] of service.affinitySets) objects.affinitySets.set(set, seconds);
    for (const ip of service.hairpins) objects.hairpins.add(ip);
  }
  return objects;
}

/** Commands in an order that never names what is not there: make sets and chains, fill, redirect, then unmake. */
function difference(table: string, before: Objects, after: Objects): string[] {
  const lines: string[] = [];
  const on = `ip ${table}`;
  const staleChains = [...before.chains.keys()].filter((chain) => !after.chains.has(chain));
  const changedChains = [...after.chains].filter(([chain, rules]) => !sameLines(before.chains.get(chain), rules));
  for (const [chain] of changedChains) if (!before.chains.has(chain)) lines.push(`add chain ${on} ${chain}`);
  for (const [map, was, is] of [
    ['service-ips', before.serviceIps, after.serviceIps],
    ['node-ports', before.nodePorts, after.nodePorts],
  ] as const) {
    const gone = [...was].filter(([element, verdict]) => is.get(element) !== verdict);
    if (gone.length > 0)
      lines.push(`delete element ${on} ${map} { ${gone.map(([e, v]) => `${e} : ${v}`).join(', ')} }`);
  }
  for (const chain of [...staleChains, ...changedChains.map(([name]) => name).filter((c) => before.chains.has(c))]) {
    lines.push(`flush chain ${on} ${chain}`);
  }
  for (const [set, seconds] of after.affinitySets) {
    if (before.affinitySets.has(set)) continue;
    lines.push(`add set ${on} ${set} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; }`);
  }
  for (const [chain, rules] of changedChains) for (const rule of rules) lines.push(`add rule ${on} ${chain} ${rule}`);
  for (const [map, was, is] of [
    ['service-ips', before.serviceIps, after.serviceIps],
    ['node-ports', before.nodePorts, after.nodePorts],
  ] as const) {
    const added = [...is].filter(([element, verdict]) => was.get(element) !== verdict);
    if (added.length > 0) lines.push(`add element ${on} ${map} { ${added.map(([e, v]) => `${e} : ${v}`).join(', ')} }`);
  }
  lines.push(...hairpinChanges(on, before.hairpins, after.hairpins));
  for (const chain of staleChains) lines.push(`delete chain ${on} ${chain}`);
  for (const set of before.affinitySets.keys()) {
    if (!after.affinitySets.has(set)) lines.push(`delete set ${on} ${set}`);
  }
  return lines;
}

function hairpinChanges(on: string, before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  const pair = (ip: string): string => `${ip} . ${ip}`;
  const gone = [...before].filter((ip) => !after.has(ip)).map(pair);
  const added = [...after].filter((ip) => !before.has(ip)).map(pair);
  return [
    ...(gone.length > 0 ? [`delete element ${on} hairpins { ${gone.join(', ')} }`] : []),
    ...(added.length > 0 ? [`add element ${on} hairpins { ${added.join(', ')} }`] : []),
  ];
}

function sameLines(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((line, i) => line === b[i]);
}
