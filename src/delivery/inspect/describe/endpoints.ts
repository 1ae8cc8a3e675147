import type { Endpoints } from '../../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import { annotationLines, labelLines, type Lines } from './fields.ts';

export function endpointSliceLines({ metadata, addressType, endpoints = [], ports = [] }: EndpointSlice): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `AddressType:\t${addressType}`,
    ...(ports.length === 0
      ? ['Ports: <unset>']
      : ['Ports:', '  Name\tPort\tProtocol', '  ----\t----\t--------', ...ports.map(portRow)]),
    ...(endpoints.length === 0 ? ['Endpoints: <none>'] : ['Endpoints:']),
    ...endpoints.flatMap(({ addresses, conditions, hostname, targetRef, nodeName, zone }) => [
      `  - Addresses:\t${addresses.join(',')}`,
      '    Conditions:',
      `      Ready:\t${conditions?.ready ?? '<unset>'}`,
      `    Hostname:\t${hostname || '<unset>'}`,
      ...(targetRef ? [`    TargetRef:\t${targetRef.kind}/${targetRef.name}`] : []),
      `    NodeName:\t${nodeName ?? '<unset>'}`,
      `    Zone:\t${zone ?? '<unset>'}`,
    ]),
  ];
}

function portRow({ name, port, protocol = 'TCP' }: { name?: string; port?: number; protocol?: string }): string {
  return `  ${name || '<unset>'}\t${port ?? '<unset>'}\t${protocol}`;
}

export function endpointsLines({ metadata, subsets = [] }: Endpoints): Lines {
  const list = (addresses: readonly { ip: string }[] = []): string =>
    addresses.map(({ ip }) => ip).join(',') || '<none>';
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    'Subsets:',
    ...subsets.flatMap(({ addresses, notReadyAddresses, ports = [] }) => [
      `  Addresses:\t${list(addresses)}`,
      `  NotReadyAddresses:\t${list(notReadyAddresses)}`,
      ...(ports.length > 0
        ? [
            '  Ports:',
            '    Name\tPort\tProtocol',
            '    ----\t----\t--------',
            ...ports.map((port) => `  ${portRow(port)}`),
          ]
        : []),
      '',
    ]),
  ];
}
