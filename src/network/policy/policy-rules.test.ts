import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/types/networking-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { systemClock } from '../../base/system-clock.ts';
import { type PolicyMatch, type PolicyRules, renderPolicies } from './policy-rules.ts';
import { fullPolicyScript, policyDifference } from './policy-script.ts';
import { judge, type PolicyConnection, type PolicyEnd } from '../trace/policy-verdict.ts';
import { directions, familyOf, type NamespaceView, type PolicyPod } from './policy-view.ts';

const scope = { table: 'timonel-t.policy', podCidrs: ['10.244.1.0/24'], dnsAddresses: ['10.96.0.10'] };

function pod(namespace: string, name: string, ip: string, more: Partial<PolicyPod> = {}): PolicyPod {
  return { namespace, name, labels: { app: name }, ips: [ip], ports: [], isLocal: ip.includes('.1.'), ...more };
}

function policy(name: string, spec: NetworkPolicy['spec'], namespace = 'shop'): NetworkPolicy {
  return { metadata: { name, namespace }, spec: { podSelector: {}, ...spec } };
}

function world(...views: NamespaceView[]): ReadonlyMap<string, NamespaceView> {
  return new Map(views.map((view) => [view.name, view]));
}

const http = [{ name: 'http', protocol: 'tcp', port: 8080 } as const];
const web = pod('shop', 'web', '10.244.1.5', { ports: http, ips: ['10.244.1.5', 'fd00::1:5'] });
const db = pod('shop', 'db', '10.244.1.6');
const far = pod('shop', 'far', '10.244.2.5', { ports: [{ name: 'http', protocol: 'tcp', port: 9090 }] });
const probe = pod('monitoring', 'probe', '10.244.2.6');
const monitor = (pods = [probe]): NamespaceView => ({
  name: 'monitoring',
  labels: { team: 'ops' },
  pods,
  policies: [],
});
const shop = (...policies: NetworkPolicy[]): NamespaceView => ({
  name: 'shop',
  labels: { team: 'shop' },
  pods: [web, db, far],
  policies,
});

/** What the kernel does with a packet that is forwarded on this node, by the rules as data. */
function passes(rules: PolicyRules, connection: PolicyConnection): boolean {
  const { from, to } = connection;
  for (const direction of directions) {
    const own = direction === 'ingress' ? to : from;
    const { dispatch } = rules;
    const isIsolated = directions.some((each) => dispatch[each].get(own.ip) !== undefined);
    if (from.ip === to.ip && isIsolated) continue;
    if (!dispatch[direction].has(own.ip)) {
      if (own.ip.startsWith('10.244.1.')) return false;
      continue;
    }
    const chain = dispatch[direction].get(own.ip);
    if (chain !== undefined && !accepts(rules, chain, connection)) return false;
  }
  return true;
}

function accepts(rules: PolicyRules, chain: string, connection: PolicyConnection): boolean | undefined {
  for (const statement of rules.chains.get(chain) ?? []) {
    if (statement.kind === 'drop') return false;
    if (statement.kind === 'jump') {
      const verdict = accepts(rules, statement.chain, connection);
      if (verdict !== undefined) return verdict;
    } else {
      const peer = statement.direction === 'ingress' ? connection.from : connection.to;
      if (matches(rules, statement.match, peer, connection)) return true;
    }
  }
  return undefined;
}

function matches(rules: PolicyRules, match: PolicyMatch, peer: PolicyEnd, { to, protocol, port }: PolicyConnection) {
  const { family, peerSet, block, ports, portSet } = match;
  const has = (set: string, element: string): boolean =>
    [...(rules.sets.get(set)?.parts.values() ?? [])].some((part) => part.includes(element));
  if (family !== undefined && familyOf(peer.ip) !== family) return false;
  if (peerSet !== undefined && !has(peerSet, peer.ip)) return false;
  if (block && (!isIn(peer.ip, block.cidr) || block.except.some((cidr) => isIn(peer.ip, cidr)))) return false;
  if (match.protocol && match.protocol !== protocol) return false;
  if (ports && !ports.some(([first, last]) => port >= first && port <= last)) return false;
  return portSet === undefined || has(portSet, `${to.ip} . ${protocol} . ${port}`);
}

function isIn(ip: string, cidr: string): boolean {
  const [network = '', prefix] = cidr.split('/');
  const list = new BlockList();
  const family = (address: string): 'ipv4' | 'ipv6' => (familyOf(address) === 4 ? 'ipv4' : 'ipv6');
  list.addSubnet(network, Number(prefix), family(network));
  return list.check(ip, family(ip));
}

type Asked = {
  from: PolicyPod | string;
  to: PolicyPod | string;
  port?: number;
  protocol?: 'tcp' | 'udp' | 'sctp' | 'other';
};

/** By the rendered rules; it must be what the policies say, too. */
function allowed(namespaces: ReadonlyMap<string, NamespaceView>, { from, to, port = 80, protocol = 'tcp' }: Asked) {
  const end = (at: PolicyPod | string): PolicyEnd =>
    typeof at === 'string' ? { ip: at } : { ip: at.ips[0] as string, pod: at };
  const connection: PolicyConnection = { from: end(from), to: end(to), protocol, port };
  const byRules = passes(renderPolicies(namespaces), connection);
  const local = (at: PolicyPod | string): boolean => typeof at !== 'string' && at.isLocal;
  const byPolicies =
    (!local(to) || judge('ingress', connection, namespaces).allowed) &&
    (!local(from) || judge('egress', connection, namespaces).allowed);
  expect(byRules).toBe(byPolicies);
  return byRules;
}

const ingressFrom = (...from: NetworkPolicyPeer[]): NetworkPolicy =>
  policy('in', { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress: [{ from }] });
const ingressOn = (...ports: NetworkPolicyPort[]): NetworkPolicy => policy('on', { ingress: [{ ports }] });

describe('network policies', () => {
  it.each<[string, NetworkPolicy[], Asked, boolean]>([
    ['leave pods alone that none selects', [ingressFrom()], { from: probe, to: db }, true],
    ['deny by default', [policy('deny', {})], { from: db, to: web }, false],
    ['say nothing of egress unless they have egress rules', [policy('deny', {})], { from: web, to: probe }, true],
    [
      'isolate egress by their rules',
      [policy('e', { egress: [{ to: [], ports: [{ port: 53 }] }] })],
      { from: web, to: probe },
      false,
    ],
    ['deny egress', [policy('e', { policyTypes: ['Egress'] })], { from: web, to: far }, false],
    [
      'leave ingress when they are about egress only',
      [policy('e', { policyTypes: ['Egress'] })],
      { from: probe, to: web },
      true,
    ],
    ['allow everybody by an empty rule', [policy('all', { ingress: [{}] })], { from: '192.0.2.1', to: web }, true],
    ['add up', [policy('deny', {}), ingressFrom({ podSelector: {} })], { from: db, to: web }, true],
    [
      'know pods by labels',
      [ingressFrom({ podSelector: { matchLabels: { app: 'db' } } })],
      { from: db, to: web },
      true,
    ],
    [
      'know other pods, too',
      [ingressFrom({ podSelector: { matchLabels: { app: 'db' } } })],
      { from: far, to: web },
      false,
    ],
    ['mean pods of their own namespace', [ingressFrom({ podSelector: {} })], { from: probe, to: web }, false],
    [
      'know namespaces',
      [ingressFrom({ namespaceSelector: { matchLabels: { team: 'ops' } } })],
      { from: probe, to: web },
      true,
    ],
    [
      'mean every namespace by an empty selector',
      [ingressFrom({ namespaceSelector: {} })],
      { from: probe, to: web },
      true,
    ],
    [
      'combine both selectors',
      [
        ingressFrom({
          namespaceSelector: { matchLabels: { team: 'ops' } },
          podSelector: { matchLabels: { app: 'db' } },
        }),
      ],
      { from: probe, to: web },
      false,
    ],
    [
      'take either of two peers',
      [
        ingressFrom(
          { namespaceSelector: { matchLabels: { team: 'ops' } } },
          { podSelector: { matchLabels: { app: 'db' } } },
        ),
      ],
      { from: db, to: web },
      true,
    ],
    ['know blocks', [ingressFrom({ ipBlock: { cidr: '192.0.2.0/24' } })], { from: '192.0.2.7', to: web }, true],
    [
      'know exceptions of blocks',
      [ingressFrom({ ipBlock: { cidr: '0.0.0.0/0', except: ['192.0.2.0/24', '192.0.2.0/28'] } })],
      { from: '192.0.2.7', to: web },
      false,
    ],
    [
      'know pods as addresses of a block',
      [ingressFrom({ ipBlock: { cidr: '10.244.0.0/16' } })],
      { from: probe, to: web },
      true,
    ],
    [
      'know expressions',
      [ingressFrom({ podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['db'] }] } })],
      { from: db, to: web },
      false,
    ],
    ['know ports', [ingressOn({ port: 80 })], { from: probe, to: web }, true],
    ['deny other ports', [ingressOn({ port: 80 })], { from: probe, to: web, port: 81 }, false],
    ['know protocols', [ingressOn({ port: 80, protocol: 'UDP' })], { from: probe, to: web }, false],
    ['know SCTP', [ingressOn({ port: 80, protocol: 'SCTP' })], { from: probe, to: web, protocol: 'sctp' }, true],
    [
      'know a protocol without a port',
      [ingressOn({ protocol: 'UDP' })],
      { from: probe, to: web, port: 9, protocol: 'udp' },
      true,
    ],
    [
      'know ranges',
      [ingressOn({ port: 80, endPort: 90 }, { port: 85, endPort: 99 })],
      { from: probe, to: web, port: 95 },
      true,
    ],
    ['know names of ports', [ingressOn({ port: 'http' })], { from: probe, to: web, port: 8080 }, true],
    [
      'know that another pod calls another port so',
      [ingressOn({ port: 'http' })],
      { from: probe, to: web, port: 9090 },
      false,
    ],
    [
      'know names of the far ports',
      [policy('e', { egress: [{ ports: [{ port: 'http' }] }] })],
      { from: db, to: far, port: 9090 },
      true,
    ],
    [
      'let ICMP through where no ports are named',
      [ingressFrom({ podSelector: {} })],
      { from: db, to: web, protocol: 'other' },
      true,
    ],
    ['keep ICMP out where ports are', [ingressOn({ port: 80 })], { from: db, to: web, protocol: 'other' }, false],
    [
      'do not shut a pod out of itself',
      [policy('deny', { policyTypes: ['Ingress', 'Egress'] })],
      { from: web, to: web },
      true,
    ],
  ])('%s', (_, policies, asked, expected) => {
    expect(allowed(world(shop(...policies), monitor()), asked)).toBe(expected);
  });

  it('let nothing to or from an address of this node that no known pod has', () => {
    const rules = renderPolicies(world(shop(), monitor()));
    const unknown = { ip: '10.244.1.99' };
    expect(passes(rules, { from: { ip: probe.ips[0] as string }, to: unknown, protocol: 'tcp', port: 1 })).toBe(false);
    expect(passes(rules, { from: unknown, to: { ip: '192.0.2.1' }, protocol: 'tcp', port: 1 })).toBe(false);
  });

  it('say which rule allows', () => {
    const rules = policy('two', { ingress: [{ ports: [{ port: 1 }] }, { from: [{ namespaceSelector: {} }] }] });
    const connection: PolicyConnection = {
      from: { ip: '10.244.2.6', pod: probe },
      to: { ip: '10.244.1.5', pod: web },
      protocol: 'tcp',
      port: 80,
    };
    expect(judge('ingress', connection, world(shop(policy('deny', {}), rules), monitor()))).toEqual({
      allowed: true,
      isolatedBy: ['shop/deny', 'shop/two'],
      allowedBy: { policy: 'shop/two', rule: 1 },
      nearMisses: [],
    });
  });

  it('come to the same by rules as by what the API says, whatever they are', () => {
    for (let seed = 1; seed <= 150; seed++) compareAtRandom(seededRandom(seed));
  });
});

function compareAtRandom(random: Random): void {
  const pick = <T>(from: readonly T[]): T => from[random.int(from.length)] as T;
  const some = <T>(make: () => T, most: number): T[] => Array.from({ length: random.int(most + 1) }, make);
  const selector = (): LabelSelector =>
    pick<LabelSelector>([{}, { matchLabels: { app: pick(['a', 'b', 'c']) } }, { matchLabels: { team: 'x' } }]);
  const peer = (): NetworkPolicyPeer =>
    pick<() => NetworkPolicyPeer>([
      () => ({ podSelector: selector() }),
      () => ({ namespaceSelector: selector() }),
      () => ({ namespaceSelector: selector(), podSelector: selector() }),
      () => ({
        ipBlock: {
          cidr: pick(['10.244.0.0/16', '0.0.0.0/0', 'fd00::/64']),
          except: some(() => pick(['10.244.2.0/24', '10.244.2.0/25']), 1),
        },
      }),
    ])();
  const port = (): NetworkPolicyPort => ({
    protocol: pick(['TCP', 'UDP', 'SCTP']),
    ...pick([{}, { port: 80 }, { port: 79, endPort: 81 }, { port: 'http' }]),
  });
  const anyPolicy = (namespace: string): NetworkPolicy =>
    policy(
      `p${random.int(1e6)}`,
      {
        podSelector: selector(),
        policyTypes: pick([['Ingress'], ['Egress'], ['Ingress', 'Egress'], []]),
        ingress: some(() => ({ from: some(peer, 2), ports: some(port, 2) }), 2),
        egress: some(() => ({ to: some(peer, 2), ports: some(port, 2) }), 2),
      },
      namespace,
    );
  let count = 0;
  const anyPod = (namespace: string): PolicyPod => {
    const isLocal = random.int(2) === 0;
    count++;
    const ips = [`10.244.${isLocal ? 1 : 2}.${count + 1}`, `fd00::${isLocal ? 1 : 2}:${count + 1}`];
    const named = some(() => ({ name: 'http', protocol: pick(['tcp', 'udp'] as const), port: pick([80, 90]) }), 1);
    return { namespace, name: `pod${count}`, labels: { app: pick(['a', 'b', 'c']) }, ips, ports: named, isLocal };
  };
  const namespaces = world(
    ...['one', 'two'].map((name) => ({
      name,
      labels: pick<Record<string, string>>([{}, { team: 'x' }]),
      pods: Array.from({ length: 3 }, () => anyPod(name)),
      policies: some(() => anyPolicy(name), 3),
    })),
  );
  const rules = renderPolicies(namespaces);
  const pods = [...namespaces.values()].flatMap((view) => view.pods);
  for (const from of pods) {
    for (const to of pods) {
      for (const family of [0, 1]) {
        const protocol = pick(['tcp', 'udp', 'sctp', 'other'] as const);
        const connection: PolicyConnection = {
          from: { ip: from.ips[family] as string, pod: from },
          to: { ip: to.ips[family] as string, pod: to },
          ...{ protocol, port: protocol === 'other' ? 0 : pick([79, 80, 90]) },
        };
        const expected =
          (!from.isLocal || judge('egress', connection, namespaces).allowed) &&
          (!to.isLocal || judge('ingress', connection, namespaces).allowed);
        expect(passes(rules, connection), JSON.stringify({ connection, namespaces: [...namespaces.values()] })).toBe(
          expected,
        );
      }
    }
  }
}

describe('the text of the rules', () => {
  const policies = [
    policy('web', {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { app: 'db' } } },
            { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } },
          ],
          ports: [{ port: 'http' }, { port: 443 }, { port: 8000, endPort: 8010 }, { port: 53, protocol: 'UDP' }],
        },
      ],
      egress: [{ to: [{ ipBlock: { cidr: 'fd00::/64' } }] }, { ports: [{ protocol: 'SCTP' }] }],
    }),
  ];

  it('is one transaction from nothing', async () => {
    const script = fullPolicyScript(scope, renderPolicies(world(shop(...policies), monitor())));
    await expect(script).toMatchFileSnapshot('policy-rules.golden.nft');
  });

  it('is elements only when a pod comes that is like others', () => {
    const namespaces = world(shop(...policies, policy('deny', {})), monitor());
    const before = renderPolicies(namespaces);
    const another = pod('shop', 'db', '10.244.1.7');
    const view = namespaces.get('shop') as NamespaceView;
    const after = renderPolicies(new Map(namespaces).set('shop', { ...view, pods: [...view.pods, another] }));
    const lines = policyDifference(scope, before, after)?.trim().split('\n') ?? [];
    expect(lines.map((line) => line.replaceAll(/[0-9a-f]{16}/g, 'X'))).toEqual([
      'add element inet timonel-t.policy peers/X/4 { 10.244.1.7 }',
      'add element inet timonel-t.policy ingress4 { 10.244.1.7 : goto ingress/X }',
      'add element inet timonel-t.policy egress4 { 10.244.1.7 : accept }',
      'add element inet timonel-t.policy self4 { 10.244.1.7 . 10.244.1.7 }',
    ]);
    expect(policyDifference(scope, after, after)).toBeUndefined();
  });

  it('takes away what nobody uses any more, after its users', () => {
    const before = renderPolicies(world(shop(...policies), monitor()));
    const lines = policyDifference(scope, before, renderPolicies(world(shop(), monitor())))?.split('\n') ?? [];
    const at = (text: string): number => lines.findIndex((line) => line.startsWith(text));
    expect(at('delete element inet timonel-t.policy ingress4')).toBeLessThan(at('flush chain'));
    expect(at('flush chain')).toBeLessThan(at('delete chain'));
    expect(at('delete chain')).toBeLessThan(at('delete set'));
    expect(lines.filter((line) => line.startsWith('delete chain'))).toHaveLength(4);
  });

  it('is rendered fast for many', () => {
    const labels = (i: number): Record<string, string> => ({ app: `app${i % 100}`, tier: `tier${i % 3}` });
    const many = Array.from({ length: 50 }, (_, n): NamespaceView => {
      const name = `ns${n}`;
      const one = (_each: unknown, i: number): PolicyPod => ({
        ...pod(name, `pod${i}`, `10.244.${i === 0 ? 1 : 2 + i}.${n + 2}`),
        labels: labels(i),
        isLocal: i < 2,
      });
      const spec = (i: number): NetworkPolicy['spec'] => ({
        podSelector: { matchLabels: { tier: `tier${i % 3}` } },
        ingress: [
          { from: [{ podSelector: { matchLabels: { app: `app${i}` } } }], ports: [{ port: 80 + i }] },
          { from: [{ namespaceSelector: { matchLabels: { team: `team${n % 5}` } } }] },
        ],
      });
      return {
        ...{ name, labels: { team: `team${n % 5}` } },
        pods: Array.from({ length: 100 }, one),
        policies: Array.from({ length: 20 }, (_each, i) => policy(`p${i}`, spec(i), name)),
      };
    });
    const namespaces = world(...many);
    const start = systemClock.monotonic();
    const before = renderPolicies(namespaces);
    fullPolicyScript(scope, before);
    const first = systemClock.monotonic() - start;
    const view = many[0] as NamespaceView;
    const more = pod(view.name, 'more', '10.244.1.250', { labels: labels(1) });
    const again = systemClock.monotonic();
    const after = renderPolicies(new Map(namespaces).set(view.name, { ...view, pods: [...view.pods, more] }));
    const script = policyDifference(scope, before, after);
    const second = systemClock.monotonic() - again;
    expect(script?.split('\n').every((line) => line === '' || line.startsWith('add element'))).toBe(true);
    // Generous: the machine may be busy.
    expect(first).toBeLessThan(1_000);
    expect(second).toBeLessThan(300);
  });
});
