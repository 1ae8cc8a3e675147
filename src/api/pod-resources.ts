import { quantityToMilli, quantityToNumber } from './quantity.ts';
import type { Container, Pod } from './types/core-v1.ts';

/** Amounts by resource name: cpu in millicores, everything else in whole units (bytes for memory). */
export type ResourceAmounts = ReadonlyMap<string, number>;

const cache = new WeakMap<Pod, ResourceAmounts>();

/**
 * What the pod asks of a node: the sum of its containers and sidecars, or the largest init container where that is more
 * (with the sidecars started before it), plus overhead (KEP-753). Stored pods are frozen, so the answer is kept with
 * them.
 */
export function podRequests(pod: Pod): ResourceAmounts {
  const known = cache.get(pod);
  if (known) return known;
  const spec = pod.spec;
  const total = new Map<string, number>();
  for (const container of spec?.containers ?? []) addTo(total, containerRequests(container));
  const sidecars = new Map<string, number>();
  const initPeak = new Map<string, number>();
  for (const container of spec?.initContainers ?? []) {
    const requests = containerRequests(container);
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
  if (spec?.overhead) addTo(total, amountsOf(spec.overhead));
  if (Object.isFrozen(pod)) cache.set(pod, total);
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
