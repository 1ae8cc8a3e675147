import type { IpFamily } from '../../base/ip-address.ts';
import type { Node, Pod, Service } from '../../api/types/core-v1.ts';
import { canonicalJson } from '../semantic-equality.ts';
import { canBeEndpoint, endpointPorts, podAddresses, podEndpoint } from './pod-endpoint.ts';
import type { EndpointGroup } from './slice-packing.ts';

/**
 * The endpoints of a service in one address family, grouped by the ports they serve. `missingNodes` are the names of
 * nodes that pods claim to be on and that do not exist: such pods are left out unless the service publishes whatever
 * there is.
 */
export function desiredGroups(options: {
  service: Service;
  pods: readonly Pod[];
  nodeOf: (name: string) => Node | undefined;
  family: IpFamily;
}): { groups: EndpointGroup[]; missingNodes: string[] } {
  const { service, pods, nodeOf, family } = options;
  const groups = new Map<string, EndpointGroup>();
  const missingNodes: string[] = [];
  for (const pod of pods) {
    if (!canBeEndpoint(pod, true) || podAddresses(pod, family).length === 0) continue;
    const nodeName = pod.spec?.nodeName ?? '';
    const node = nodeOf(nodeName);
    if (!node && !service.spec?.publishNotReadyAddresses) {
      missingNodes.push(nodeName);
      continue;
    }
    const ports = endpointPorts(service, pod);
    const key = canonicalJson(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(podEndpoint({ pod, node, service, family }));
    groups.set(key, group);
  }
  return { groups: [...groups.values()], missingNodes };
}
