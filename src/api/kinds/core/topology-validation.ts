import { qualifiedName } from '../../names.ts';
import type { TopologySpreadConstraint } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { duplicate, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validateLabelSelector } from '../label-selector-validation.ts';

const actions = ['DoNotSchedule', 'ScheduleAnyway'];
const inclusionPolicies = ['Honor', 'Ignore'];

export function validateTopologySpread(
  causes: StatusCause[],
  constraints: readonly TopologySpreadConstraint[],
  path: string,
): void {
  const seen = new Set<string>();
  constraints.forEach((constraint, index) => {
    const at = `${path}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint;
    if (!(maxSkew > 0)) causes.push(invalidValue(`${at}.maxSkew`, maxSkew, 'must be greater than 0'));
    if (!topologyKey) causes.push(required(`${at}.topologyKey`, 'can not be empty'));
    else
      for (const text of qualifiedName(topologyKey)) causes.push(invalidValue(`${at}.topologyKey`, topologyKey, text));
    if (!actions.includes(whenUnsatisfiable)) {
      causes.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, actions));
    }
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (seen.has(pair)) causes.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    if (minDomains !== undefined) {
      if (minDomains <= 0) causes.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than 0'));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const rule = 'can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway';
        causes.push(invalidValue(`${at}.minDomains`, minDomains, rule));
      }
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const value = constraint[field];
      if (value !== undefined && !inclusionPolicies.includes(value)) {
        causes.push(notSupported(`${at}.${field}`, value, inclusionPolicies));
      }
    }
    causes.push(...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`));
  });
}
