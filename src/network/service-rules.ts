import type { Service, ServicePort } from '../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../api/types/discovery-v1.ts';
import type { ServiceInput } from './dataplane.ts';

/** The nftables objects of one service, as data. Names and texts are nft's own syntax. */
export interface ServiceRules {
  /** Rules by chain. */
  chains: ReadonlyMap<string, readonly string[]>;
  /** Elements of the `service-ips` map: address . protocol . port -> verdict. */
  serviceIps: ReadonlyMap<string, string>;
  /** Elements of the `node-ports` map: protocol . port -> verdict. */
  nodePorts: ReadonlyMap<string, string>;
  /** Affinity sets and how long they remember a client, in seconds. */
  affinitySets: ReadonlyMap<string, number>;
  /** Endpoint addresses: a connection from one to itself needs masquerading. */
  hairpins: ReadonlySet<string>;
}

interface Target {
  ip: string;
  port: number;
}

/**
 * Renders one service for one node (or the host: `nodeName` undefined). Follows KEP-2086 (internal traffic policy),
 * KEP-1669 (terminating endpoints serve when no ready one is left) and the Service API's session affinity. Pure.
 */
export function renderService({ service, slices }: ServiceInput, nodeName: string | undefined): ServiceRules {
  const rules = {
    chains: new Map<string, string[]>(),
    serviceIps: new Map<string, string>(),
    nodePorts: new Map<string, string>(),
    affinitySets: new Map<string, number>(),
    hairpins: new Set<string>(),
  };
  const spec = service.spec;
  if (!spec || spec.type === 'ExternalName') return rules;
  for (const port of spec.ports ?? []) {
    const all = targetsOf(slices, port);
    const internal = spec.internalTrafficPolicy === 'Local' ? localTargets(slices, port, nodeName) : all;
    const ips = clusterIps(service);
    const chain = ips.length > 0 ? addBalancer(rules, service, port, { targets: internal, suffix: '' }) : undefined;
    for (const ip of chain ? ips : []) {
      rules.serviceIps.set(`${ip} . ${protocolOf(port)} . ${port.port}`, `goto ${chain}`);
    }
    if (hasExternalAddress(service, port)) addExternal(rules, service, port, { all, slices, nodeName });
  }
  return rules;
}

type MutableRules = {
  chains: Map<string, string[]>;
  serviceIps: Map<string, string>;
  nodePorts: Map<string, string>;
  affinitySets: Map<string, number>;
  hairpins: Set<string>;
};

/** Traffic from outside the cluster: node ports, load balancer and external addresses. */
function addExternal(
  rules: MutableRules,
  service: Service,
  port: ServicePort,
  context: { all: readonly Target[]; slices: readonly EndpointSlice[]; nodeName?: string },
): void {
  const isLocal = service.spec?.externalTrafficPolicy === 'Local';
  let target: string | undefined;
  if (isLocal && context.nodeName !== undefined) {
    const targets = localTargets(context.slices, port, context.nodeName);
    target = addBalancer(rules, service, port, { targets, suffix: '/local' });
  } else {
    target = addBalancer(rules, service, port, { targets: context.all, suffix: '/all' });
  }
  if (!target) return;
  let verdict = `goto ${target}`;
  if (!isLocal) {
    // The answer must come back through this node, so the client's address gives way to the node's.
    const chain = chainName('external', service, port);
    rules.chains.set(chain, [`meta mark set meta mark or ${masqueradeMark}`, `goto ${target}`]);
    verdict = `goto ${chain}`;
  }
  if (port.nodePort) rules.nodePorts.set(`${protocolOf(port)} . ${port.nodePort}`, verdict);
  for (const ip of externalIps(service)) {
    rules.serviceIps.set(`${ip} . ${protocolOf(port)} . ${port.port}`, verdict);
  }
}

/** Packets with this mark leave with the node's address as their source. */
export const masqueradeMark = '0x4000';

/** A chain that spreads connections over `targets`; undefined when there are none. The same targets share one chain. */
function addBalancer(
  rules: MutableRules,
  service: Service,
  port: ServicePort,
  { targets, suffix }: { targets: readonly Target[]; suffix: string },
): string | undefined {
  if (targets.length === 0) return undefined;
  const chain = chainName('service', service, port) + suffix;
  for (const target of targets) rules.hairpins.add(target.ip);
  const isSticky = service.spec?.sessionAffinity === 'ClientIP';
  if (!isSticky) {
    const choices = targets.map((target, i) => `${i} : ${target.ip} . ${target.port}`).join(', ');
    const only = targets[0] as Target;
    rules.chains.set(chain, [
      targets.length === 1
        ? `meta l4proto ${protocolOf(port)} dnat to ${only.ip}:${only.port}`
        : `meta l4proto ${protocolOf(port)} dnat ip to numgen inc mod ${targets.length} map { ${choices} }`,
    ]);
    return chain;
  }
  const timeoutSeconds = service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
  const sticky = targets.map((target) => {
    const endpointChain = `${chainName('endpoint', service, port)}${suffix}/${target.ip}/${target.port}`;
    const set = `${chainName('affinity', service, port)}/${target.ip}/${target.port}/${timeoutSeconds}s`;
    rules.affinitySets.set(set, timeoutSeconds);
    rules.chains.set(endpointChain, [
      `update @${set} { ip saddr }`,
      `meta l4proto ${protocolOf(port)} dnat to ${target.ip}:${target.port}`,
    ]);
    return { endpointChain, set };
  });
  const choices = sticky.map(({ endpointChain }, i) => `${i} : goto ${endpointChain}`).join(', ');
  rules.chains.set(chain, [
    ...sticky.map(({ endpointChain, set }) => `ip saddr @${set} goto ${endpointChain}`),
    `numgen inc mod ${targets.length} vmap { ${choices} }`,
  ]);
  return chain;
}

function chainName(kind: string, service: Service, port: ServicePort): string {
  const { namespace, name } = service.metadata;
  return `${kind}/${namespace}/${name}/${protocolOf(port)}/${port.port}`;
}

function protocolOf(port: { protocol?: string }): string {
  return (port.protocol ?? 'TCP').toLowerCase();
}

function clusterIps(service: Service): string[] {
  const spec = service.spec;
  const ips = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''];
  return ips.filter((ip) => isIpv4(ip));
}

function externalIps(service: Service): string[] {
  const balancer = (service.status?.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip ?? '');
  return [...(service.spec?.externalIPs ?? []), ...balancer].filter(isIpv4);
}

function hasExternalAddress(service: Service, port: ServicePort): boolean {
  return Boolean(port.nodePort) || externalIps(service).length > 0;
}

function isIpv4(ip: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(ip);
}

/** Ready endpoints for a port, in a stable order; when none is ready, those that still serve while they terminate. */
function targetsOf(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  isWanted: (endpoint: Endpoint) => boolean = () => true,
): Target[] {
  const ready = new Map<string, Target>();
  const serving = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const slicePort = slice.ports?.find(
      (p) => (p.name ?? '') === (port.name ?? '') && protocolOf(p) === protocolOf(port),
    );
    if (!slicePort?.port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (!isWanted(endpoint)) continue;
      const isReady = endpoint.conditions?.ready ?? true;
      const isServing = endpoint.conditions?.serving ?? isReady;
      if (!isReady && !isServing) continue;
      const ip = endpoint.addresses[0] as string;
      (isReady ? ready : serving).set(`${ip}:${slicePort.port}`, { ip, port: slicePort.port });
    }
  }
  const chosen = ready.size > 0 ? ready : serving;
  return [...chosen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

function localTargets(slices: readonly EndpointSlice[], port: ServicePort, nodeName: string | undefined): Target[] {
  return targetsOf(slices, port, (endpoint) => endpoint.nodeName === nodeName);
}
