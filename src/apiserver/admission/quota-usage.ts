import { isPodFinished } from '../../api/pod-phase.ts';
import { addQuantities, compareQuantities } from '../../api/quantity.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Container, PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../../api/types/core-v1.ts';
import { storageClassAnnotation } from '../../api/well-known.ts';

/** Amounts by the names that quotas use: `pods`, `requests.cpu`, `count/deployments.apps` … */
export type Usage = Record<string, string>;

/** Kinds whose plain name is a quota's name too. */
const namedPlainly = new Set([
  'pods',
  'services',
  'persistentvolumeclaims',
  'configmaps',
  'secrets',
  'replicationcontrollers',
  'resourcequotas',
]);

/** What one object uses (concepts/policy/resource-quotas). */
export function usageOf(group: string, plural: string, object: KubeObject): Usage {
  const count: Usage = { [`count/${group === '' ? plural : `${plural}.${group}`}`]: '1' };
  if (group !== '') return count;
  if (plural === 'pods') {
    const pod = object as unknown as Pod;
    // What has ended uses a place in the store, and nothing else.
    return isPodFinished(pod) ? count : { ...count, pods: '1', ...podUsage(pod) };
  }
  if (namedPlainly.has(plural)) count[plural] = '1';
  if (plural === 'services') return { ...count, ...serviceUsage(object) };
  if (plural === 'persistentvolumeclaims') return { ...count, ...claimUsage(object) };
  return count;
}

function podUsage(pod: Pod): Usage {
  const usage: Usage = {};
  for (const field of ['requests', 'limits'] as const) {
    for (const [name, amount] of Object.entries(podAmounts(pod, field))) {
      usage[`${field}.${name}`] = amount;
      // The plain names mean requests.
      if (field === 'requests' && ['cpu', 'memory', 'ephemeral-storage'].includes(name)) usage[name] = amount;
    }
  }
  return usage;
}

/** Containers and sidecars together, or the largest step of initialisation where that is more, or what the pod says of itself; and overhead. */
function podAmounts(pod: Pod, field: 'requests' | 'limits'): Usage {
  const total: Usage = {};
  const sidecars: Usage = {};
  const peak: Usage = {};
  const amounts = (container: Container): Usage => container.resources?.[field] ?? {};
  for (const container of pod.spec?.containers ?? []) addTo(total, amounts(container));
  for (const container of pod.spec?.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      addTo(total, amounts(container));
      addTo(sidecars, amounts(container));
    }
    const step = { ...sidecars };
    if (container.restartPolicy !== 'Always') addTo(step, amounts(container));
    for (const [name, amount] of Object.entries(step)) if (exceeds(amount, peak[name])) peak[name] = amount;
  }
  for (const [name, amount] of Object.entries(peak)) if (exceeds(amount, total[name])) total[name] = amount;
  Object.assign(total, pod.spec?.resources?.[field]);
  for (const [name, amount] of Object.entries(pod.spec?.overhead ?? {})) {
    if (field === 'requests' || total[name] !== undefined) addTo(total, { [name]: amount });
  }
  return total;
}

function serviceUsage(service: Service): Usage {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {};
  if (type === 'NodePort') return { 'services.nodeports': String(ports.length) };
  if (type !== 'LoadBalancer') return {};
  const nodePorts =
    allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort).length : ports.length;
  return { 'services.loadbalancers': '1', 'services.nodeports': String(nodePorts) };
}

function claimUsage(claim: PersistentVolumeClaim): Usage {
  const storage = claim.spec?.resources?.requests?.storage;
  const annotated = claim.metadata.annotations?.[storageClassAnnotation];
  const storageClass = annotated ?? claim.spec?.storageClassName;
  const prefix = `${storageClass ?? ''}.storageclass.storage.k8s.io/`;
  return {
    ...(storage !== undefined && { 'requests.storage': storage }),
    ...(storageClass && { [`${prefix}persistentvolumeclaims`]: '1' }),
    ...(storageClass && storage !== undefined && { [`${prefix}requests.storage`]: storage }),
  };
}

/** Does the quota speak of this object? Scopes select pods; a quota with scopes says nothing about other kinds. */
export function inScope(quota: ResourceQuota, plural: string, object: KubeObject): boolean {
  const { scopes = [], scopeSelector } = quota.spec ?? {};
  const wanted = [
    ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
  if (wanted.length === 0) return true;
  if (plural !== 'pods') return false;
  return wanted.every((requirement) => matchesScope(object as unknown as Pod, requirement));
}

function matchesScope(pod: Pod, requirement: { scopeName: string; operator: string; values?: string[] }): boolean {
  const { spec } = pod;
  switch (requirement.scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return matchesPriorityClass(spec?.priorityClassName ?? '', requirement);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

function matchesPriorityClass(
  name: string,
  { operator, values = [] }: { operator: string; values?: string[] },
): boolean {
  if (operator === 'Exists') return name !== '';
  if (operator === 'DoesNotExist') return name === '';
  return operator === 'In' ? values.includes(name) : !values.includes(name);
}

function isBestEffort(pod: Pod): boolean {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.every(({ resources }) =>
    ['cpu', 'memory'].every((name) => !resources?.requests?.[name] && !resources?.limits?.[name]),
  );
}

function crossesNamespaces(pod: Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined);
}

/** Adds `amounts` into `target`. */
export function addTo(target: Usage, amounts: Usage): void {
  for (const [name, amount] of Object.entries(amounts)) target[name] = addQuantities(target[name] ?? '0', amount);
}

function exceeds(amount: string, other: string | undefined): boolean {
  return other === undefined || compareQuantities(amount, other) > 0;
}

/** Containers that say nothing about a resource on which the quota counts: `limits.cpu for: web,db`. */
export function unspecified(quota: ResourceQuota, pod: Pod): string[] {
  const counted = Object.keys(quota.spec?.hard ?? {}).filter((name) =>
    /^((requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.test(name),
  );
  return counted.sort().flatMap((name) => {
    const [field, resource] = name.includes('.')
      ? (name.split('.') as ['requests' | 'limits', string])
      : (['requests', name] as const);
    // Ephemeral storage counts where it is asked for, and need not be.
    if (resource === 'ephemeral-storage') return [];
    const silent = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].filter(
      (container) => container.resources?.[field]?.[resource] === undefined,
    );
    return silent.length > 0 ? [`${name} for: ${silent.map((container) => container.name).join(',')}`] : [];
  });
}
