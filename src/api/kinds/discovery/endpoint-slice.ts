import type { AnyObject } from '../../object.ts';
import type { EndpointSlice } from '../../types/discovery-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { fromV1beta1, toV1beta1 } from './endpoint-slice-conversion.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice-validation.ts';

export const endpointSlice = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
  hasGeneration: true,
  otherVersions: [
    {
      group: 'discovery.k8s.io',
      version: 'v1beta1',
      type: schemaType('discovery.k8s.io', 'v1beta1', 'EndpointSlice'),
      toStorage: (object: AnyObject) => fromV1beta1(object as unknown as EndpointSlice),
      fromStorage: (object: AnyObject) => toV1beta1(object as unknown as EndpointSlice),
      deprecation: deprecated('discovery.k8s.io/v1beta1', 'EndpointSlice', {
        since: 21,
        removed: 25,
        use: 'discovery.k8s.io/v1 EndpointSlice',
      }),
    },
  ],
  defaults: ({ ports }) => {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
  columns: [
    nameColumn,
    column('AddressType', ({ addressType }) => addressType),
    column('Ports', formatPorts),
    column('Endpoints', formatEndpoints),
    ageColumn,
  ],
});

const shown = 3;

function formatPorts({ ports }: EndpointSlice): string {
  if (!ports?.length) return '<unset>';
  const numbers = ports.map(({ name, port }) => (port === undefined ? (name ?? '') || '*' : String(port)));
  return clip(numbers);
}

function formatEndpoints({ endpoints }: EndpointSlice): string {
  const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
  return addresses.length === 0 ? '<unset>' : clip(addresses);
}

function clip(items: string[]): string {
  if (items.length <= shown) return items.join(',');
  return `${items.slice(0, shown).join(',')} + ${items.length - shown} more...`;
}
