import { parseIpBlock } from '../base/ip-address.ts';
import type { DataplaneScope, TableFrame } from './dataplane.ts';
import { masqueradeMark, mostShared, type ServiceRules } from './service-rules.ts';

/**
 * What is under way to an endpoint that is taken away may end well in these seconds: its pod may be there still, where
 * a service's selector changed.
 */
const leavingSeconds = 5;
/** How long clients of an endpoint that is gone are told so, in minutes: after it, their own timeouts are over. */
export const goneMinutes = 15;

/** Everything in the table that depends on services, by nft object. */
interface Objects {
  chains: Map<string, readonly string[]>;
  /** Elements by map, or by set: these have no value. */
  maps: Map<string, Map<string, string>>;
  affinitySets: Map<string, number>;
}

/** What came to, or went from, what is behind all services together. */
export interface Exchange {
  gone: readonly string[];
  added: readonly string[];
}

/**
 * A chain without rules, which tells programs in containers that the node's rules are nftables' and not those of the
 * older iptables: kubelets make it for them (KEP-3178), where `iptables-nft-save -t mangle` shows it.
 */
function hintCommands({ family, nodeName }: Pick<DataplaneScope, 'family' | 'nodeName'>): string[] {
  if (nodeName === undefined) return [];
  return [`add table ${family} mangle`, `add chain ${family} mangle KUBE-IPTABLES-HINT`];
}

/** The text for `nft -f` that makes the table anew, whatever was there: one transaction. */
export function fullScript(scope: DataplaneScope, rules: ReadonlyMap<string, ServiceRules>, frame: TableFrame): string {
  const table = `${scope.family} ${scope.table}`;
  const hairpins = new Set<string>();
  for (const service of rules.values()) for (const ip of service.hairpins) hairpins.add(ip);
  const base = [
    `add table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    ...skeleton(scope, frame).map((line) => `  ${line}`),
    '}',
  ];
  const filling = difference(table, collect([]), collect(rules.values()), { gone: [], added: [...hairpins] });
  return [...hintCommands(scope), ...base, ...filling].join('\n') + '\n';
}

/**
 * Fails where the table is there no more, and changes nothing else: but the chain that only tells something is made
 * again, and those that find packets to endpoints that are gone are unmade when that `isOver`.
 */
export function lookScript(scope: DataplaneScope, isOver: boolean): string {
  const table = `${scope.family} ${scope.table}`;
  const over = isOver ? cutChainCommands(table, { isNeeded: false }) : [];
  return [...hintCommands(scope), `add chain ${table} services`, ...over].join('\n');
}

/** Removes everything that there ever was of this scope, whether it is there or not. */
export function removalScript(scope: DataplaneScope): string {
  const table = `table ${scope.family} ${scope.table}`;
  const hint = hintCommands(scope);
  const unmake = hint.slice(-1).map((command) => command.replace('add', 'delete'));
  return [...hint, ...unmake, `add ${table}`, `delete ${table}`, ''].join('\n');
}

/**
 * The text that turns `before` into `after`, a command on each line; undefined when nothing differs. Only the services
 * given are looked at: of an address that several have, it is not theirs to say that it is gone.
 */
export function differenceScript(
  scope: DataplaneScope,
  {
    before,
    after,
    hairpins,
    endpoints,
  }: { before: Iterable<ServiceRules>; after: Iterable<ServiceRules>; hairpins: Exchange; endpoints: Exchange },
): string | undefined {
  const table = `${scope.family} ${scope.table}`;
  const lines = [...difference(table, collect(before), collect(after), hairpins), ...cutCommands(table, endpoints)];
  return lines.length > 0 ? lines.join('\n') + '\n' : undefined;
}

/**
 * The table's fixed part. A new connection goes through `services`: by address, protocol and port to a service's chain,
 * or to the endpoint that a shared map has for it; either rewrites the destination. What is still addressed to the
 * service range (or to an external address) afterwards has no endpoint and is refused. A TCP connection to an endpoint
 * that is gone is reset.
 */
function skeleton(scope: DataplaneScope, { moreRanges, isCrowded }: TableFrame): string[] {
  const { family } = scope;
  const address = `${family === 'ip' ? 'ipv4' : 'ipv6'}_addr`;
  const counts = Array.from({ length: isCrowded ? mostShared : 0 }, (_, i) => i + 1);
  const key = (count: number): string => `${family} daddr . meta l4proto . th dport . numgen random mod ${count}`;
  const portKey = (count: number): string => `meta l4proto . th dport . numgen random mod ${count}`;
  // Ranges that are not known cannot be answered for as a whole: what has no rules is left to the routes.
  const ranges = [...scope.serviceCidrs, ...moreRanges];
  const own = widest(ranges.filter((cidr) => cidr.includes(':') === (scope.family === 'ip6')));
  const cutEndpoint = `ct reply ${family} saddr . ct reply proto-src`;
  const serviceRange = own.length > 0 ? `{ ${own.join(', ')} }` : undefined;
  return [
    `map service-ips { type ${address} . inet_proto . inet_service : verdict; }`,
    'map node-ports { type inet_proto . inet_service : verdict; }',
    `set unserved { type ${address} . inet_proto . inet_service; }`,
    `map addresses { type ${address} : verdict; }`,
    `set unserved-addresses { type ${address}; }`,
    ...counts.map((count) => `map ${sharedMap(count)} { typeof ${key(count)} : ${family} daddr . th dport; }`),
    ...counts.map((count) => `map ${sharedPortMap(count)} { typeof ${portKey(count)} : ${family} daddr . th dport; }`),
    ...(isCrowded ? [`set ${sharedPorts} { type inet_proto . inet_service; }`] : []),
    `set hairpins { type ${address} . ${address}; }`,
    `set leaving { type ${address} . inet_service; flags timeout; timeout ${leavingSeconds}s; }`,
    `set gone { type ${address} . inet_service; flags timeout; timeout ${goneMinutes}m; }`,
    'chain ports {',
    '  meta l4proto . th dport vmap @node-ports',
    ...(isCrowded
      ? [
          `  meta l4proto . th dport != @${sharedPorts} return`,
          // The answer must come back through this node.
          `  meta mark set meta mark or ${masqueradeMark}`,
          ...counts.map((count) => `  dnat ${family} to ${portKey(count)} map @${sharedPortMap(count)}`),
        ]
      : []),
    '}',
    'chain services {',
    `  ${family} daddr . meta l4proto . th dport vmap @service-ips`,
    ...counts.map((count) => `  dnat ${family} to ${key(count)} map @${sharedMap(count)}`),
    `  ${family} daddr vmap @addresses`,
    // IPv6 has no way from the loopback address to another host.
    `  ${family === 'ip6' ? 'ip6 daddr != ::1 ' : ''}fib daddr type local jump ports`,
    '}',
    'chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }',
    'chain output { type nat hook output priority -100; policy accept; jump services; }',
    'chain postrouting {',
    '  type nat hook postrouting priority srcnat; policy accept;',
    `  meta mark & ${masqueradeMark} == ${masqueradeMark} masquerade`,
    `  ct status dnat ${family} saddr . ${family} daddr @hairpins masquerade`,
    ...(family === 'ip' ? ['  ct status dnat ip saddr 127.0.0.0/8 masquerade'] : []),
    '}',
    'chain turn-away { meta l4proto tcp reject with tcp reset; reject; }',
    'chain refuse {',
    `  ${family} daddr . meta l4proto . th dport @unserved jump turn-away`,
    `  ${family} daddr @unserved-addresses jump turn-away`,
    ...(serviceRange ? [`  ${family} daddr ${serviceRange} jump turn-away`] : []),
    '}',
    // By the answers' source: what is under way is not translated yet where it is looked at, and the reset comes from the
    // address that the client knows. Where it is forwarded a filtered bridge would send it past the translation.
    'chain cut {',
    `  meta l4proto tcp ${cutEndpoint} @gone ${cutEndpoint} != @leaving reject with tcp reset`,
    '}',
    ...filterChains(scope),
  ];
}

/** What becomes of packets once services have been translated. */
function filterChains({ nodeName }: DataplaneScope): string[] {
  return [
    'chain forward {',
    '  type filter hook forward priority filter; policy accept;',
    '  ct state new jump refuse',
    // What connection tracking cannot place is not translated: a client would reset its connection for such an answer.
    // Nodes pass on what is the cluster's alone; the host has other traffic.
    ...(nodeName === undefined ? [] : ['  ct state invalid drop']),
    '}',
    'chain filter-output { type filter hook output priority filter; policy accept; ct state new jump refuse; }',
  ];
}

/** Ranges that do not lie in others of them: a set of nftables takes no address twice. */
function widest(cidrs: readonly string[]): string[] {
  const blocks = [...new Set(cidrs)].flatMap((cidr) => {
    const block = parseIpBlock(cidr);
    return block ? [{ cidr, ...block }] : [];
  });
  return blocks
    .filter((one) => !blocks.some((other) => other.size > one.size && isWithin(one.first, other)))
    .map(({ cidr }) => cidr);
}

function isWithin(address: bigint, { first, size }: { first: bigint; size: bigint }): boolean {
  return address >= first && address < first + size;
}

function collect(rules: Iterable<ServiceRules>): Objects {
  const objects: Objects = { chains: new Map(), maps: new Map(), affinitySets: new Map() };
  const fill = (map: string, elements: ReadonlyMap<string, string>): void => {
    const known = objects.maps.get(map) ?? new Map<string, string>();
    objects.maps.set(map, known);
    for (const [element, value] of elements) known.set(element, value);
  };
  for (const service of rules) {
    for (const [chain, lines] of service.chains) objects.chains.set(chain, lines);
    fill('service-ips', service.serviceIps);
    fill('node-ports', service.nodePorts);
    fill('unserved', new Map([...service.unserved].map((key) => [key, ''])));
    fill('addresses', service.addresses);
    fill('unserved-addresses', new Map([...service.unservedAddresses].map((key) => [key, ''])));
    for (const [count, elements] of service.shared) fill(sharedMap(count), elements);
    for (const [count, elements] of service.sharedPorts) {
      fill(sharedPortMap(count), elements);
      fill(sharedPorts, new Map([...elements.keys()].map((key) => [key.slice(0, key.lastIndexOf(' . ')), ''])));
    }
    for (const [set, seconds] of service.affinitySets) objects.affinitySets.set(set, seconds);
  }
  return objects;
}

/** Services with this many endpoints are in it, as far as they share a rule. */
function sharedMap(count: number): string {
  return `shared/${count}`;
}

/** The same for node ports. */
function sharedPortMap(count: number): string {
  return `shared-ports/${count}`;
}

/** The set of all node ports that are in one of those maps. */
const sharedPorts = 'shared-ports';

/** Commands in an order that never names what is not there: make sets and chains, fill, redirect, then unmake. */
function difference(on: string, before: Objects, after: Objects, hairpins: Exchange): string[] {
  const lines: string[] = [];
  const staleChains = [...before.chains.keys()].filter((chain) => !after.chains.has(chain));
  const changedChains = [...after.chains].filter(([chain, rules]) => !sameLines(before.chains.get(chain), rules));
  for (const [chain] of changedChains) if (!before.chains.has(chain)) lines.push(`add chain ${on} ${chain}`);
  for (const [map, was] of before.maps) {
    const is = after.maps.get(map);
    const gone = [...was].filter(([element, value]) => is?.get(element) !== value);
    lines.push(...elements('delete', on, map, gone));
  }
  for (const chain of [...staleChains, ...changedChains.map(([name]) => name).filter((c) => before.chains.has(c))]) {
    lines.push(`flush chain ${on} ${chain}`);
  }
  for (const [set, seconds] of after.affinitySets) {
    if (before.affinitySets.has(set)) continue;
    lines.push(
      `add set ${on} ${set} { type ${on.startsWith('ip6 ') ? 'ipv6' : 'ipv4'}_addr; flags dynamic,timeout; timeout ${seconds}s; }`,
    );
  }
  for (const [chain, rules] of changedChains) for (const rule of rules) lines.push(`add rule ${on} ${chain} ${rule}`);
  for (const [map, is] of after.maps) {
    const was = before.maps.get(map);
    const added = [...is].filter(([element, value]) => was?.get(element) !== value);
    lines.push(...elements('add', on, map, added));
  }
  lines.push(...hairpinCommands(on, hairpins));
  for (const chain of staleChains) lines.push(`delete chain ${on} ${chain}`);
  for (const set of before.affinitySets.keys()) {
    if (!after.affinitySets.has(set)) lines.push(`delete set ${on} ${set}`);
  }
  return lines;
}

function elements(verb: 'add' | 'delete', on: string, map: string, list: readonly [string, string][]): string[] {
  if (list.length === 0) return [];
  const texts = list.map(([element, value]) => (value === '' ? element : `${element} : ${value}`));
  return [`${verb} element ${on} ${map} { ${texts.join(', ')} }`];
}

function hairpinCommands(on: string, { gone, added }: Exchange): string[] {
  const pairs = (ips: readonly string[]): string => ips.map((ip) => `${ip} . ${ip}`).join(', ');
  return [
    ...(gone.length > 0 ? [`delete element ${on} hairpins { ${pairs(gone)} }`] : []),
    ...(added.length > 0 ? [`add element ${on} hairpins { ${pairs(added)} }`] : []),
  ];
}

/**
 * The chains that find clients' packets to endpoints that are gone, before services are translated. A look-up for each
 * packet is what a service costs: they are there only while an endpoint has gone within {@link goneMinutes}.
 */
function cutChainCommands(on: string, { isNeeded }: { isNeeded: boolean }): string[] {
  return ['prerouting', 'output'].flatMap((hook) => {
    const chain = `${on} cut-${hook}`;
    const needed = `add rule ${chain} ct status dnat ct direction original jump cut`;
    return [
      `add chain ${chain} { type filter hook ${hook} priority mangle; policy accept; }`,
      `flush chain ${chain}`,
      isNeeded ? needed : `delete chain ${chain}`,
    ];
  });
}

/** An endpoint may come again whose time in the set is over: what is not in a set cannot be deleted. */
function cutCommands(on: string, { gone, added }: Exchange): string[] {
  const sockets = (endpoints: readonly string[]): string[] =>
    endpoints.flatMap((endpoint) => {
      const [protocol, ip, port] = endpoint.split(' ');
      return protocol === 'tcp' ? [`${ip} . ${port}`] : [];
    });
  const [left, come] = [sockets(gone).join(', '), sockets(added).join(', ')];
  const moved = ['leaving', 'gone'].flatMap((set) => [
    ...(left ? [`add element ${on} ${set} { ${left} }`] : []),
    ...(come ? [`add element ${on} ${set} { ${come} }`, `delete element ${on} ${set} { ${come} }`] : []),
  ]);
  return [...moved, ...(left ? cutChainCommands(on, { isNeeded: true }) : [])];
}

function sameLines(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((line, i) => line === b[i]);
}
