import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.ts';

/**
 * The rules that an aggregated role has by its `aggregationRule`: those of every role that a selector matches, in the
 * order of the roles' names, each rule once (rbac.authorization.k8s.io/v1 ClusterRole).
 */
export function collect(role: ClusterRole, all: Iterable<ClusterRole>): PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const chosen = [...all]
    .filter((other) => other.metadata.name !== role.metadata.name)
    .filter((other) => selectors.some((selector) => selects(selector, other.metadata.labels ?? {})))
    .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const rule of chosen.flatMap((other) => other.rules ?? [])) rules.set(JSON.stringify(rule), rule);
  return [...rules.values()];
}

function selects(selector: LabelSelector, labels: Record<string, string>): boolean {
  const pairs = Object.entries(selector.matchLabels ?? {});
  return (
    pairs.every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const among = value !== undefined && values.includes(value);
      return operator === 'In' ? among : !among;
    })
  );
}
