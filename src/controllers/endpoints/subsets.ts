import type { EndpointAddress, EndpointSubset, Pod, Service } from '../../api/types/core-v1.ts';
import { isPodReady } from '../pod-state.ts';
import { canonicalJson } from '../semantic-equality.ts';
import {
  canBeEndpoint,
  endpointHostname,
  endpointPorts,
  familiesOf,
  isHeadless,
  podAddresses,
  podReference,
} from './pod-endpoint.ts';

const maxAddresses = 1000;

/** The subsets of a service: its pods in its first family, grouped by the ports they serve. */
export function desiredSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses ?? false;
  const family = familiesOf(service)[0] ?? 'IPv4';
  const subsets = new Map<string, Required<EndpointSubset>>();
  for (const pod of pods) {
    const ip = podAddresses(pod, family)[0];
    if (ip === undefined || !canBeEndpoint(pod, publishAll)) continue;
    const ports = endpointPorts(service, pod).map(({ name, port = 0, ...rest }) => ({
      ...(name && { name }),
      port,
      ...rest,
    }));
    if (ports.length === 0 && !(isHeadless(service) && (service.spec?.ports ?? []).length === 0)) continue;
    const key = canonicalJson(ports);
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports };
    (publishAll || isPodReady(pod) ? subset.addresses : subset.notReadyAddresses).push(addressOf(ip, pod, service));
    subsets.set(key, subset);
  }
  return [...subsets]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { addresses, notReadyAddresses, ports }]) => ({
      ...(addresses.length > 0 && { addresses: addresses.toSorted(byIp) }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses: notReadyAddresses.toSorted(byIp) }),
      ...(ports.length > 0 && { ports }),
    }));
}

/** At most a thousand addresses go into one object, ready ones first; `truncated` says that some were left out. */
export function truncateSubsets(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (field: 'addresses' | 'notReadyAddresses'): number =>
    subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0);
  const ready = count('addresses');
  if (ready + count('notReadyAddresses') <= maxAddresses) return { subsets, truncated: false };
  let readyRoom = Math.min(maxAddresses, ready);
  let notReadyRoom = maxAddresses - readyRoom;
  const cut = subsets.map((subset) => {
    const addresses = (subset.addresses ?? []).slice(0, readyRoom);
    const notReadyAddresses = (subset.notReadyAddresses ?? []).slice(0, notReadyRoom);
    readyRoom -= addresses.length;
    notReadyRoom -= notReadyAddresses.length;
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(subset.ports && { ports: subset.ports }),
    };
  });
  return { subsets: cut.filter((subset) => subset.addresses ?? subset.notReadyAddresses), truncated: true };
}

function addressOf(ip: string, pod: Pod, service: Service): EndpointAddress {
  const hostname = endpointHostname(pod, service);
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: podReference(pod),
  };
}

function byIp(a: EndpointAddress, b: EndpointAddress): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}
