import { jsonEquals } from '../../api/plain-json.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../api/types/rbac-v1.ts';
import type { PriorityClass } from '../../api/types/scheduling-v1.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  flowSchemas,
  namespaces,
  priorityClasses,
  priorityLevelConfigurations,
  roleBindings,
  roles,
} from '../admission/lookup.ts';
import type { Collection } from '../admission/lookup.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from '../flow-control/default-objects.ts';
import { collect } from './aggregation.ts';
import {
  controllerNames,
  controllerRoles,
  defaultClusterBindings,
  defaultNamespacedRoles,
} from './default-controller-roles.ts';
import { defaultClusterRoles } from './default-roles.ts';
import { autoupdateAnnotation, bootstrapLabel, clusterRoleOf } from './default-rules.ts';
import { uncovered } from './rules.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

export interface DefaultObject {
  collection: Collection;
  object: KubeObject;
}

/**
 * Everything that an API server makes for itself before it serves, in the order in which it refers to itself. `now`: when,
 * in RFC 3339.
 */
export function defaultObjects(now: string): DefaultObject[] {
  const clusterRoleObjects = [...defaultClusterRoles, ...controllerRoles].map(clusterRoleOf);
  // Aggregated roles hold other aggregated roles (admin > edit > view): from the inside out.
  for (const name of ['view', 'edit', 'admin']) {
    const role = clusterRoleObjects.find((candidate) => candidate.metadata.name === name);
    if (role) role.rules = collect(role, clusterRoleObjects);
  }
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => ({
      collection: namespaces,
      object: namespaceNamed(name),
    })),
    ...clusterRoleObjects.map((object) => ({ collection: clusterRoles, object })),
    ...clusterBindings().map((object) => ({ collection: clusterRoleBindings, object })),
    ...defaultNamespacedRoles.flatMap((role) => [
      { collection: roles, object: roleNamed(role.namespace, role.name, role.rules) },
      { collection: roleBindings, object: roleBindingOf(role) },
    ]),
    { collection: priorityClasses, object: priorityClass('system-cluster-critical', 2_000_000_000, 'for') },
    { collection: priorityClasses, object: priorityClass('system-node-critical', 2_000_001_000, 'to') },
    ...defaultPriorityLevels().map((object) => ({ collection: priorityLevelConfigurations, object })),
    ...defaultFlowSchemas(now).map((object) => ({ collection: flowSchemas, object })),
  ];
}

/**
 * `stored` brought up to the default: rules and subjects that are missing are added, what people added stays.
 * Undefined when nothing is missing, or when the object is marked to be left alone. Upstream's auto-reconciliation.
 */
export function reconciled(stored: KubeObject, wanted: KubeObject): KubeObject | undefined {
  if (stored.metadata.annotations?.[autoupdateAnnotation] === 'false') return undefined;
  if (isRole(wanted)) return reconciledRole(stored, wanted);
  return isBinding(wanted) ? reconciledBinding(stored as RoleBinding, wanted) : undefined;
}

function reconciledRole(stored: Role, wanted: Role): KubeObject | undefined {
  // The rules of an aggregated role are computed, not reconciled.
  const isSame = 'aggregationRule' in wanted || jsonEquals(stored.rules, wanted.rules);
  const missing = isSame ? [] : uncovered(stored.rules ?? [], wanted.rules ?? []);
  const metadata = withDefaults(stored, wanted);
  if (missing.length === 0 && metadata === undefined) return undefined;
  const lost = (wanted.rules ?? []).filter((rule) => uncovered(stored.rules ?? [], [rule]).length > 0);
  return { ...stored, metadata: metadata ?? stored.metadata, rules: [...(stored.rules ?? []), ...lost] } as KubeObject;
}

function reconciledBinding(stored: RoleBinding, wanted: RoleBinding): KubeObject | undefined {
  const present = new Set((stored.subjects ?? []).map(subjectKey));
  const missing = (wanted.subjects ?? []).filter((subject) => !present.has(subjectKey(subject)));
  const metadata = withDefaults(stored, wanted);
  if (missing.length === 0 && metadata === undefined) return undefined;
  return {
    ...stored,
    metadata: metadata ?? stored.metadata,
    subjects: [...(stored.subjects ?? []), ...missing],
  } as KubeObject;
}

/** The stored metadata with default labels and annotations put back; undefined when all are there. */
function withDefaults(stored: KubeObject, wanted: KubeObject): KubeObject['metadata'] | undefined {
  const lacks = (have: Record<string, string> | undefined, want: Record<string, string> | undefined): boolean =>
    Object.keys(want ?? {}).some((key) => have?.[key] === undefined);
  const { labels, annotations } = stored.metadata;
  if (!lacks(labels, wanted.metadata.labels) && !lacks(annotations, wanted.metadata.annotations)) return undefined;
  return {
    ...stored.metadata,
    labels: { ...wanted.metadata.labels, ...labels },
    annotations: { ...wanted.metadata.annotations, ...annotations },
  };
}

function isRole(object: KubeObject): object is Role {
  return object.kind === 'ClusterRole' || object.kind === 'Role';
}

function isBinding(object: KubeObject): object is RoleBinding {
  return object.kind === 'ClusterRoleBinding' || object.kind === 'RoleBinding';
}

function subjectKey(subject: Subject): string {
  return `${subject.kind}/${subject.namespace ?? ''}/${subject.name}`;
}

function namespaceNamed(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  } as KubeObject;
}

function priorityClass(name: string, value: number, word: 'for' | 'to'): PriorityClass {
  const purpose =
    word === 'for'
      ? 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.'
      : 'Used for system critical pods that must not be moved from their current node.';
  return {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name, generation: 1 },
    value,
    description: purpose,
    preemptionPolicy: 'PreemptLowerPriority',
  };
}

function defaultMetadata(name: string, namespace?: string): KubeObject['metadata'] {
  return {
    name,
    ...(namespace && { namespace }),
    labels: { ...bootstrapLabel },
    annotations: { [autoupdateAnnotation]: 'true' },
  };
}

function roleNamed(namespace: string, name: string, rules: PolicyRule[]): Role {
  return { apiVersion: `${rbacGroup}/v1`, kind: 'Role', metadata: defaultMetadata(name, namespace), rules };
}

function roleBindingOf(role: (typeof defaultNamespacedRoles)[number]): RoleBinding {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: 'RoleBinding',
    metadata: defaultMetadata(role.binding ?? role.name, role.namespace),
    subjects: role.subjects.map(subjectOf),
    roleRef: { apiGroup: rbacGroup, kind: 'Role', name: role.name },
  };
}

function clusterBindings(): ClusterRoleBinding[] {
  const ofControllers = controllerNames.map((name) => ({
    role: `system:controller:${name}`,
    binding: undefined,
    subjects: [`sa:kube-system:${name}`],
  }));
  return [...defaultClusterBindings, ...ofControllers].map(({ role, binding, subjects }) => ({
    apiVersion: `${rbacGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: defaultMetadata(binding ?? role),
    ...(subjects.length > 0 && { subjects: subjects.map(subjectOf) }),
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
  }));
}

/** `user:<name>`, `group:<name>`, `sa:<namespace>:<name>`. */
function subjectOf(text: string): Subject {
  const [type, ...rest] = text.split(':');
  if (type === 'sa') return { kind: 'ServiceAccount', namespace: rest[0] ?? '', name: rest.slice(1).join(':') };
  return { apiGroup: rbacGroup, kind: type === 'user' ? 'User' : 'Group', name: rest.join(':') };
}
