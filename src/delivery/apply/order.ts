import { parseApiVersion } from '../../api/object.ts';

/**
 * Kinds in the order in which they are installed, as Helm's documentation lists them: what others stand on comes
 * first. Kinds that are not listed come after them, by name.
 */
const installOrder: readonly string[] = [
  'PriorityClass',
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodSecurityPolicy',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'SecretList',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleList',
  'ClusterRoleBinding',
  'ClusterRoleBindingList',
  'Role',
  'RoleList',
  'RoleBinding',
  'RoleBindingList',
  'Service',
  'DaemonSet',
  'Pod',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'IngressClass',
  'Ingress',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
];

/** The way back, which is not quite the reverse: services and endpoints go before what serves them. */
const uninstallOrder: readonly string[] = [
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'APIService',
  'Ingress',
  'IngressClass',
  'Service',
  'CronJob',
  'Job',
  'StatefulSet',
  'HorizontalPodAutoscaler',
  'Deployment',
  'ReplicaSet',
  'ReplicationController',
  'Pod',
  'DaemonSet',
  'RoleBindingList',
  'RoleBinding',
  'RoleList',
  'Role',
  'ClusterRoleBindingList',
  'ClusterRoleBinding',
  'ClusterRoleList',
  'ClusterRole',
  'CustomResourceDefinition',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
  'ConfigMap',
  'SecretList',
  'Secret',
  'ServiceAccount',
  'PodDisruptionBudget',
  'PodSecurityPolicy',
  'LimitRange',
  'ResourceQuota',
  'NetworkPolicy',
  'Namespace',
  'PriorityClass',
];

const places = {
  install: new Map(installOrder.map((kind, index) => [kind, index])),
  uninstall: new Map(uninstallOrder.map((kind, index) => [kind, index])),
};

/** Sorts by kind, stably: objects of one kind stay as they were given. */
export function sortByKind<T>(items: readonly T[], kindOf: (item: T) => string, order: keyof typeof places): T[] {
  const ranks = places[order];
  return items
    .map((item) => ({ item, kind: kindOf(item), rank: ranks.get(kindOf(item)) ?? ranks.size }))
    .toSorted((a, b) => a.rank - b.rank || (a.rank === ranks.size ? compare(a.kind, b.kind) : 0))
    .map(({ item }) => item);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One object among all: `apps/Deployment/shop/web`. The version does not count: objects are the same in all of them. */
export function identityOf(object: {
  apiVersion?: string;
  kind?: string;
  metadata: { name?: string; namespace?: string };
}): string {
  const { group } = parseApiVersion(object.apiVersion ?? '');
  return `${group}/${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;
}
