import type { Service, ServiceSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required, tooMany } from '../../field-errors.ts';
import { dnsSubdomain, fieldCidr, fieldIp, labelValue, qualifiedName } from '../../names.ts';
import { isExternallyAccessible } from './service-defaults.ts';
import { validateServicePorts } from './service-port-validation.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const affinities = ['ClientIP', 'None'];
const policies = ['Cluster', 'Local'];
const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const longestAffinitySeconds = 86_400;

export function validateService({ spec }: Service): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes: StatusCause[] = [];
  const headless = spec.clusterIP === 'None';
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') causes.push(required('spec.ports', ''));
  if (!types.includes(spec.type ?? '')) causes.push(notSupported('spec.type', spec.type ?? '', types));
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    const rule = `may not be set to 'None' for ${spec.type} services`;
    causes.push(invalidValue('spec.clusterIPs[0]', 'None', rule));
  }
  if (spec.type === 'ExternalName') causes.push(...validateExternalName(spec));
  causes.push(...validateServicePorts(spec));
  for (const key in spec.selector) {
    for (const text of qualifiedName(key)) causes.push(invalidValue('spec.selector', key, text));
    const value = spec.selector[key]!;
    for (const text of labelValue(value)) causes.push(invalidValue('spec.selector', value, text));
  }
  causes.push(...validateAffinity(spec), ...validateAddresses(spec), ...validatePolicies(spec));
  return causes;
}

function validateExternalName(spec: ServiceSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const rule = "may not be set when `type` is 'ExternalName'";
  for (const field of ['clusterIPs', 'ipFamilies'] as const) {
    if (spec[field]?.length) causes.push(forbidden(`spec.${field}`, rule));
  }
  if (spec.ipFamilyPolicy !== undefined) causes.push(forbidden('spec.ipFamilyPolicy', rule));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') causes.push(required('spec.externalName', ''));
  else for (const text of dnsSubdomain(name)) causes.push(invalidValue('spec.externalName', name, text));
  return causes;
}

function validateAffinity({ sessionAffinity = '', sessionAffinityConfig }: ServiceSpec): StatusCause[] {
  if (sessionAffinity === '') return [required('spec.sessionAffinity', '')];
  if (!affinities.includes(sessionAffinity)) {
    return [notSupported('spec.sessionAffinity', sessionAffinity, affinities)];
  }
  if (sessionAffinity === 'None') {
    const rule = 'must not be set when session affinity is None';
    return sessionAffinityConfig ? [forbidden('spec.sessionAffinityConfig', rule)] : [];
  }
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const path = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  if (seconds === undefined) return [required(path, '')];
  if (seconds > 0 && seconds <= longestAffinitySeconds) return [];
  return [invalidValue(path, seconds, `must be greater than 0 and less than or equal to ${longestAffinitySeconds}`)];
}

function validateAddresses(spec: ServiceSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const { clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerSourceRanges = [] } = spec;
  if (clusterIPs.length > 2) causes.push(tooMany('spec.clusterIPs', clusterIPs.length, 2));
  clusterIPs.forEach((address, index) => {
    if (address === 'None') {
      if (clusterIPs.length > 1) {
        const rule = "'None' must be the first and only value";
        causes.push(invalidValue(`spec.clusterIPs[${index}]`, address, rule));
      }
      return;
    }
    for (const text of fieldIp(address)) causes.push(invalidValue(`spec.clusterIPs[${index}]`, address, text));
  });
  if (clusterIP !== '' && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    causes.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  }
  externalIPs.forEach((address, index) => {
    for (const text of fieldIp(address)) causes.push(invalidValue(`spec.externalIPs[${index}]`, address, text));
  });
  if (loadBalancerSourceRanges.length > 0 && spec.type !== 'LoadBalancer') {
    const rule = "may only be used when `type` is 'LoadBalancer'";
    causes.push(forbidden('spec.loadBalancerSourceRanges', rule));
  }
  loadBalancerSourceRanges.forEach((range, index) => {
    const value = range.trim();
    for (const text of fieldCidr(value))
      causes.push(invalidValue(`spec.loadBalancerSourceRanges[${index}]`, value, text));
  });
  return causes;
}

function validatePolicies(spec: ServiceSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const { type, externalTrafficPolicy = '', internalTrafficPolicy, healthCheckNodePort, trafficDistribution } = spec;
  const onlyBalancer = "may only be used when `type` is 'LoadBalancer'";
  for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
    if (spec[field] !== undefined && type !== 'LoadBalancer') causes.push(forbidden(`spec.${field}`, onlyBalancer));
  }
  if (externalTrafficPolicy !== '') {
    if (!isExternallyAccessible(spec)) {
      const rule = 'may only be set for externally-accessible services';
      causes.push(invalidValue('spec.externalTrafficPolicy', externalTrafficPolicy, rule));
    } else if (!policies.includes(externalTrafficPolicy)) {
      causes.push(notSupported('spec.externalTrafficPolicy', externalTrafficPolicy, policies));
    }
  }
  if (healthCheckNodePort && !(type === 'LoadBalancer' && externalTrafficPolicy === 'Local')) {
    const rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    causes.push(invalidValue('spec.healthCheckNodePort', healthCheckNodePort, rule));
  }
  if (type !== 'ExternalName' && !policies.includes(internalTrafficPolicy ?? '')) {
    causes.push(notSupported('spec.internalTrafficPolicy', internalTrafficPolicy ?? '', policies));
  }
  if (trafficDistribution !== undefined && !distributions.includes(trafficDistribution)) {
    causes.push(notSupported('spec.trafficDistribution', trafficDistribution, distributions));
  }
  return causes;
}

export function validateServiceUpdate({ spec }: Service, old: Service, subresource: string): StatusCause[] {
  if (subresource !== '' || !spec || !old.spec) return [];
  if (spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return [];
  const causes: StatusCause[] = [];
  const before = old.spec.clusterIPs?.[0] ?? old.spec.clusterIP;
  const after = spec.clusterIPs?.[0] ?? spec.clusterIP;
  if (before && !after) {
    causes.push(invalidValue('spec.clusterIPs[0]', spec.clusterIPs ?? [], 'primary clusterIP can not be unset'));
  } else if (before && before !== after) {
    causes.push(invalidValue('spec.clusterIPs[0]', spec.clusterIPs ?? [after], 'may not change once set'));
  }
  const family = old.spec.ipFamilies?.[0];
  if (family && spec.ipFamilies?.[0] !== undefined && spec.ipFamilies[0] !== family) {
    causes.push(invalidValue('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set'));
  }
  if (spec.type === 'LoadBalancer' && old.spec.type === 'LoadBalancer') {
    if (spec.loadBalancerClass !== old.spec.loadBalancerClass) {
      const rule = 'may not change once set';
      causes.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass ?? null, rule));
    }
  }
  return causes;
}
