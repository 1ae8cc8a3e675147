import type { Service } from '../../types/core-v1.ts';

/** What upstream warns about in services (`Warning` headers). */
export function serviceWarnings({ metadata, spec }: Service, old?: Service): string[] {
  // A write of the status keeps the spec as it is.
  if (!spec || spec === old?.spec) return [];
  const warnings: string[] = [];
  const hints = 'service.kubernetes.io/topology-aware-hints';
  if (metadata.annotations?.[hints] !== undefined) {
    warnings.push(`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  }
  const externalIps = spec.externalIPs ?? [];
  const isHeadless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const isExternalName = spec.type === 'ExternalName';
  if (isHeadless) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIps.length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  } else {
    for (const [i, address] of (spec.clusterIPs ?? []).entries()) {
      warnings.push(...addressWarnings(address, `spec.clusterIPs[${i}]`));
    }
  }
  for (const [i, address] of externalIps.entries()) {
    warnings.push(...addressWarnings(address, `spec.externalIPs[${i}]`));
  }
  if (externalIps.length > 0 && !isHeadless && !isExternalName) {
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (spec.loadBalancerIP) warnings.push(...addressWarnings(spec.loadBalancerIP, 'spec.loadBalancerIP'));
  if (isExternalName && externalIps.length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (!isExternalName && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}

/** Addresses that other programs read otherwise, or that compare as unlike (RFC 5952). */
function addressWarnings(address: string, path: string): string[] {
  if (!address.includes(':')) {
    const canonical = address.replace(/\b0+(?=\d)/g, '');
    if (canonical === address) return [];
    const text = 'will be considered invalid in a future Kubernetes release';
    return [`${path}: non-standard IP address "${address}" ${text}: use "${canonical}"`];
  }
  if (address.includes('.') || !URL.canParse(`http://[${address}]`)) return [];
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (canonical === address) return [];
  return [`${path}: IPv6 address "${address}" should be in RFC 5952 canonical format ("${canonical}")`];
}
