import type { StatusCause } from '../../types/meta-v1.ts';
import type { ResourceClaim } from '../../types/resource-v1.ts';
import { immutable } from '../immutable.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultResourceClaimSpec } from './device-request-defaults.ts';

export const resourceClaim = defineKind<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  scope: 'Namespaced',
  status: true,
  hasGeneration: false,
  defaults: ({ spec }) => defaultResourceClaimSpec(spec),
  validateUpdate: (object, old): StatusCause[] => immutable('spec', object.spec, old.spec),
  columns: [nameColumn, column('State', state), ageColumn],
});

function state({ metadata, status }: ResourceClaim): string {
  const words = [
    ...(metadata.deletionTimestamp === undefined ? [] : ['deleted']),
    ...(status?.allocation ? ['allocated'] : []),
    ...(status?.reservedFor?.length ? ['reserved'] : []),
  ];
  return status?.allocation ? words.join(',') : [...words, 'pending'].join(',');
}
