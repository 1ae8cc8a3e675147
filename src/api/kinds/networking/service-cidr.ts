import type { StatusCause } from '../../types/meta-v1.ts';
import type { ServiceCIDR } from '../../types/networking-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { familyOf, ipOfNumber, parseIpBlock } from '../../../base/ip-address.ts';
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
    if (cidrs.length > 2) return [invalidValue('spec.cidrs', cidrs, 'may only hold up to 2 values')];
    const causes = cidrs.flatMap((cidr, i) => {
      const block = parseIpBlock(cidr);
      const path = `spec.cidrs[${i}]`;
      if (!block) return [invalidValue(path, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
      const canonical = `${ipOfNumber(block.first, block.family)}/${block.prefix}`;
      return canonical === cidr ? [] : [invalidValue(path, cidr, `must be in canonical form ("${canonical}")`)];
    });
    const [first, second] = cidrs.map((cidr) => familyOf(cidr));
    if (first !== second || second === undefined) return causes;
    return [...causes, invalidValue('spec.cidrs', cidrs, 'may specify no more than one IP for each IP family')];
  },
  validateUpdate: (object, old) => immutable('spec.cidrs', object.spec?.cidrs, old.spec?.cidrs),
  columns: [nameColumn, column('CIDRs', ({ spec }) => spec?.cidrs?.join(',') ?? ''), ageColumn],
});
