import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';

const old = podDisruptionBudget.versions.find(({ version }) => version === 'v1beta1')!;

describe('pod disruption budgets', () => {
  it('of v1beta1 with an empty selector still select nothing', () => {
    const object: AnyObject = { metadata: {}, spec: { minAvailable: 1, selector: {} } };
    old.toStorage?.(object);
    expect(object.spec).toMatchObject({ selector: { matchExpressions: [{ operator: 'Exists' }] } });
    old.fromStorage?.(object);
    expect(object.spec).toEqual({ minAvailable: 1, selector: {} });
  });

  it('name how many must stay or how many may go, not both', () => {
    const spec = { minAvailable: 1, maxUnavailable: '150%' };
    const found = podDisruptionBudget.validate?.({ metadata: {}, spec }).map(({ field }) => field);
    expect(found).toEqual(['spec', 'spec.maxUnavailable']);
  });
});
