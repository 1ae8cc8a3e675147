import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.ts';

export interface DefaultRole {
  name: string;
  rules: PolicyRule[];
  /** Gives this role's rules to `admin`, `edit` or `view`. */
  aggregateTo?: 'admin' | 'edit' | 'view';
  /** Collects the rules of the roles aggregated to it. */
  collects?: 'admin' | 'edit' | 'view';
}

const words = (text: string): string[] => text.split(' ').sort();

/** Lists are written as words; the group '' is written `core`. */
export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups.replaceAll('core', '')),
    resources: words(resources),
    ...(names !== undefined && { resourceNames: words(names) }),
  };
}

export function urls(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}

export const read = 'get list watch';
export const write = 'create delete deletecollection patch update';
/** Events, in both of their groups. */
export const recordEvents = rule('create patch update', 'core events.k8s.io', 'events');

export const bootstrapLabel = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
/** Set to "false" by people who want to keep their changes to a default role. */
export const autoupdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

/** The stored object that a default stands for, without what the server fills in. */
export function clusterRoleOf(role: DefaultRole): ClusterRole {
  const selector = role.collects && `rbac.authorization.k8s.io/aggregate-to-${role.collects}`;
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: {
      name: role.name,
      labels: {
        ...bootstrapLabel,
        ...(role.aggregateTo && { [`rbac.authorization.k8s.io/aggregate-to-${role.aggregateTo}`]: 'true' }),
      },
      annotations: { [autoupdateAnnotation]: 'true' },
    },
    ...(selector && { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [selector]: 'true' } }] } }),
    rules: role.rules,
  };
}
