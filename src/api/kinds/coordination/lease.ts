import type { Lease } from '../../types/coordination-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const lease = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate,
  columns: [nameColumn, column('Holder', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
});

function validate({ spec }: Lease): StatusCause[] {
  const causes: StatusCause[] = [];
  const { leaseDurationSeconds, leaseTransitions, holderIdentity, strategy, preferredHolder } = spec ?? {};
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    causes.push(invalidValue('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'));
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    causes.push(invalidValue('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0'));
  }
  if (holderIdentity === '') causes.push(invalidValue('spec.holderIdentity', holderIdentity, 'must not be empty'));
  if (preferredHolder && !strategy) {
    causes.push(forbidden('spec.preferredHolder', 'may only be specified when `strategy` is defined'));
  }
  return causes;
}
