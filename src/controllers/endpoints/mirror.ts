import { familyOf, type IpFamily } from '../../base/ip-address.ts';
import type { EndpointAddress, Endpoints, EndpointSubset, Service } from '../../api/types/core-v1.ts';
import type { Endpoint } from '../../api/types/discovery-v1.ts';
import type { EndpointGroup } from './slice-packing.ts';

const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const maxPerSubset = 1000;

/** Hand-made Endpoints of a service without selector are mirrored; those that hold an election or say no are not. */
export function shouldMirror(object: Endpoints, service: Service | undefined): boolean {
  return (
    service !== undefined &&
    service.spec?.selector === undefined &&
    object.metadata.deletionTimestamp === undefined &&
    object.metadata.labels?.[skipLabel] !== 'true' &&
    object.metadata.annotations?.[leaderAnnotation] === undefined
  );
}

/** What the mirror of these Endpoints holds in one family. */
export function mirroredGroups(object: Endpoints, family: IpFamily): EndpointGroup[] {
  return (object.subsets ?? []).map((subset) => ({
    ports: (subset.ports ?? []).map((port) => ({ name: '', protocol: 'TCP', ...port })),
    endpoints: addressesOf(subset)
      .filter(({ address }) => familyOf(address.ip) === family)
      .slice(0, maxPerSubset)
      .map(({ address, ready }) => mirrored(address, ready)),
  }));
}

function addressesOf(subset: EndpointSubset): { address: EndpointAddress; ready: boolean }[] {
  return [
    ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
    ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
  ];
}

function mirrored(address: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [address.ip],
    conditions: { ready },
    ...(address.hostname && { hostname: address.hostname }),
    ...(address.targetRef && { targetRef: address.targetRef }),
    ...(address.nodeName && { nodeName: address.nodeName }),
  };
}
