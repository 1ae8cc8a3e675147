import { createHash } from 'node:crypto';
import type { IpFamily } from '../base/ip-address.ts';

/** Where DNS is answered, on the host's address in the cluster's network. */
export const dnsPort = 53;

export const clusterDomain = 'cluster.local';

/** The addresses of a cluster of local nodes. Kept with the cluster: a plan never changes while the cluster lives. */
export interface NetworkPlan {
  cluster: string;
  /** The bridge on the host to which every node is connected. */
  bridge: string;
  /** The host on the bridge: where the API server listens for nodes and pods. */
  hostAddress: string;
  nodesCidr: string;
  podsCidr: string;
  servicesCidr: string;
  /** Where services of type LoadBalancer have their addresses. */
  loadBalancersCidr: string;
  /** The service `kubernetes`, and the cluster's DNS: the first and the tenth address of the service range. */
  apiServiceAddress: string;
  dnsServiceAddress: string;
  /** Of every link of the cluster: no more than the host's own way out takes. */
  mtu: number;
  /** Of a cluster that has IPv6, alone or beside IPv4. */
  ipv6?: Ipv6Plan;
  /** Of pods and services, the default first; absent: IPv4, and then IPv6 where `ipv6` is there. */
  families?: readonly IpFamily[];
}

/** What a cluster has of one address family. */
export interface Stack {
  family: IpFamily;
  hostAddress: string;
  podsCidr: string;
  servicesCidr: string;
  loadBalancersCidr: string;
  /** The first address of the service range: the service `kubernetes`, when the family is the cluster's default. */
  apiServiceAddress: string;
  dnsServiceAddress?: string | undefined;
}

/** Ranges of unique local addresses (RFC 4193) that lie in one /48 of the cluster's own. */
export interface Ipv6Plan {
  cidr: string;
  hostAddress: string;
  podsCidr: string;
  servicesCidr: string;
  loadBalancersCidr: string;
  /** The tenth address of the service range; absent in a cluster that was made when DNS had none of this family. */
  dnsServiceAddress?: string;
}

export interface NodePlan {
  node: string;
  /** From 1. */
  index: number;
  /** In the cluster's network, by which the machine's containers get out: every node has one of IPv4. */
  address: string;
  /** What the cluster knows of it, in the order of the cluster's families. */
  stacks: readonly NodeStack[];
  /** Names on the host: network namespace, and the host's end of the node's cable. */
  namespace: string;
  hostLink: string;
}

export interface NodeStack {
  family: IpFamily;
  address: string;
  podCidr: string;
}

/** How many nodes a range of /24 for addresses and of /16 for pods has room for. */
export const maxLocalNodes = 250;

const maxPlans = 64;

/**
 * Ranges for the cluster, the first free ones from `clusterIndex` on: nodes 10.89.k.0/24, pods 10.(244-k).0.0/16,
 * services 10.(96+k).0.0/16, load balancers 10.90.k.0/24 unless they are given. `taken` are the destinations of the host's routes (the default route excepted); undefined
 * when every range is taken.
 */
export function planNetwork(options: {
  cluster: string;
  clusterIndex: number;
  taken: readonly string[];
  mtu?: number | undefined;
  loadBalancersCidr?: string | undefined;
  /** The default first; undefined: IPv4. */
  families?: readonly IpFamily[] | undefined;
  /** Destinations of the host's IPv6 routes that are no wider than /48. */
  takenIpv6?: readonly string[];
}): NetworkPlan | undefined {
  const { cluster, clusterIndex, taken, mtu = 1500 } = options;
  for (let i = 0; i < maxPlans; i++) {
    const k = (clusterIndex + i) % maxPlans;
    const nodesCidr = `10.89.${k}.0/24`;
    const podsCidr = `10.${244 - k}.0.0/16`;
    const servicesCidr = `10.${96 + k}.0.0/16`;
    const loadBalancersCidr = options.loadBalancersCidr ?? `10.90.${k}.0/24`;
    if (overlapping([nodesCidr, podsCidr, servicesCidr, loadBalancersCidr], taken) !== undefined) continue;
    return {
      cluster,
      nodesCidr,
      podsCidr,
      servicesCidr,
      loadBalancersCidr,
      mtu,
      bridge: bridgeName(cluster),
      hostAddress: `10.89.${k}.1`,
      apiServiceAddress: `10.${96 + k}.0.1`,
      dnsServiceAddress: `10.${96 + k}.0.10`,
      ...(options.families?.includes('IPv6') && {
        ipv6: planIpv6(cluster, options.takenIpv6 ?? []),
        families: options.families,
      }),
    };
  }
  return undefined;
}

/** Addresses as RFC 4193 makes them, from the cluster's name: the same name gets the same ones again. */
function planIpv6(cluster: string, taken: readonly string[]): Ipv6Plan {
  for (let salt = 0; ; salt++) {
    const id = createHash('sha256').update(`${cluster} ${salt}`).digest('hex');
    // The third group begins with a digit, so that no rule for leading zeros applies.
    const prefix = `fd${id.slice(0, 2)}:1${id.slice(2, 5)}:1${id.slice(5, 8)}`;
    if (taken.some((other) => other.startsWith(`${prefix}:`))) continue;
    return {
      cidr: `${prefix}::/48`,
      hostAddress: `${prefix}::1`,
      podsCidr: `${prefix}:100::/56`,
      servicesCidr: `${prefix}:2::/112`,
      loadBalancersCidr: `${prefix}:3::/112`,
      dnsServiceAddress: `${prefix}:2::a`,
    };
  }
}

/** In the order of the cluster's families. */
export function stacksOf(plan: NetworkPlan): [Stack, ...Stack[]] {
  const { ipv6 } = plan;
  const families = plan.families ?? (ipv6 ? ['IPv4', 'IPv6'] : ['IPv4']);
  const stacks = families.map((family): Stack => {
    if (family === 'IPv4' || !ipv6) return { ...plan, family: 'IPv4' };
    return { ...ipv6, family, apiServiceAddress: ipv6.servicesCidr.replace(/::\/112$/, '::1') };
  });
  return stacks as [Stack, ...Stack[]];
}

/** How the host is reached from nodes and pods: its address of the cluster's default family. */
export function hostAddressOf(plan: NetworkPlan): string {
  return stacksOf(plan)[0].hostAddress;
}

/**
 * Where the API server listens for who is on the machine; of an IPv6 cluster [::1] comes first, as what clients are
 * told.
 */
export function localAddresses(plan: NetworkPlan): [string, ...string[]] {
  const isIpv6Only = stacksOf(plan).every(({ family }) => family === 'IPv6');
  return isIpv6Only ? ['::1', '127.0.0.1'] : ['127.0.0.1'];
}

/** The addresses of the cluster's DNS service, and the host's own at which each is answered. */
export function dnsAddresses(plan: NetworkPlan): { serviceAddress: string; hostAddress: string }[] {
  return stacksOf(plan).flatMap(({ dnsServiceAddress, hostAddress }) =>
    dnsServiceAddress === undefined ? [] : { serviceAddress: dnsServiceAddress, hostAddress },
  );
}

/** The first of the ranges that shares addresses with one of `taken` (CIDRs). */
export function overlapping(ranges: readonly string[], taken: readonly string[]): string | undefined {
  const used = taken.map(parseCidr);
  return ranges.find((range) => used.some((other) => overlap(parseCidr(range), other)));
}

/** `index` counts from 1 to {@link maxLocalNodes}; a node keeps its index for its life. */
export function planNode(plan: NetworkPlan, node: string, index: number): NodePlan {
  if (!(index >= 1 && index <= maxLocalNodes)) throw new RangeError(`a node's index is from 1 to ${maxLocalNodes}`);
  return {
    node,
    index,
    address: plan.nodesCidr.replace(/\.0\/24$/, `.${index + 1}`),
    stacks: stacksOf(plan).map((stack) => planNodeStack(stack, index)),
    namespace: nodeNamespace(plan.cluster, node),
    hostLink: `tml${shortHash(`${plan.cluster}.${node}`)}`,
  };
}

/** Of IPv6: out of the 256 ranges that the pods' /56 has. The host's own address ends in 1. */
function planNodeStack({ family, hostAddress, podsCidr }: Stack, index: number): NodeStack {
  if (family === 'IPv4') {
    const address = hostAddress.replace(/\.1$/, `.${index + 1}`);
    return { family, address, podCidr: podsCidr.replace(/\.0\.0\/16$/, `.${index}.0/24`) };
  }
  return {
    family,
    address: hostAddress.replace(/::1$/, `::${(index + 1).toString(16)}`),
    podCidr: podsCidr.replace(/:100::\/56$/, `:${(0x100 + index).toString(16)}::/64`),
  };
}

/** Cluster and node names have no dots, so that a name belongs to one cluster only. */
function nodeNamespace(cluster: string, node: string): string {
  return `timonel-${cluster}.${node}`;
}

/** Where services have addresses: of the cluster and of load balancers, of each family. */
export function serviceRanges(plan: NetworkPlan): string[] {
  return stacksOf(plan).flatMap(({ servicesCidr, loadBalancersCidr }) => [servicesCidr, loadBalancersCidr]);
}

/** Whether a network namespace or an nft table is one of the cluster's, by its name. */
export function belongsToCluster(name: string, cluster: string): boolean {
  return name === `timonel-${cluster}` || name.startsWith(`timonel-${cluster}.`);
}

export function bridgeName(cluster: string): string {
  return `tml-${shortHash(cluster)}`;
}

/** Names of network interfaces have at most 15 letters. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

interface Range {
  first: number;
  last: number;
}

function parseCidr(cidr: string): Range {
  const [address = '', prefix = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(prefix));
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = bits - (bits % size);
  return { first, last: first + size - 1 };
}

function overlap(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}
