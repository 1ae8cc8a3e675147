import type { AnyObject } from '../../object.ts';
import type { LabelSelector, StatusCause } from '../../types/meta-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../types/policy-v1.ts';
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
  allowUnconditionalUpdate: false,
  status: true,
  otherVersions: [
    {
      group: 'policy',
      version: 'v1beta1',
      type: schemaType('policy', 'v1beta1', 'PodDisruptionBudget'),
      toStorage: fromV1beta1,
      fromStorage: toV1beta1,
      deprecation: deprecated('policy/v1beta1', 'PodDisruptionBudget', {
        since: 21,
        removed: 25,
        use: 'policy/v1 PodDisruptionBudget',
      }),
    },
  ],
  prepareForCreate: (object) => {
    object.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate,
  columns: [
    nameColumn,
    column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, 'integer'),
    ageColumn,
  ],
});

/** Says in v1 what an empty selector meant in v1beta1, and the other way round: no pod carries this label. */
const marker = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';

/** An empty selector selected nothing in v1beta1; it selects everything in v1. */
function fromV1beta1(object: AnyObject): void {
  const spec = object.spec as PodDisruptionBudgetSpec | undefined;
  if (!spec) return;
  const selector = spec.selector ?? {};
  if (isEmpty(selector)) spec.selector = { matchExpressions: [{ key: marker, operator: 'Exists' }] };
  else if (isMarked(selector, 'DoesNotExist')) spec.selector = {};
}

function toV1beta1(object: AnyObject): void {
  const spec = object.spec as PodDisruptionBudgetSpec | undefined;
  if (!spec?.selector) return;
  if (isMarked(spec.selector, 'Exists')) spec.selector = {};
  else if (isEmpty(spec.selector)) spec.selector = { matchExpressions: [{ key: marker, operator: 'DoesNotExist' }] };
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

function isMarked({ matchLabels, matchExpressions = [] }: LabelSelector, operator: string): boolean {
  const [only, ...more] = matchExpressions;
  return matchLabels === undefined && more.length === 0 && only?.key === marker && only.operator === operator;
}

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
