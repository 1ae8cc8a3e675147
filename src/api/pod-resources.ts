import { quantityToMilli, quantityToNumber } from './quantity.ts';
import type { Container, Pod } from './types/core-v1.ts';

/** Amounts by resource name: cpu in millicores, everything else in whole units (bytes for memory). */
export type ResourceAmounts = ReadonlyMap<string, number>;

const asked = new WeakMap<Pod, ResourceAmounts>();
const held = new WeakMap<Pod, ResourceAmounts>();

/**
 * What the pod asks of a node: the sum of its containers and sidecars, or the largest init container where that is more
 * (with the sidecars started before it), or what it says of itself as a whole (KEP-2837), plus overhead (KEP-753).
 * Stored pods are frozen, so the answer is kept with them.
 */
export function podRequests(pod: Pod): ResourceAmounts {
  return kept(asked, pod, (container) => containerRequests(container));
}

/**
 * What the pod may take of its node while it is resized (KEP-1287): the most of what it asks for, was given and has;
 * what it asks for in vain does not count.
 */
export function heldRequests(pod: Pod): ResourceAmounts {
  const { containerStatuses, initContainerStatuses, conditions = [] } = pod.status ?? {};
  const given = [...(containerStatuses ?? []), ...(initContainerStatuses ?? [])].filter(
    ({ allocatedResources, resources }) => allocatedResources ?? resources,
  );
  if (given.length === 0) return podRequests(pod);
  const isInfeasible = conditions.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible');
  return kept(held, pod, (container) => {
    const status = given.find(({ name }) => name === container.name);
    if (!status) return containerRequests(container);
    const most = new Map<string, number>();
    if (!isInfeasible) raiseTo(most, containerRequests(container));
    if (status.allocatedResources) raiseTo(most, amountsOf(status.allocatedResources));
    if (status.resources?.requests) raiseTo(most, amountsOf(status.resources.requests));
    return most;
  });
}

type RequestsOf = (container: Container) => ResourceAmounts;

function kept(cache: WeakMap<Pod, ResourceAmounts>, pod: Pod, requestsOf: RequestsOf): ResourceAmounts {
  const known = cache.get(pod);
  if (known) return known;
  const total = totalRequests(pod, requestsOf);
  if (Object.isFrozen(pod)) cache.set(pod, total);
  return total;
}

function totalRequests({ spec }: Pod, requestsOf: RequestsOf): ResourceAmounts {
  const total = new Map<string, number>();
  for (const container of spec?.containers ?? []) addTo(total, requestsOf(container));
  const sidecars = new Map<string, number>();
  const initPeak = new Map<string, number>();
  for (const container of spec?.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      addTo(total, requests);
      addTo(sidecars, requests);
      raiseTo(initPeak, sidecars);
    } else {
      const atOnce = new Map(sidecars);
      addTo(atOnce, requests);
      raiseTo(initPeak, atOnce);
    }
  }
  raiseTo(total, initPeak);
  for (const [name, amount] of amountsOf(spec?.resources?.requests ?? {})) total.set(name, amount);
  if (spec?.overhead) addTo(total, amountsOf(spec.overhead));
  return total;
}

/** A resource list as numbers. */
export function amountsOf(list: Record<string, string>): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(list)) {
    amounts.set(name, name === 'cpu' ? quantityToMilli(quantity) : quantityToNumber(quantity));
  }
  return amounts;
}

function containerRequests(container: Container): ResourceAmounts {
  return container.resources?.requests ? amountsOf(container.resources.requests) : empty;
}

const empty: ResourceAmounts = new Map();

function addTo(target: Map<string, number>, amounts: ResourceAmounts): void {
  for (const [name, amount] of amounts) target.set(name, (target.get(name) ?? 0) + amount);
}

function raiseTo(target: Map<string, number>, amounts: ResourceAmounts): void {
  for (const [name, amount] of amounts) target.set(name, Math.max(target.get(name) ?? 0, amount));
}
