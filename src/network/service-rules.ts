import { hostAndPort } from '../base/ip-address.ts';
import { algorithmOf, balancingAnnotations } from '../api/load-balancing.ts';
import type { Service, ServicePort } from '../api/types/core-v1.ts';
import { ownAddressesOf } from '../api/service-addresses.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import { hashSlots, hashTable, rotation, sharesOf } from './balancing.ts';
import type { ServiceInput } from './dataplane.ts';
import type { HostPort } from './host-ports.ts';
import {
  balancerIps,
  clusterIps,
  endpointIps,
  type Family,
  isOf,
  type Place,
  protocolOf,
  type Target,
  targetsOf,
} from './service-endpoints.ts';

/** The nftables objects of one service, as data. Names and texts are nft's own syntax. */
export interface ServiceRules {
  /** Rules by chain. */
  chains: ReadonlyMap<string, readonly string[]>;
  /** Elements of the `service-ips` map: address . protocol . port -> verdict. */
  serviceIps: ReadonlyMap<string, string>;
  /** Elements of the `node-ports` map: protocol . port -> verdict. */
  nodePorts: ReadonlyMap<string, string>;
  /**
   * Elements of the maps for services that many share, by the number of endpoints: address . protocol . port . index
   * -> address . port.
   */
  shared: ReadonlyMap<number, ReadonlyMap<string, string>>;
  /** The same for node ports: protocol . port . index -> address . port. */
  sharedPorts: ReadonlyMap<number, ReadonlyMap<string, string>>;
  /** Affinity sets and how long they remember a client, in seconds. */
  affinitySets: ReadonlyMap<string, number>;
  /** Endpoint addresses: a connection from one to itself needs masquerading. */
  hairpins: ReadonlySet<string>;
  /** `protocol address port` of endpoints that connections may go on with: for UDP those chosen now, else all there are. */
  endpoints: ReadonlySet<string>;
  /**
   * `address port`, or `* port` for the node's own addresses: where datagrams come in that are not refused while there
   * is no endpoint.
   */
  datagramEntries: ReadonlySet<string>;
  /** `address port` of the endpoints that datagrams go on with, by the entry (as above, or a cluster IP's) they came to. */
  datagramWays: ReadonlyMap<string, ReadonlySet<string>>;
  /**
   * Elements of the `unserved` set, address . protocol . port: addresses that need not lie in a range of services, and
   * whose ports have no endpoint. Connections there are refused; else they would leave the machine.
   */
  unserved: ReadonlySet<string>;
  /** `protocol address port` of TCP endpoints that do not answer as they should. */
  failing: ReadonlySet<string>;
  /** Elements of the `addresses` map, of addresses that lead to the endpoints with every port: address -> verdict. */
  addresses: ReadonlyMap<string, string>;
  /** Elements of the `unserved-addresses` set: such addresses while there is no endpoint. */
  unservedAddresses: ReadonlySet<string>;
}

/** Where rules are rendered for, and what is the service's own there. */
export interface RenderPlace extends Place {
  /** Of the node: traffic of its pods is not traffic from outside, whatever address they call. */
  podCidr?: string | undefined;
  /** Counts connections to the service's TCP ports, at these of its own. */
  balancer?: { address: string; ports: ReadonlyMap<number, number> };
  /** So many services that a chain for each would make every change slow: those that do not mind share one. */
  isCrowded?: boolean;
  /** Ports of the host that the service has. */
  hostPorts?: readonly HostPort[];
}

/** Packets with this mark leave with the node's address as their source. */
export const masqueradeMark = '0x4000';

type MutableRules = {
  chains: Map<string, string[]>;
  serviceIps: Map<string, string>;
  nodePorts: Map<string, string>;
  shared: Map<number, Map<string, string>>;
  sharedPorts: Map<number, Map<string, string>>;
  affinitySets: Map<string, number>;
  hairpins: Set<string>;
  endpoints: Set<string>;
  datagramEntries: Set<string>;
  datagramWays: Map<string, ReadonlySet<string>>;
  unserved: Set<string>;
  failing: Set<string>;
  addresses: Map<string, string>;
  unservedAddresses: Set<string>;
};

interface PortContext {
  rules: MutableRules;
  service: Service;
  port: ServicePort;
  place: RenderPlace;
}

/**
 * Renders one service for one node or the host. Follows KEP-2086 (internal traffic policy), KEP-1669 (terminating
 * endpoints serve when no ready one is left), KEP-4444 (traffic distribution) and the Service API. Pure.
 */
export function renderService({ service, slices }: ServiceInput, place: RenderPlace): ServiceRules {
  const rules: MutableRules = {
    chains: new Map(),
    serviceIps: new Map(),
    nodePorts: new Map(),
    shared: new Map(),
    sharedPorts: new Map(),
    affinitySets: new Map(),
    hairpins: new Set(),
    endpoints: new Set(),
    datagramEntries: new Set(),
    datagramWays: new Map(),
    unserved: new Set(),
    failing: new Set(),
    addresses: new Map(),
    unservedAddresses: new Set(),
  };
  const spec = service.spec;
  if (!spec || spec.type === 'ExternalName') return rules;
  renderAddresses(rules, { service, slices }, familyAt(place));
  for (const port of spec.ports ?? []) renderPort({ rules, service, port, place }, slices);
  return rules;
}

/** Packets to an address of the service's own go to an endpoint as they are, whatever their protocol and port. */
function renderAddresses(rules: MutableRules, { service, slices }: ServiceInput, family: Family): void {
  const addresses = ownAddressesOf(service).filter(isOf(family));
  if (addresses.length === 0) return;
  const endpoints = endpointIps(slices, family);
  if (endpoints.length === 0) {
    for (const address of addresses) rules.unservedAddresses.add(address);
    return;
  }
  const chain = `addresses/${service.metadata.namespace}/${service.metadata.name}`;
  const [only] = endpoints;
  const all = endpoints.map((ip, i) => `${i} : ${ip}`).join(', ');
  rules.chains.set(chain, [
    endpoints.length === 1 ? `dnat to ${only}` : `dnat ${family} to numgen inc mod ${endpoints.length} map { ${all} }`,
  ]);
  for (const ip of endpoints) rules.hairpins.add(ip);
  for (const address of addresses) rules.addresses.set(address, `goto ${chain}`);
}

function renderPort(context: PortContext, slices: readonly EndpointSlice[]): void {
  const { rules, service, port, place } = context;
  const family = familyAt(place);
  const ips = clusterIps(service, family);
  const hostPorts = (place.hostPorts ?? []).filter(
    (published) => published.port === port.port && published.protocol === protocolOf(port),
  );
  const externalIps = (service.spec?.externalIPs ?? []).filter(isOf(family));
  const balancers = balancerIps(service, family);
  const others = externalIps.length + balancers.length + hostPorts.length;
  // Nothing leads to the endpoints of a headless service but their own addresses.
  if (ips.length === 0 && !port.nodePort && others === 0) return;
  const targets = targetsOf(slices, port, place);
  // The host is no node: it has no endpoints of its own to keep to.
  const isInternalLocal = service.spec?.internalTrafficPolicy === 'Local' && place.nodeName !== undefined;
  const lasting = protocolOf(port) === 'udp' ? targets.cluster : targets.known;
  for (const { ip, port: number } of lasting) rules.endpoints.add(`${protocolOf(port)} ${ip} ${number}`);
  for (const { ip, port: number } of protocolOf(port) === 'tcp' ? targets.failing : []) {
    rules.failing.add(`tcp ${ip} ${number}`);
  }
  if (protocolOf(port) === 'udp') {
    const published = hostPorts.map(({ ip = '*', hostPort }) => `${ip} ${hostPort}`);
    const entries = [...ips, ...externalIps, ...balancers].map((ip) => `${ip} ${port.port}`);
    if (port.nodePort) entries.push(`* ${port.nodePort}`);
    const ends = new Set(targets.cluster.map(({ ip, port: number }) => `${ip} ${number}`));
    for (const entry of [...entries, ...published]) rules.datagramWays.set(entry, ends);
  }
  const internal = isInternalLocal ? targets.local : targets.cluster;
  const isShared = ips.length > 0 && canShare(service, internal, place);
  if (isShared) addShared(context, internal, { into: rules.shared, keys: ips.map((ip) => `${ip} . `) });
  const chain =
    ips.length > 0 && !isShared ? addBalancer(context, internal, isInternalLocal ? '/local' : '') : undefined;
  for (const ip of isShared ? [] : ips) {
    // Others have endpoints for it, this node has none: who asks here waits in vain, as the policy has it.
    const verdict = chain ? `goto ${chain}` : targets.cluster.length > 0 ? 'drop' : undefined;
    if (verdict) rules.serviceIps.set(`${ip} . ${protocolOf(port)} . ${port.port}`, verdict);
  }
  if (!port.nodePort && others === 0) return;
  if (targets.cluster.length === 0) {
    for (const ip of [...externalIps, ...balancers]) rules.unserved.add(`${ip} . ${protocolOf(port)} . ${port.port}`);
    return;
  }
  if (port.nodePort && others === 0 && isForAll(service) && canShare(service, targets.cluster, place)) {
    addShared(context, targets.cluster, { into: rules.sharedPorts, keys: [''], number: port.nodePort });
    if (protocolOf(port) === 'udp') rules.datagramEntries.add(`* ${port.nodePort}`);
    return;
  }
  // One chain for all ways in: a client with affinity comes to the same endpoint by each.
  const all = addBalancer(context, targets.cluster, '') as string;
  const verdict = externalVerdict(context, all, targets.local);
  const enter = (ip: string | undefined, number: number, to: string): void => {
    if (ip === undefined) rules.nodePorts.set(`${protocolOf(port)} . ${number}`, to);
    else rules.serviceIps.set(`${ip} . ${protocolOf(port)} . ${number}`, to);
    if (protocolOf(port) === 'udp') rules.datagramEntries.add(`${ip ?? '*'} ${number}`);
  };
  if (port.nodePort) enter(undefined, port.nodePort, verdict);
  for (const ip of externalIps) enter(ip, port.port, verdict);
  const guarded = balancers.length + hostPorts.length > 0 ? guardedVerdict(context, verdict) : verdict;
  for (const ip of balancers) enter(ip, port.port, guarded);
  for (const { ip, hostPort } of hostPorts) if (ip === undefined || isOf(family)(ip)) enter(ip, hostPort, guarded);
}

/** Traffic from outside the cluster: node ports, load balancer and external addresses. */
function externalVerdict(context: PortContext, all: string, local: readonly Target[]): string {
  const { rules, service, port, place } = context;
  const chain = chainName('external', service, port);
  const masquerade = `meta mark set meta mark or ${masqueradeMark}`;
  if (isForAll(service)) {
    // The answer must come back through this node, so the client's address gives way to the node's.
    rules.chains.set(chain, [masquerade, `goto ${all}`]);
    return `goto ${chain}`;
  }
  // The host has no pods: what comes in here is spread over all, and keeps its address.
  if (place.nodeName === undefined) return `goto ${all}`;
  const own = local.length > 0 ? addBalancer(context, local, '/local') : undefined;
  rules.chains.set(chain, [
    // Pods and processes of the node itself are not outside, and reach every endpoint.
    ...(place.podCidr ? [`${familyAt(place)} saddr ${place.podCidr} goto ${all}`] : []),
    `fib saddr type local ${masquerade} goto ${all}`,
    own ? `goto ${own}` : 'drop',
  ]);
  return `goto ${chain}`;
}

/** Whether what comes from outside may go on to another node. */
function isForAll(service: Service): boolean {
  return service.spec?.externalTrafficPolicy !== 'Local';
}

/** Only clients of the source ranges come in through a load balancer. */
function guardedVerdict({ rules, service, port, place }: PortContext, verdict: string): string {
  const family = familyAt(place);
  const ranges = (service.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
  const own = ranges.filter((range) => isOf(family)(range.split('/')[0] as string));
  if (ranges.length === 0 || own.some((range) => range.endsWith('/0'))) return verdict;
  const chain = chainName('firewall', service, port);
  rules.chains.set(chain, [...(own.length > 0 ? [`${family} saddr { ${own.join(', ')} } ${verdict}`] : []), 'drop']);
  return `goto ${chain}`;
}

/** A chain that spreads connections over `targets`; undefined when there are none. */
function addBalancer(context: PortContext, targets: readonly Target[], suffix: string): string | undefined {
  if (targets.length === 0) return undefined;
  const { rules, service, port, place } = context;
  const family = familyAt(place);
  const chain = chainName('service', service, port) + suffix;
  for (const target of targets) rules.hairpins.add(target.ip);
  const balancerPort = protocolOf(port) === 'tcp' ? place.balancer?.ports.get(port.port) : undefined;
  if (service.spec?.sessionAffinity === 'ClientIP') addSticky(context, targets, { chain, suffix });
  else if (place.balancer && balancerPort !== undefined) {
    rules.chains.set(chain, [`meta l4proto tcp dnat to ${hostAndPort(place.balancer.address, balancerPort)}`]);
  } else {
    const choice = choiceOf(context, targets, (target) => `${target.ip} . ${target.port}`);
    const [only] = targets as [Target];
    rules.chains.set(chain, [
      targets.length === 1
        ? `meta l4proto ${protocolOf(port)} dnat to ${socketOf(only)}`
        : `meta l4proto ${protocolOf(port)} dnat ${family} to ${choice.key} map { ${choice.elements} }`,
    ]);
  }
  return chain;
}

/** More endpoints than this are worth a chain of their own. */
export const mostShared = 16;

/** Whether nothing is asked of a service's spreading that needs a chain of its own. */
function canShare(service: Service, targets: readonly Target[], { isCrowded = false }: RenderPlace): boolean {
  const isAsked = service.metadata.annotations?.[balancingAnnotations.algorithm] !== undefined;
  const algorithm = algorithmOf(service);
  const isAnyoneRight = isCrowded && (algorithm === 'random' || (algorithm === 'round-robin' && !isAsked));
  const isSticky = service.spec?.sessionAffinity === 'ClientIP';
  return isAnyoneRight && !isSticky && targets.length > 0 && targets.length <= mostShared;
}

/**
 * One rule for all services with as many endpoints picks one at random: a service is elements of its map alone. `keys`:
 * what comes before protocol and port there.
 */
function addShared(
  { rules, port }: PortContext,
  targets: readonly Target[],
  { into, keys, number = port.port }: { into: MutableRules['shared']; keys: readonly string[]; number?: number },
): void {
  const elements = into.get(targets.length) ?? new Map<string, string>();
  into.set(targets.length, elements);
  targets.forEach((target, i) => {
    rules.hairpins.add(target.ip);
    for (const key of keys)
      elements.set(`${key}${protocolOf(port)} . ${number} . ${i}`, `${target.ip} . ${target.port}`);
  });
}

/** What nft picks an endpoint by, and the elements of its map. */
function choiceOf(
  { service, place }: PortContext,
  targets: readonly Target[],
  valueOf: (target: Target) => string,
): { key: string; elements: string } {
  const elements = (slots: readonly number[]): string =>
    slots.map((index, slot) => `${slot} : ${valueOf(targets[index] as Target)}`).join(', ');
  const inTurn = targets.map((_, i) => i);
  switch (algorithmOf(service)) {
    case 'weighted': {
      const shares = sharesOf(
        service,
        targets.map(({ pod }) => pod),
      );
      const slots = rotation(shares);
      return { key: `numgen inc mod ${slots.length}`, elements: elements(slots) };
    }
    case 'source-ip-hash': {
      const slots = hashTable(targets.map(({ ip, port }) => `${ip}:${port}`));
      return { key: `jhash ${familyAt(place)} saddr mod ${hashSlots} seed 0x74696d6f`, elements: elements(slots) };
    }
    case 'random':
      return { key: `numgen random mod ${targets.length}`, elements: elements(inTurn) };
    case 'round-robin':
    // Where nobody counts connections (on nodes; of datagrams), in turn.
    case 'least-connections':
      return { key: `numgen inc mod ${targets.length}`, elements: elements(inTurn) };
  }
}

function addSticky(
  context: PortContext,
  targets: readonly Target[],
  { chain, suffix }: { chain: string; suffix: string },
): void {
  const { rules, service, port, place } = context;
  const family = familyAt(place);
  const timeoutSeconds = service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
  const endpointChain = (target: Target): string =>
    `${chainName('endpoint', service, port)}${suffix}/${target.ip}/${target.port}`;
  const known = targets.map((target) => {
    const set = `${chainName('affinity', service, port)}/${target.ip}/${target.port}/${timeoutSeconds}s`;
    rules.affinitySets.set(set, timeoutSeconds);
    rules.chains.set(endpointChain(target), [
      `update @${set} { ${family} saddr }`,
      `meta l4proto ${protocolOf(port)} dnat to ${socketOf(target)}`,
    ]);
    return `${family} saddr @${set} goto ${endpointChain(target)}`;
  });
  const choice = choiceOf(context, targets, (target) => `goto ${endpointChain(target)}`);
  rules.chains.set(chain, [...known, `${choice.key} vmap { ${choice.elements} }`]);
}

function familyAt({ family = 'ip' }: Place): Family {
  return family;
}

function socketOf({ ip, port }: Target): string {
  return hostAndPort(ip, port);
}

function chainName(kind: string, service: Service, port: ServicePort): string {
  const { namespace, name } = service.metadata;
  return `${kind}/${namespace}/${name}/${protocolOf(port)}/${port.port}`;
}
