import { directions, familyOf, type Direction } from './policy-view.ts';
import type { PolicyMatch, PolicyRules, PolicySet, PolicyStatement } from './policy-rules.ts';

/** What of a node's rules does not depend on policies. */
export interface PolicyScope {
  /** Name of the nftables table, of family inet: `timonel-dev.policy`. */
  table: string;
  /** This node's part of the pod range: an address in it that no known pod has gets nothing through. */
  podCidrs: readonly string[];
  /** Where the node itself answers for the cluster's DNS. */
  dnsAddresses: readonly string[];
}

/** Removes the table, whether it is there or not. */
export function removalScript({ table }: PolicyScope): string {
  return `add table inet ${table}\ndelete table inet ${table}\n`;
}

/** The text for `nft -f` that makes the table anew, whatever was there: one transaction, so no packet sees it half done. */
export function fullPolicyScript(scope: PolicyScope, rules: PolicyRules): string {
  const lines = [`table inet ${scope.table} {`, ...skeleton(scope).map((line) => `  ${line}`), '}'];
  return `${removalScript(scope)}${[...lines, ...difference(scope.table, undefined, rules)].join('\n')}\n`;
}

/** The text that turns `before` into `after`, in one transaction; undefined when nothing differs. */
export function policyDifference(scope: PolicyScope, before: PolicyRules, after: PolicyRules): string | undefined {
  const lines = difference(scope.table, before, after);
  return lines.length > 0 ? `${lines.join('\n')}\n` : undefined;
}

const families = [
  { family: 4, type: 'ipv4_addr', ip: 'ip' },
  { family: 6, type: 'ipv6_addr', ip: 'ip6' },
] as const;

/**
 * Packets are judged where they are forwarded, after services have put an endpoint's address in: first the sender's
 * egress, then the receiver's ingress. To accept in one chain is to go on to the next. What the node's own processes
 * send, probes above all, is not forwarded, and upstream has them allowed always.
 *
 * Each pod of the node has an element in both maps. An address of the node's pod range without one belongs to a pod
 * whose policies are not in place yet: it gets nothing through, and nothing gets through to it.
 */
function skeleton({ podCidrs, dnsAddresses }: PolicyScope): string[] {
  const unknown = (side: 'saddr' | 'daddr'): string[] => podCidrs.map((cidr) => `  ${ipOf(cidr)} ${side} ${cidr} drop`);
  const dispatch = (direction: Direction, side: 'saddr' | 'daddr'): string[] =>
    families.map(({ family, ip }) => `  ${ip} ${side} vmap @${direction}${family}`);
  // Neighbour discovery crosses a filtered bridge as packets of the pods.
  const always = [
    '  ct state established,related accept',
    '  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept',
    // A pod cannot shut itself out.
    ...families.map(({ family, ip }) => `  ${ip} saddr . ${ip} daddr @self${family} accept`),
  ];
  return [
    ...families.flatMap(({ family, type }) => [
      ...directions.map((direction) => `map ${direction}${family} { type ${type} : verdict; }`),
      `set self${family} { type ${type} . ${type}; }`,
    ]),
    'chain egress {',
    '  type filter hook forward priority filter - 20; policy accept;',
    ...always,
    ...dispatch('egress', 'saddr'),
    ...unknown('saddr'),
    '}',
    'chain ingress {',
    '  type filter hook forward priority filter - 10; policy accept;',
    ...always,
    ...dispatch('ingress', 'daddr'),
    ...unknown('daddr'),
    '}',
    // DNS that the node answers itself counts as the DNS pod that other clusters have.
    'chain dns {',
    '  type filter hook input priority filter - 20; policy accept;',
    ...dnsAddresses.flatMap((address) => {
      const { family, ip } = families[familyOf(address) === 4 ? 0 : 1];
      return [`  ${ip} daddr ${address} ${ip} saddr vmap @egress${family}`];
    }),
    '}',
  ];
}

function ipOf(cidr: string): 'ip' | 'ip6' {
  return familyOf(cidr.split('/')[0] as string) === 4 ? 'ip' : 'ip6';
}

/** Commands in an order that never names what is not there: make, unlink, fill, link, unmake. */
function difference(table: string, before: PolicyRules | undefined, after: PolicyRules): string[] {
  const on = `inet ${table}`;
  const lines: string[] = [];
  const oldSets = before?.sets ?? new Map<string, PolicySet>();
  const oldChains = before?.chains ?? new Map<string, readonly PolicyStatement[]>();
  for (const [name, set] of after.sets) {
    if (!oldSets.has(name)) lines.push(`add set ${on} ${name} { type ${setType(set)}; }`);
  }
  const changed = [...after.chains].filter(([name, statements]) => !sameChain(oldChains.get(name), statements));
  const stale = [...oldChains.keys()].filter((name) => !after.chains.has(name));
  for (const [name] of changed) if (!oldChains.has(name)) lines.push(`add chain ${on} ${name}`);
  const dispatch = directions.map((direction) => dispatchChanges(on, direction, before, after));
  lines.push(...dispatch.flatMap(({ gone }) => gone));
  for (const name of stale) lines.push(`flush chain ${on} ${name}`);
  for (const [name, statements] of changed) {
    if (oldChains.has(name)) lines.push(`flush chain ${on} ${name}`);
    for (const statement of statements) lines.push(`add rule ${on} ${name} ${renderStatement(statement)}`);
  }
  for (const [name, set] of after.sets) lines.push(...elementChanges(on, name, oldSets.get(name), set));
  lines.push(...dispatch.flatMap(({ added }) => added), ...selfChanges(on, before, after));
  for (const name of stale) lines.push(`delete chain ${on} ${name}`);
  for (const name of oldSets.keys()) if (!after.sets.has(name)) lines.push(`delete set ${on} ${name}`);
  return lines;
}

function sameChain(a: readonly PolicyStatement[] | undefined, b: readonly PolicyStatement[]): boolean {
  if (a === b) return true;
  if (a?.length !== b.length) return false;
  return a.every((statement, i) => renderStatement(statement) === renderStatement(b[i] as PolicyStatement));
}

function setType({ family, holds }: PolicySet): string {
  const { type } = families[family === 4 ? 0 : 1];
  return holds === 'addresses' ? type : `${type} . inet_proto . inet_service`;
}

function verdict(chain: string | undefined): string {
  return chain === undefined ? 'accept' : `goto ${chain}`;
}

function dispatchChanges(on: string, direction: Direction, before: PolicyRules | undefined, after: PolicyRules) {
  const was: ReadonlyMap<string, string | undefined> = before?.dispatch[direction] ?? new Map<string, undefined>();
  const is = after.dispatch[direction];
  const gone = [...was].filter(([ip, chain]) => !is.has(ip) || is.get(ip) !== chain);
  const added = [...is].filter(([ip, chain]) => !was.has(ip) || was.get(ip) !== chain);
  const text = (entries: [string, string | undefined][]): string[] =>
    entries.map(([ip, chain]) => `${ip} : ${verdict(chain)}`);
  return {
    gone: byFamily(gone, ([ip]) => ip).flatMap(([family, entries]) =>
      elements('delete', on, `${direction}${family}`, text(entries)),
    ),
    added: byFamily(added, ([ip]) => ip).flatMap(([family, entries]) =>
      elements('add', on, `${direction}${family}`, text(entries)),
    ),
  };
}

/** The pairs of a pod's address with itself, for pods that are isolated in some direction. */
function selfChanges(on: string, before: PolicyRules | undefined, after: PolicyRules): string[] {
  const was = isolatedIps(before);
  const is = isolatedIps(after);
  const pair = (ip: string): string => `${ip} . ${ip}`;
  const gone = [...was].filter((ip) => !is.has(ip));
  const added = [...is].filter((ip) => !was.has(ip));
  return [
    ...byFamily(gone, (ip) => ip).flatMap(([family, ips]) => elements('delete', on, `self${family}`, ips.map(pair))),
    ...byFamily(added, (ip) => ip).flatMap(([family, ips]) => elements('add', on, `self${family}`, ips.map(pair))),
  ];
}

function isolatedIps(rules: PolicyRules | undefined): Set<string> {
  const isolated = directions.flatMap((direction) => [...(rules?.dispatch[direction] ?? [])]);
  return new Set(isolated.filter(([, chain]) => chain !== undefined).map(([ip]) => ip));
}

function byFamily<T>(items: readonly T[], ipOfItem: (item: T) => string): [4 | 6, T[]][] {
  const groups: [4 | 6, T[]][] = [
    [4, items.filter((item) => familyOf(ipOfItem(item)) === 4)],
    [6, items.filter((item) => familyOf(ipOfItem(item)) === 6)],
  ];
  return groups.filter(([, group]) => group.length > 0);
}

/** Only parts that are other objects than before are looked at. An element that moved from part to part stays. */
function elementChanges(on: string, name: string, before: PolicySet | undefined, after: PolicySet): string[] {
  const touched = new Set([...(before?.parts.keys() ?? []), ...after.parts.keys()]);
  for (const key of touched) if (before?.parts.get(key) === after.parts.get(key)) touched.delete(key);
  if (touched.size === 0) return [];
  const was = new Set([...touched].flatMap((key) => before?.parts.get(key) ?? []));
  const is = new Set([...touched].flatMap((key) => after.parts.get(key) ?? []));
  return [
    ...elements(
      'delete',
      on,
      name,
      [...was].filter((element) => !is.has(element)),
    ),
    ...elements(
      'add',
      on,
      name,
      [...is].filter((element) => !was.has(element)),
    ),
  ];
}

function elements(verb: 'add' | 'delete', on: string, set: string, list: readonly string[]): string[] {
  return list.length === 0 ? [] : [`${verb} element ${on} ${set} { ${list.join(', ')} }`];
}

function renderStatement(statement: PolicyStatement): string {
  switch (statement.kind) {
    case 'drop':
      return 'drop';
    case 'jump':
      return `jump ${statement.chain}`;
    case 'accept':
      return [...renderMatch(statement.match, statement.direction), 'accept'].join(' ');
  }
}

function renderMatch(match: PolicyMatch, direction: Direction): string[] {
  const { family, peerSet, block, protocol, ports, portSet } = match;
  const ip = family === 6 ? 'ip6' : 'ip';
  const peer = direction === 'ingress' ? 'saddr' : 'daddr';
  const words: string[] = [];
  if (peerSet !== undefined) words.push(`${ip} ${peer} @${peerSet}`);
  if (block) {
    // Nothing to compare where every address will do.
    words.push(block.cidr.endsWith('/0') ? `meta nfproto ipv${family}` : `${ip} ${peer} ${block.cidr}`);
    words.push(...block.except.map((cidr) => `${ip} ${peer} != ${cidr}`));
  }
  if (portSet !== undefined) words.push(`${ip} daddr . meta l4proto . th dport @${portSet}`);
  if (ports) {
    const list = ports.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    words.push(`${protocol} dport ${list.length === 1 ? list[0] : `{ ${list.join(', ')} }`}`);
  } else if (protocol) {
    words.push(`meta l4proto ${protocol}`);
  }
  return words;
}
