import { createHash } from 'node:crypto';
import { type LabelMatcher, labelMatcher } from '../../api/label-selector.ts';
import type { NetworkPolicy, NetworkPolicyPeer } from '../../api/types/networking-v1.ts';
import {
  type Direction,
  directions,
  familyOf,
  isolates,
  type NamespaceView,
  type PolicyPod,
  type PolicyRule,
  type Protocol,
  protocolOf,
  rulesOf,
  selects,
} from './policy-view.ts';

/** What a packet must be for a rule; what is absent does not matter. The peer is the other end, the port the server's. */
export interface PolicyMatch {
  family?: 4 | 6;
  /** Name of a set of addresses. */
  peerSet?: string;
  block?: { cidr: string; except: readonly string[] };
  protocol?: Protocol;
  /** First and last port of ranges that neither touch nor overlap. */
  ports?: readonly (readonly [number, number])[];
  /** Name of a set of address . protocol . port, looked up for the destination. */
  portSet?: string;
}

export type PolicyStatement =
  { kind: 'accept'; direction: Direction; match: PolicyMatch } | { kind: 'jump'; chain: string } | { kind: 'drop' };

/**
 * Elements in parts, one for each namespace: a part that is the same object as before has not changed. No element is
 * in two parts.
 */
export interface PolicySet {
  family: 4 | 6;
  holds: 'addresses' | 'ports';
  parts: ReadonlyMap<string, readonly string[]>;
}

/** The rules of one node as data. `nft-policy-script.ts` writes them in nft's language. */
export interface PolicyRules {
  chains: ReadonlyMap<string, readonly PolicyStatement[]>;
  sets: ReadonlyMap<string, PolicySet>;
  /** For every address of a pod on this node: the chain that judges its packets; undefined: no policy selects it. */
  dispatch: Readonly<Record<Direction, ReadonlyMap<string, string | undefined>>>;
}

/**
 * Renders the policies that select pods of this node (networking.k8s.io/v1 NetworkPolicy). Pods selected by the same
 * policies share a chain, which tries those policies' chains and then drops; peers and named ports are sets shared by
 * all rules that mean the same. So a pod that comes or goes changes elements only, where its policies are in use
 * already. Pure; what it has worked out for a view, a pod or a policy it remembers as long as that object lives.
 */
export function renderPolicies(namespaces: ReadonlyMap<string, NamespaceView>): PolicyRules {
  const chains = new Map<string, readonly PolicyStatement[]>();
  const needs: Needs = { peers: new Map(), ports: new Map() };
  const dispatch = { ingress: new Map<string, string | undefined>(), egress: new Map<string, string | undefined>() };
  for (const view of namespaces.values()) {
    for (const pod of view.pods) {
      if (!pod.isLocal) continue;
      for (const direction of directions) {
        const chain = addIsolation(view.policies, pod, direction, { chains, needs });
        for (const ip of pod.ips) dispatch[direction].set(ip, chain);
      }
    }
  }
  const sets = new Map<string, PolicySet>();
  for (const [name, wanted] of needs.peers) addPeerSets(sets, name, wanted, namespaces);
  for (const [name, wanted] of needs.ports) addPortSets(sets, name, wanted, namespaces);
  return { chains, sets, dispatch };
}

interface WantedPeer {
  /** Where the pods are: one namespace, or those that a selector selects. */
  namespace: string | LabelMatcher;
  pods: LabelMatcher;
}

interface WantedPort {
  name: string;
  protocol: Protocol;
  isLocal: boolean;
}

/** The sets that rules speak of, by name without the family's suffix. */
interface Needs {
  peers: Map<string, WantedPeer>;
  ports: Map<string, WantedPort>;
}

interface RenderedPolicy {
  chain: string;
  statements: readonly PolicyStatement[];
  needs: Needs;
}

type Growing = { chains: Map<string, readonly PolicyStatement[]>; needs: Needs };

const selections = new WeakMap<PolicyPod, { of: readonly NetworkPolicy[]; chosen: readonly NetworkPolicy[] }>();

/** The chain of a pod's isolation in one direction, with all that belongs to it; undefined when it is not isolated. */
function addIsolation(
  policies: readonly NetworkPolicy[],
  pod: PolicyPod,
  direction: Direction,
  growing: Growing,
): string | undefined {
  let selection = selections.get(pod);
  if (selection?.of !== policies) {
    selection = { of: policies, chosen: policies.filter((policy) => selects(policy, pod)) };
    selections.set(pod, selection);
  }
  const isolating = selection.chosen.filter((policy) => isolates(policy, direction));
  if (isolating.length === 0) return undefined;
  const rendered = isolating.map((policy) => renderPolicy(policy, direction));
  const names = rendered.map(({ chain }) => chain).toSorted();
  const chain = `${direction}/${digest(names.join(' '))}`;
  if (growing.chains.has(chain)) return chain;
  growing.chains.set(chain, [...names.map((name) => ({ kind: 'jump', chain: name }) as const), { kind: 'drop' }]);
  for (const each of rendered) {
    if (growing.chains.has(each.chain)) continue;
    growing.chains.set(each.chain, each.statements);
    for (const [name, peer] of each.needs.peers) growing.needs.peers.set(name, peer);
    for (const [name, port] of each.needs.ports) growing.needs.ports.set(name, port);
  }
  return chain;
}

const renderedPolicies = new WeakMap<NetworkPolicy, Partial<Record<Direction, RenderedPolicy>>>();

function renderPolicy(policy: NetworkPolicy, direction: Direction): RenderedPolicy {
  const known = renderedPolicies.get(policy)?.[direction];
  if (known) return known;
  const { namespace = '', name = '' } = policy.metadata;
  const needs: Needs = { peers: new Map(), ports: new Map() };
  const statements = rulesOf(policy, direction).flatMap((rule) => {
    const peers = peerMatches(rule, namespace, needs);
    const ports = portMatches(rule, direction, needs);
    return peers.flatMap((peer) =>
      ports
        .filter((port) => port.family === undefined || peer.family === undefined || port.family === peer.family)
        .map((port): PolicyStatement => ({ kind: 'accept', direction, match: { ...peer, ...port } })),
    );
  });
  const rendered = { chain: policyChain(direction, namespace, name), statements, needs };
  renderedPolicies.set(policy, { ...renderedPolicies.get(policy), [direction]: rendered });
  return rendered;
}

/** Names of chains have room for less than names of policies. */
function policyChain(direction: Direction, namespace: string, name: string): string {
  const full = `${direction === 'ingress' ? 'to' : 'from'}/${namespace}/${name}`;
  return full.length <= 200 ? full : `${full.slice(0, 180)}/${digest(full)}`;
}

const families = [4, 6] as const;

function peerMatches({ peers }: PolicyRule, namespace: string, needs: Needs): PolicyMatch[] {
  if (peers.length === 0) return [{}];
  return peers.flatMap((peer): PolicyMatch[] => {
    if (peer.ipBlock) {
      const { cidr, except = [] } = peer.ipBlock;
      return [{ family: familyOf(cidr.split('/')[0] as string), block: { cidr, except } }];
    }
    const wanted: WantedPeer = {
      namespace: peer.namespaceSelector ? labelMatcher(peer.namespaceSelector) : namespace,
      pods: labelMatcher(peer.podSelector ?? {}),
    };
    const name = `peers/${digest(JSON.stringify(peerIdentity(peer, namespace)))}`;
    needs.peers.set(name, wanted);
    return families.map((family) => ({ family, peerSet: `${name}/${family}` }));
  });
}

/** Two peers with the same identity are the same pods. */
function peerIdentity({ podSelector = {}, namespaceSelector }: NetworkPolicyPeer, namespace: string): unknown {
  const canonical = ({ matchLabels = {}, matchExpressions = [] }: NonNullable<typeof podSelector>): unknown => [
    Object.entries(matchLabels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    matchExpressions.map(({ key, operator, values = [] }) => JSON.stringify([key, operator, values])).toSorted(),
  ];
  return [namespaceSelector ? canonical(namespaceSelector) : namespace, canonical(podSelector)];
}

function portMatches({ ports }: PolicyRule, direction: Direction, needs: Needs): PolicyMatch[] {
  if (ports.length === 0) return [{}];
  const matches: PolicyMatch[] = [];
  const ranges = new Map<Protocol, [number, number][]>();
  for (const each of ports) {
    const protocol = protocolOf(each);
    const { port, endPort } = each;
    if (port === undefined) {
      matches.push({ protocol });
    } else if (typeof port === 'number') {
      ranges.set(protocol, [...(ranges.get(protocol) ?? []), [port, endPort ?? port]]);
    } else {
      // A name means the port that the destination calls so: with ingress that is a pod of this node.
      const name = `ports/${direction}/${protocol}/${port}`;
      needs.ports.set(name, { name: port, protocol, isLocal: direction === 'ingress' });
      matches.push(...families.map((family) => ({ family, portSet: `${name}/${family}` })));
    }
  }
  for (const [protocol, list] of ranges) matches.push({ protocol, ports: merged(list) });
  return matches;
}

function merged(ranges: readonly [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    const previous = result.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else result.push([first, last]);
  }
  return result;
}

type Parts = Record<4 | 6, readonly string[]>;
const partMemory = new WeakMap<NamespaceView['pods'], Map<string, Parts>>();

/** What a namespace's pods add to a set, by family: the same objects as long as the pods are the same. */
function partsOf(pods: NamespaceView['pods'], name: string, elementsOf: (pod: PolicyPod, ip: string) => string[]) {
  let memory = partMemory.get(pods);
  if (!memory) partMemory.set(pods, (memory = new Map<string, Parts>()));
  let parts = memory.get(name);
  if (parts) return parts;
  const found: Record<4 | 6, string[]> = { 4: [], 6: [] };
  for (const pod of pods) for (const ip of pod.ips) found[familyOf(ip)].push(...elementsOf(pod, ip));
  memory.set(name, (parts = found));
  return parts;
}

function addSets(
  sets: Map<string, PolicySet>,
  name: string,
  holds: PolicySet['holds'],
  partsByNamespace: Iterable<[string, Parts]>,
): void {
  const parts = { 4: new Map<string, readonly string[]>(), 6: new Map<string, readonly string[]>() };
  for (const [namespace, part] of partsByNamespace) {
    for (const family of families) if (part[family].length > 0) parts[family].set(namespace, part[family]);
  }
  for (const family of families) sets.set(`${name}/${family}`, { family, holds, parts: parts[family] });
}

function addPeerSets(
  sets: Map<string, PolicySet>,
  name: string,
  { namespace, pods }: WantedPeer,
  namespaces: ReadonlyMap<string, NamespaceView>,
): void {
  const one = typeof namespace === 'string' ? namespaces.get(namespace) : undefined;
  const views =
    typeof namespace === 'string'
      ? one
        ? [one]
        : []
      : [...namespaces.values()].filter(({ labels }) => namespace.matches(labels));
  const elementsOf = (pod: PolicyPod, ip: string): string[] => (pods.matches(pod.labels) ? [ip] : []);
  addSets(
    sets,
    name,
    'addresses',
    views.map((view) => [view.name, partsOf(view.pods, name, elementsOf)]),
  );
}

function addPortSets(
  sets: Map<string, PolicySet>,
  name: string,
  wanted: WantedPort,
  namespaces: ReadonlyMap<string, NamespaceView>,
): void {
  const elementsOf = (pod: PolicyPod, ip: string): string[] => {
    if (wanted.isLocal && !pod.isLocal) return [];
    const ports = pod.ports.filter((port) => port.name === wanted.name && port.protocol === wanted.protocol);
    return [...new Set(ports.map(({ protocol, port }) => `${ip} . ${protocol} . ${port}`))];
  };
  addSets(
    sets,
    name,
    'ports',
    [...namespaces.values()].map((view) => [view.name, partsOf(view.pods, name, elementsOf)]),
  );
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
