import type { StatusCause } from '../../types/meta-v1.ts';
import type { ServiceCIDR } from '../../types/networking-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { immutable } from '../immutable.ts';

export const serviceCidr = defineKind<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  scope: 'Cluster',
  status: true,
  hasGeneration: false,
  validate: ({ spec }): StatusCause[] => {
    const cidrs = spec?.cidrs ?? [];
    if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')];
    if (cidrs.length <= 2) return [];
    const rule = 'may only hold up to 2 values';
    return [invalidValue('spec.cidrs', cidrs, rule)];
  },
  validateUpdate: (object, old) => immutable('spec.cidrs', object.spec?.cidrs, old.spec?.cidrs),
  columns: [nameColumn, column('CIDRs', ({ spec }) => spec?.cidrs?.join(',') ?? ''), ageColumn],
});
