import { hostAndPort } from '../../../base/ip-address.ts';
import type { Endpoints } from '../../types/core-v1.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { validateEndpoints } from './endpoints-validation.ts';

export const endpoints = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  deprecation: deprecated('v1', 'Endpoints', { since: 33, use: 'discovery.k8s.io/v1 EndpointSlice' }),
  defaults: ({ subsets }) => {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP';
  },
  validate: validateEndpoints,
  columns: [nameColumn, column('Endpoints', format), ageColumn],
});

const shown = 3;

function format({ subsets }: Endpoints): string {
  if (!subsets?.length) return '<none>';
  const pairs = subsets.flatMap(({ addresses = [], ports }) => {
    if (ports === undefined) return addresses.map(({ ip }) => ip);
    return ports.flatMap(({ port }) => addresses.map(({ ip }) => hostAndPort(ip, port ?? 0)));
  });
  const text = pairs.slice(0, shown).join(',');
  return pairs.length > shown ? `${text} + ${pairs.length - shown} more...` : text;
}
