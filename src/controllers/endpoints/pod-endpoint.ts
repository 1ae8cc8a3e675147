import type { Container, Endpoints, Node, Pod, Service, ServicePort } from '../../api/types/core-v1.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.ts';
import { familyOf, type IpFamily } from '../../base/ip-address.ts';
import { isPodReady } from '../pod-state.ts';
import { zoneLabel } from '../../api/well-known.ts';

export const headlessLabel = 'service.kubernetes.io/headless';
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** Has a selector, so that its endpoints are pods. */
export function selectsPods(service: Service): boolean {
  return service.spec?.selector !== undefined && service.spec.type !== 'ExternalName';
}

/** The families the service is reached by, its own order first. */
export function familiesOf(service: Service): IpFamily[] {
  const named = service.spec?.ipFamilies?.filter((family) => family === 'IPv4' || family === 'IPv6');
  if (named && named.length > 0) return named;
  const ip = service.spec?.clusterIP;
  return [ip !== undefined && ip !== 'None' && ip !== '' ? familyOf(ip) : 'IPv4'];
}

/** The pod's addresses of one family. */
export function podAddresses(pod: Pod, family: IpFamily): string[] {
  const all = pod.status?.podIPs?.map((entry) => entry.ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return all.filter((ip) => ip !== '' && familyOf(ip) === family);
}

/** Finished pods and those without an address serve nobody. Terminating ones are listed where the reader can tell. */
export function canBeEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodFinished(pod)) return false;
  if (!includeTerminating && pod.metadata.deletionTimestamp !== undefined) return false;
  return Boolean(pod.status?.podIP) || (pod.status?.podIPs?.length ?? 0) > 0;
}

/** The name that DNS gives the pod under this service; undefined when it asks for none. */
export function endpointHostname(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

/** The number of the pod's port that the service port means; undefined when the pod has no port of that name. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const sidecars = pod.spec?.initContainers?.filter((container) => container.restartPolicy === 'Always') ?? [];
  return namedPort([...(pod.spec?.containers ?? []), ...sidecars], target, port.protocol ?? 'TCP');
}

/** The ports of the service as this pod serves them, sorted by name: pods that agree share a slice. */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? [])
    .flatMap((port) => {
      const number = targetPort(pod, port);
      if (number === undefined) return [];
      return {
        name: port.name ?? '',
        protocol: port.protocol ?? 'TCP',
        port: number,
        ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The pod as an endpoint slice has it. */
export function podEndpoint(options: {
  pod: Pod;
  node: Node | undefined;
  service: Service;
  family: IpFamily;
}): Endpoint {
  const { pod, node, service, family } = options;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = (service.spec?.publishNotReadyAddresses ?? false) || (serving && !terminating);
  const hostname = endpointHostname(pod, service);
  const zone = node?.metadata.labels?.[zoneLabel];
  const nodeName = pod.spec?.nodeName;
  return {
    addresses: podAddresses(pod, family),
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    targetRef: podReference(pod),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...hintsFor(service, { ready, nodeName, zone }),
  };
}

export function podReference(pod: Pod): NonNullable<Endpoint['targetRef']> {
  return {
    kind: 'Pod',
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name ?? '',
    uid: pod.metadata.uid ?? '',
  };
}

/** Labels that a service hands down to what lists its endpoints. */
export function inheritedLabels(source: Service | Endpoints, headless: boolean): Record<string, string> {
  const { [headlessLabel]: _, ...labels } = source.metadata.labels ?? {};
  return headless ? { ...labels, [headlessLabel]: '' } : labels;
}

/** Where traffic to this endpoint should come from (KEP-4444, KEP-3015). */
function hintsFor(
  service: Service,
  endpoint: { ready: boolean; nodeName: string | undefined; zone: string | undefined },
): Pick<Endpoint, 'hints'> {
  const preference = service.spec?.trafficDistribution;
  const { ready, nodeName, zone } = endpoint;
  if (!ready || preference === undefined) return {};
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  const forNodes = preference === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length > 0 ? { hints } : {};
}

function namedPort(containers: readonly Container[], name: string, protocol: string): number | undefined {
  for (const container of containers) {
    const found = container.ports?.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}
