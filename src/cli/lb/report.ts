import { algorithmOf, isOwnLoadBalancer } from '../../api/load-balancing.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { hashTable, sharesOf } from '../../network/balancing.ts';
import { wantedHostPorts } from '../../network/host-ports.ts';
import { type Target, targetsOf } from '../../network/service-endpoints.ts';

/** What `timonel lb` tells about one service. */
export interface BalancerReport {
  name: string;
  namespace: string;
  created: string;
  /** Undefined: none yet. */
  address: string | undefined;
  /** `Pending`: no address; `Unavailable`: no endpoint serves. */
  status: 'Pending' | 'Unavailable' | 'Active';
  algorithm: string;
  /** `*:8080->80/tcp` */
  hostPorts: string[];
  endpoints: { port: number; pod: string | undefined; address: string; share: number }[];
}

/** Pure. `slices` are the service's own. Shares are between 0 and 1, for each port of the service. */
export function reportOf(service: Service, slices: readonly EndpointSlice[]): BalancerReport {
  const { name = '', namespace = '', creationTimestamp = '' } = service.metadata;
  const address = service.status?.loadBalancer?.ingress?.[0]?.ip;
  const endpoints = (service.spec?.ports ?? []).flatMap((port) => {
    const { cluster } = targetsOf(slices, port, { nodeName: undefined });
    const shares = sharesOfTargets(service, cluster);
    return cluster.map((target, i) => ({
      port: port.port,
      pod: target.pod,
      address: `${target.ip}:${target.port}`,
      share: shares[i] ?? 0,
    }));
  });
  const status = isOwnLoadBalancer(service) && !address ? 'Pending' : endpoints.length > 0 ? 'Active' : 'Unavailable';
  const hostPorts = wantedHostPorts(service).map(
    ({ ip = '*', hostPort, port, protocol }) => `${ip}:${hostPort}->${port}/${protocol}`,
  );
  const algorithm = algorithmOf(service);
  return { name, namespace, created: creationTimestamp, address, status, algorithm, hostPorts, endpoints };
}

function sharesOfTargets(service: Service, targets: readonly Target[]): number[] {
  if (algorithmOf(service) !== 'source-ip-hash') {
    return sharesOf(
      service,
      targets.map(({ pod }) => pod),
    );
  }
  const slots = hashTable(targets.map(({ ip, port }) => `${ip}:${port}`));
  return targets.map((_, i) => slots.filter((owner) => owner === i).length / slots.length);
}
