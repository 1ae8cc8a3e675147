import type { Service, ServicePort, ServiceSpec } from '../../types/core-v1.ts';
import { deepEqual } from '../immutable.ts';
import { isExternallyAccessible } from './service-defaults.ts';

export function prepareServiceForCreate(service: Service): void {
  service.status = { loadBalancer: {} };
  const { spec } = service;
  if (spec?.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
}

export function prepareServiceForUpdate(service: Service, old: Service, subresource: string): void {
  if (subresource !== '' || !service.spec || !old.spec) return;
  keepAllocated(service.spec, old.spec);
  normalizeClusterIps(service.spec, old.spec);
  dropWhatTypeLacks(service.spec, old.spec);
  if (old.spec.type === 'LoadBalancer' && service.spec.type !== 'LoadBalancer') {
    service.status = { ...service.status, loadBalancer: {} };
  }
}

function needsClusterIp({ type }: ServiceSpec): boolean {
  return type === 'ClusterIP' || type === 'NodePort' || type === 'LoadBalancer';
}

function needsNodePort({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function needsHealthCheckPort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** Clients that replace a service from a file leave out what the cluster gave it; that stays. */
function keepAllocated(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIp(spec) && needsClusterIp(old)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP && old.clusterIPs) {
      spec.clusterIPs = [...old.clusterIPs];
    }
  }
  if (needsNodePort(spec) && needsNodePort(old)) keepNodePorts(spec.ports ?? [], old.ports ?? []);
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(old) && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
  }
}

function keepNodePorts(ports: ServicePort[], old: readonly ServicePort[]): void {
  const taken = new Set(ports.map(({ nodePort }) => nodePort).filter(Boolean));
  for (const port of ports) {
    if (port.nodePort) continue;
    const before = old.find((other) => other.port === port.port && other.protocol === port.protocol)?.nodePort;
    if (!before || taken.has(before)) continue;
    port.nodePort = before;
    taken.add(before);
  }
}

/** `clusterIP` is the first of `clusterIPs`; whichever of the two a client changed decides. */
function normalizeClusterIps(spec: ServiceSpec, old: ServiceSpec): void {
  const listChanged = !deepEqual(spec.clusterIPs, old.clusterIPs);
  if (spec.clusterIP !== old.clusterIP) {
    if (listChanged) return;
    if (!spec.clusterIP) delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
  } else if (listChanged && !spec.clusterIPs?.length) {
    delete spec.clusterIP;
  }
}

/** When the type changes, what only the old type had goes, unless the same request sets it anew. */
function dropWhatTypeLacks(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIp(old) && !needsClusterIp(spec)) {
    if (spec.clusterIP === old.clusterIP) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    dropUnchanged(spec, old, 'ipFamilies');
    dropUnchanged(spec, old, 'ipFamilyPolicy');
    dropUnchanged(spec, old, 'internalTrafficPolicy');
  }
  if (needsNodePort(old) && !needsNodePort(spec) && sameNodePorts(spec.ports ?? [], old.ports ?? [])) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(spec)) dropUnchanged(spec, old, 'healthCheckNodePort');
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropUnchanged(spec, old, 'allocateLoadBalancerNodePorts');
    dropUnchanged(spec, old, 'loadBalancerClass');
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(spec)) dropUnchanged(spec, old, 'externalTrafficPolicy');
}

function dropUnchanged(spec: ServiceSpec, old: ServiceSpec, field: keyof ServiceSpec): void {
  if (deepEqual(spec[field], old[field])) delete spec[field];
}

function sameNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): boolean {
  const before = new Set(old.map(({ nodePort }) => nodePort).filter(Boolean));
  return ports.every(({ nodePort }) => !nodePort || before.has(nodePort));
}
