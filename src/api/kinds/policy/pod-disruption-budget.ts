import type { StatusCause } from '../../types/meta-v1.ts';
import type { PodDisruptionBudget } from '../../types/policy-v1.ts';
import { invalidValue } from '../../field-errors.ts';
import { deprecated } from '../deprecation.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { validateIntOrPercent } from '../int-or-percent.ts';

export const podDisruptionBudget = defineKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  scope: 'Namespaced',
  status: true,
  otherVersions: [
    {
      group: 'policy',
      version: 'v1beta1',
      type: schemaType('policy', 'v1beta1', 'PodDisruptionBudget'),
      deprecation: deprecated('policy/v1beta1', 'PodDisruptionBudget', {
        since: 21,
        removed: 25,
        use: 'policy/v1 PodDisruptionBudget',
      }),
    },
  ],
  validate,
  columns: [
    nameColumn,
    column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, 'integer'),
    ageColumn,
  ],
});

function validate({ spec }: PodDisruptionBudget): StatusCause[] {
  const causes: StatusCause[] = [];
  const { minAvailable, maxUnavailable } = spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    causes.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  if (minAvailable !== undefined) causes.push(...validateIntOrPercent('spec.minAvailable', minAvailable));
  if (maxUnavailable !== undefined) causes.push(...validateIntOrPercent('spec.maxUnavailable', maxUnavailable));
  return causes;
}
