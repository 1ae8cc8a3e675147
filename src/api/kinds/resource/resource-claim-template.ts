import type { StatusCause } from '../../types/meta-v1.ts';
import type { ResourceClaimTemplate } from '../../types/resource-v1.ts';
import { immutable } from '../immutable.ts';
import { ageColumn, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { defaultResourceClaimSpec } from './device-request-defaults.ts';

export const resourceClaimTemplate = defineKind<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  scope: 'Namespaced',
  defaults: ({ spec }) => defaultResourceClaimSpec(spec.spec),
  validateUpdate: (object, old): StatusCause[] => immutable('spec', object.spec, old.spec),
  columns: [nameColumn, ageColumn],
});
