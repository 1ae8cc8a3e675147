import type { PodCondition, PodStatus } from '../api/types/core-v1.ts';

/**
 * The strategic merge patch that turns one pod status into another; undefined when there is nothing to change. Only
 * the agent's own conditions are sent (the list merges by type, so others keep theirs); other lists are sent whole.
 */
export function statusPatch(old: PodStatus, next: PodStatus): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  const before = old as Record<string, unknown>;
  const after = next as Record<string, unknown>;
  for (const [key, value] of Object.entries(after)) {
    if (key === 'conditions' || sameJson(before[key], value)) continue;
    patch[key] = (key === 'podIPs' || key === 'hostIPs') && before[key] ? [...(value as object[]), replace] : value;
  }
  for (const key of ['reason', 'message']) if (before[key] !== undefined && after[key] === undefined) patch[key] = null;
  const conditions = changedConditions(old.conditions ?? [], next.conditions ?? []);
  if (conditions.length > 0) patch['conditions'] = conditions;
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** These lists merge by address; a pod that got another one must lose the old (strategic merge directive). */
const replace = { $patch: 'replace' };

/** Conditions that are there only while what they say is so. */
const passing = ['PodResizePending', 'PodResizeInProgress'];

function changedConditions(old: readonly PodCondition[], next: readonly PodCondition[]): object[] {
  const over = old.filter(({ type }) => passing.includes(type) && next.every((condition) => condition.type !== type));
  const changed = next.flatMap((condition) => {
    const before = old.find((candidate) => candidate.type === condition.type);
    if (before && sameJson(withoutNulls(before), condition)) return [];
    const gone = (['reason', 'message'] as const).filter((key) => before?.[key] && condition[key] === undefined);
    return [{ ...condition, ...Object.fromEntries(gone.map((key) => [key, null])) }];
  });
  return [...changed, ...over.map(({ type }) => ({ type, $patch: 'delete' }))];
}

function withoutNulls(condition: PodCondition): object {
  return Object.fromEntries(Object.entries(condition).filter(([, value]) => value !== null && value !== undefined));
}

/** Equal as JSON, whatever the order of the keys; an empty map or list equals an absent one. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => sameJson(left[key], right[key]));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}
