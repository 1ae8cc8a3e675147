import { amountsOf, podRequests } from '../api/pod-resources.ts';
import { compareQuantities } from '../api/quantity.ts';
import type { Container, ContainerStatus, Node, Pod, ResourceRequirements } from '../api/types/core-v1.ts';
import { missingResource } from './node-admission.ts';
import { currentOf, type ObservedPod } from './pod-observation.ts';
import { appContainersOf, initContainersOf, type PodContainer } from './pod-spec.ts';
import type { ContainerStatusInfo } from './runtime.ts';

/** What the node has given to a pod and its containers, by name; '' is the pod as a whole (KEP-1287). */
export type Allocation = ReadonlyMap<string, ResourceRequirements>;

/** The annotation that carries the resources a container was made with, as JSON. */
export const resourcesAnnotation = 'io.kubernetes.container.resources';

const computing = ['cpu', 'memory'] as const;

function resizable(pod: Pod): PodContainer[] {
  return [...initContainersOf(pod).filter(({ role }) => role === 'sidecar'), ...appContainersOf(pod)];
}

/** What the pod's spec wants. */
export function wantedAllocation(pod: Pod): Allocation {
  const wanted = new Map(resizable(pod).map(({ spec }) => [spec.name, spec.resources ?? {}]));
  if (pod.spec?.resources) wanted.set('', pod.spec.resources);
  return wanted;
}

/** What an earlier agent gave to the pod, as its status has it; what that does not say is what the spec wants. */
export function knownAllocation(pod: Pod): Allocation {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const known = new Map(wantedAllocation(pod));
  for (const { name, allocatedResources, resources } of [...containerStatuses, ...initContainerStatuses]) {
    const wanted = known.get(name);
    if (!wanted || !allocatedResources) continue;
    known.set(name, {
      ...wanted,
      requests: allocatedResources,
      ...(resources?.limits && { limits: resources.limits }),
    });
  }
  return known;
}

/** Is the same given? */
export function sameAllocation(a: Allocation, b: Allocation): boolean {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].every((name) => changedResources(a.get(name), b.get(name)).length === 0);
}

/** The pod with what it was given in the place of what it wants. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  const { spec } = pod;
  if (!spec || sameAllocation(wantedAllocation(pod), allocation)) return pod;
  const given = (container: Container): Container => {
    const resources = allocation.get(container.name);
    return resources ? { ...container, resources } : container;
  };
  const whole = allocation.get('');
  return {
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.map(given),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(given) }),
      ...(whole && { resources: whole }),
    },
  };
}

/** A condition of the pod about its resize. */
export interface ResizeVerdict {
  type: 'PodResizePending' | 'PodResizeInProgress';
  status: 'True';
  reason?: string;
  message?: string;
}

export interface ResizeRefusal {
  reason: 'Deferred' | 'Infeasible';
  message: string;
}

/**
 * May the pod have what it wants? Undefined when it may. `Infeasible`: the node never has as much; `Deferred`: it has not
 * now. Reasons and messages are upstream's.
 */
export function resizeRefusal(options: { pod: Pod; active: Iterable<Pod>; node: Node }): ResizeRefusal | undefined {
  const { pod, node } = options;
  const allocatable = amountsOf(node.status?.allocatable ?? {});
  for (const name of computing) {
    const requested = podRequests(pod).get(name) ?? 0;
    const capacity = allocatable.get(name) ?? 0;
    if (requested <= capacity) continue;
    const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`;
    return { reason: 'Infeasible', message };
  }
  const others = [...options.active].filter((other) => other.metadata.uid !== pod.metadata.uid);
  const missing = missingResource(pod, others, node);
  if (!missing) return undefined;
  const figures = `requested: ${missing.requested}, used: ${missing.used}, capacity: ${missing.capacity}`;
  return { reason: 'Deferred', message: `Node didn't have enough resource: ${missing.name}, ${figures}` };
}

/** The resources that a running container was made with. */
export function resourcesMadeWith({ annotations }: ContainerStatusInfo): ResourceRequirements | undefined {
  const text = annotations[resourcesAnnotation];
  return text === undefined ? undefined : (JSON.parse(text) as ResourceRequirements);
}

/** Must this container be made anew, since it was made with less or more of something that it is to restart for? */
export function resizeRestarts({ spec, role }: PodContainer, current: ContainerStatusInfo): boolean {
  const policies = 'resizePolicy' in spec ? (spec.resizePolicy ?? []) : [];
  if (role === 'ephemeral' || policies.every(({ restartPolicy }) => restartPolicy !== 'RestartContainer')) return false;
  const made = resourcesMadeWith(current);
  if (!made) return false;
  return changedResources(made, spec.resources).some((name) =>
    policies.some((policy) => policy.resourceName === name && policy.restartPolicy === 'RestartContainer'),
  );
}

export interface ContainerResize {
  container: PodContainer;
  current: ContainerStatusInfo;
}

/** Running containers that have other resources than they were given, and are to get them as they run. */
export function pendingResizes(
  pod: Pod,
  observed: ObservedPod,
  resourcesOf: (current: ContainerStatusInfo) => ResourceRequirements | undefined,
): ContainerResize[] {
  return resizable(pod).flatMap((container) => {
    const current = currentOf(observed, container.spec.name);
    const actual = current?.state === 'running' ? resourcesOf(current) : undefined;
    if (!current || !actual || changedResources(actual, container.spec.resources).length === 0) return [];
    return [{ container, current }];
  });
}

/** cpu and memory, where requests or limits differ. */
function changedResources(a: ResourceRequirements = {}, b: ResourceRequirements = {}): string[] {
  return computing.filter((name) =>
    (['requests', 'limits'] as const).some((list) => {
      const [one, other] = [a[list]?.[name], b[list]?.[name]];
      return one === undefined || other === undefined ? one !== other : compareQuantities(one, other) !== 0;
    }),
  );
}

/** Resources as events and statuses of resizes tell them. */
export function allocationText(pod: Pod, generation: number, error?: string): string {
  const containers = resizable(pod).map(({ spec }) => ({ name: spec.name, resources: spec.resources ?? {} }));
  return JSON.stringify({ containers, generation, ...(error !== undefined && { error }) });
}

/** What the API shows of a container's resources while it runs. */
export function shownResources(
  { spec }: PodContainer,
  actual: ResourceRequirements | undefined,
): Partial<ContainerStatus> {
  const { requests: allocatedResources } = spec.resources ?? {};
  const { requests, limits } = actual ?? spec.resources ?? {};
  return {
    ...(allocatedResources && { allocatedResources }),
    resources: { ...(limits && { limits }), ...(requests && { requests }) },
  };
}
