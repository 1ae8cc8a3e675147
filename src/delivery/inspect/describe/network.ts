import { hostAndPort } from '../../../base/ip-address.ts';
import type { Service } from '../../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import type { Ingress, IngressBackend } from '../../../api/types/networking-v1.ts';
import { annotationLines, labelLines, type Lines } from './fields.ts';

export function serviceLines({ metadata, spec = {}, status }: Service, slices: readonly EndpointSlice[]): Lines {
  const { clusterIP, clusterIPs = [], ipFamilies = [], externalIPs = [], ports = [] } = spec;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Selector:\t${labelLines('', spec.selector)
      .map((line) => line.split('\t')[1])
      .join(',')}`,
    `Type:\t${spec.type ?? 'ClusterIP'}`,
    ...(spec.ipFamilyPolicy ? [`IP Family Policy:\t${spec.ipFamilyPolicy}`] : []),
    `IP Families:\t${ipFamilies.join(',') || '<none>'}`,
    `IP:\t${clusterIP ?? ''}`,
    `IPs:\t${clusterIPs.join(',') || '<none>'}`,
    ...(externalIPs.length > 0 ? [`External IPs:\t${externalIPs.join(',')}`] : []),
    ...(spec.loadBalancerIP ? [`Desired LoadBalancer IP:\t${spec.loadBalancerIP}`] : []),
    ...(spec.externalName ? [`External Name:\t${spec.externalName}`] : []),
    ...(ingress.length > 0
      ? [
          `LoadBalancer Ingress:\t${ingress.map(({ ip, hostname, ipMode }) => `${ip ?? hostname}${ipMode ? ` (${ipMode})` : ''}`).join(', ')}`,
        ]
      : []),
    ...ports.flatMap(({ name = '<unset>', port, protocol = 'TCP', targetPort = port, nodePort }) => [
      `Port:\t${name}\t${port}/${protocol}`,
      `TargetPort:\t${targetPort}/${protocol}`,
      ...(nodePort ? [`NodePort:\t${name}\t${nodePort}/${protocol}`] : []),
      `Endpoints:\t${endpointsText(slices, name === '<unset>' ? '' : name)}`,
    ]),
    `Session Affinity:\t${spec.sessionAffinity ?? 'None'}`,
    ...(spec.externalTrafficPolicy ? [`External Traffic Policy:\t${spec.externalTrafficPolicy}`] : []),
    ...(spec.internalTrafficPolicy ? [`Internal Traffic Policy:\t${spec.internalTrafficPolicy}`] : []),
    ...(spec.healthCheckNodePort ? [`HealthCheck NodePort:\t${spec.healthCheckNodePort}`] : []),
    ...((spec.loadBalancerSourceRanges ?? []).length > 0
      ? [`LoadBalancer Source Ranges:\t${(spec.loadBalancerSourceRanges ?? []).join(',')}`]
      : []),
  ];
}

const shownEndpoints = 3;

function endpointsText(slices: readonly EndpointSlice[], portName: string): string {
  const all = slices.flatMap(({ endpoints = [], ports = [] }) => {
    const port = ports.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((address) => hostAndPort(address, port)));
  });
  const more = all.length - shownEndpoints;
  return more > 0 ? `${all.slice(0, shownEndpoints).join(',')} + ${more} more...` : all.join(',');
}

/** The services that an ingress names, by name, and where they are answered. */
export type Backends = ReadonlyMap<string, { service: Service; slices: readonly EndpointSlice[] }>;

export function ingressLines({ metadata, spec = {}, status }: Ingress, backends: Backends): Lines {
  const { tls = [], rules = [], defaultBackend } = spec;
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    `Namespace:\t${metadata.namespace}`,
    `Address:\t${addresses.join(',')}`,
    `Ingress Class:\t${spec.ingressClassName ?? '<none>'}`,
    `Default backend:\t${defaultBackend ? backendText(defaultBackend, backends) : '<default>'}`,
    ...(tls.length > 0
      ? [
          'TLS:',
          ...tls.map(
            ({ secretName, hosts = [] }) =>
              `  ${secretName ? `${secretName} terminates` : 'SNI routes'} ${hosts.join(',')}`,
          ),
        ]
      : []),
    'Rules:',
    '  Host\tPath\tBackends',
    '  ----\t----\t--------',
    ...rules.flatMap(({ host = '*', http }) => [
      `  ${host}\t`,
      ...(http?.paths ?? []).map(({ path = '', backend }) => `  \t${path} \t${backendText(backend, backends)}`),
    ]),
    ...(rules.length === 0 && defaultBackend ? [`  *\t*\t${backendText(defaultBackend, backends)}`] : []),
    ...annotationLines('Annotations', metadata.annotations),
  ];
}

function backendText({ service, resource }: IngressBackend, backends: Backends): string {
  if (service)
    return `${service.name}:${service.port?.name ?? service.port?.number ?? ''} (${answeredBy(service, backends)})`;
  return resource ? `APIGroup: ${resource.apiGroup ?? '<none>'}, Kind: ${resource.kind}, Name: ${resource.name}` : '';
}

function answeredBy({ name, port }: NonNullable<IngressBackend['service']>, backends: Backends): string {
  const found = backends.get(name);
  if (!found) return `<error: services "${name}" not found>`;
  const ports = found.service.spec?.ports ?? [];
  const own = ports.find((each) => (port?.name ? each.name === port.name : each.port === port?.number));
  return endpointsText(found.slices, own?.name ?? '');
}
