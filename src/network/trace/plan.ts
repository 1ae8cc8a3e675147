import type { Pod, Service, ServicePort } from '../../api/types/core-v1.ts';
import { sharesOf } from '../balancing.ts';
import { clusterIps, type Family, protocolOf, type Target, targetsOf } from '../service-endpoints.ts';
import {
  type Destination,
  type Entry,
  podIpsOf,
  podWithIp,
  type Protocol,
  type Source,
  type TraceFacts,
  type TracePlan,
} from './facts.ts';
import { serviceNameLabel } from '../../api/well-known.ts';

export interface TraceRequest {
  source: Source;
  destination: Destination;
  /** As typed: a number or a name. */
  port: string | undefined;
  /** Undefined: as the service's port says, else TCP. */
  protocol: Protocol | undefined;
  entry?: Entry | undefined;
}

/** What the connection would be, by the API's objects alone. Pure. */
export function planTrace(request: TraceRequest, facts: TraceFacts): TracePlan {
  const { source, destination } = request;
  const bare = { source, destination, servicePort: undefined, serviceIp: undefined };
  const protocol = request.protocol ?? 'tcp';
  const number = request.port !== undefined && /^\d+$/.test(request.port) ? Number(request.port) : undefined;
  switch (destination.kind) {
    case 'service':
      return planService(request, destination.service, facts);
    case 'pod': {
      const { pod } = destination;
      const port = number ?? containerPort(pod, request.port, protocol);
      const ip = request.entry?.ip ?? pod.status?.podIP;
      const targets = ip !== undefined && port !== undefined ? [{ ip, port, pod, share: 1 }] : [];
      return { ...bare, protocol, port, targets };
    }
    case 'address': {
      const { ip } = destination;
      return {
        ...{ ...bare, protocol, port: number },
        targets: number === undefined ? [] : [{ ip, port: number, pod: podWithIp(facts.pods, ip), share: 1 }],
      };
    }
    case 'name':
      return { ...bare, protocol, port: number, targets: [] };
  }
}

/** A named port of the pod, or the first that it declares. */
function containerPort(pod: Pod, name: string | undefined, protocol: Protocol): number | undefined {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const found = ports.find((port) => (name === undefined || port.name === name) && protocolOf(port) === protocol);
  return found?.containerPort;
}

export function isHeadless({ spec }: Service): boolean {
  return spec?.type !== 'ExternalName' && (!spec?.clusterIP || spec.clusterIP === 'None');
}

/** The first of the service's families: what most programs use. */
function familyOf({ spec }: Service): Family {
  return spec?.ipFamilies?.[0] === 'IPv6' ? 'ip6' : 'ip';
}

/** The slices of a service. */
export function slicesOf({ metadata }: Service, slices: TraceFacts['slices']): TraceFacts['slices'] {
  return slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace && slice.metadata.labels?.[serviceNameLabel] === metadata.name,
  );
}

function planService(request: TraceRequest, service: Service, facts: TraceFacts): TracePlan {
  const { source, destination, port: asked } = request;
  const port = portOf(service, asked, request.protocol);
  const number = asked !== undefined && /^\d+$/.test(asked) ? Number(asked) : undefined;
  const protocol = request.protocol ?? (port ? (protocolOf(port) as Protocol) : 'tcp');
  const { entry } = request;
  const base = { source, destination, protocol, servicePort: port, ...(entry && { entry }) };
  if (isHeadless(service)) return { ...base, ...headlessTargets(service, port, number, facts), serviceIp: undefined };
  const family = familyOf(service);
  const serviceIp = clusterIps(service, family)[0];
  if (!port) return { ...base, serviceIp, port: number, targets: [] };
  const nodeName = source.kind === 'pod' ? source.pod.spec?.nodeName : undefined;
  const { cluster, local } = targetsOf(slicesOf(service, facts.slices), port, { nodeName, family });
  const isLocal = service.spec?.internalTrafficPolicy === 'Local' && source.kind === 'pod';
  const chosen = isLocal ? local : cluster;
  const shares = sharesOf(
    service,
    chosen.map(({ pod }) => pod),
  );
  const targets = chosen.map((target, i) => ({ ...withPod(target, facts), share: shares[i] ?? 0 }));
  return { ...base, serviceIp, port: port.port, targets };
}

/** The names of a headless service lead to its endpoints themselves: ports are the pods' own, whatever the service says. */
function headlessTargets(
  service: Service,
  port: ServicePort | undefined,
  asked: number | undefined,
  facts: TraceFacts,
): Pick<TracePlan, 'port' | 'targets'> {
  const type = familyOf(service) === 'ip' ? 'IPv4' : 'IPv6';
  const slices = slicesOf(service, facts.slices).filter(({ addressType }) => addressType === type);
  const endpoints = slices.flatMap((slice) =>
    (slice.endpoints ?? [])
      .filter(({ conditions }) => (conditions?.ready ?? true) || service.spec?.publishNotReadyAddresses)
      .map((endpoint) => ({ ip: endpoint.addresses[0] as string, slice })),
  );
  const ownPort = slices.flatMap(({ ports }) => ports ?? []).find((each) => (each.name ?? '') === (port?.name ?? ''));
  const number = asked ?? ownPort?.port ?? port?.port;
  if (number === undefined) return { port: undefined, targets: [] };
  const targets = endpoints.map(({ ip }) => ({
    ...{ ip, port: number, share: 1 / endpoints.length },
    pod: podWithIp(facts.pods, ip),
  }));
  return { port: number, targets };
}

function withPod({ ip, port }: Target, { pods }: TraceFacts): { ip: string; port: number; pod: Pod | undefined } {
  const inHostNetwork = (pod: Pod): boolean => podIpsOf(pod).includes(ip);
  return { ip, port, pod: podWithIp(pods, ip) ?? pods.find(inHostNetwork) };
}

/** The service's port that is meant: by number, by name, or the first. */
export function portOf(
  { spec }: Service,
  asked: string | undefined,
  protocol: Protocol | undefined,
): ServicePort | undefined {
  const ports = (spec?.ports ?? []).filter((port) => protocol === undefined || protocolOf(port) === protocol);
  return asked === undefined ? ports[0] : ports.find((port) => String(port.port) === asked || port.name === asked);
}
