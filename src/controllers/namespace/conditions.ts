import { formatTime } from '../../base/clock.ts';
import type { NamespaceCondition } from '../../api/types/core-v1.ts';
import type { Discovered } from '../discovery.ts';

/** What is left of a namespace's content, and what went wrong with removing it. */
export interface Leftover {
  discoveryFailures: Discovered['failures'];
  /** Messages of deletions that failed. */
  contentFailures: string[];
  /** How many objects of each resource are left: `pods.` or `deployments.apps`. */
  remaining: ReadonlyMap<string, number>;
  /** In how many of them each finalizer is set. */
  finalizers: ReadonlyMap<string, number>;
}

interface Rule {
  type: string;
  fine: { reason: string; message: string };
  problem: (leftover: Leftover) => { reason: string; message: string } | undefined;
}

const rules: readonly Rule[] = [
  {
    type: 'NamespaceDeletionDiscoveryFailure',
    fine: { reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    problem: ({ discoveryFailures: failures }) => {
      if (failures.length === 0) return undefined;
      const list = failures.map(({ groupVersion, message }) => `${groupVersion}: ${message}`).join(', ');
      const message = `Discovery failed for some groups, ${failures.length} failing: ${list}`;
      return { reason: 'DiscoveryFailed', message };
    },
  },
  {
    type: 'NamespaceDeletionGroupVersionParsingFailure',
    fine: { reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    problem: () => undefined,
  },
  {
    type: 'NamespaceDeletionContentFailure',
    fine: {
      reason: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
    problem: ({ contentFailures: failures }) => {
      if (failures.length === 0) return undefined;
      const message = `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`;
      return { reason: 'ContentDeletionFailed', message };
    },
  },
  {
    type: 'NamespaceContentRemaining',
    fine: { reason: 'ContentRemoved', message: 'All content successfully removed' },
    problem: ({ remaining }) => {
      if (remaining.size === 0) return undefined;
      const list = sorted(remaining).map(([resource, count]) => `${resource} has ${count} resource instances`);
      return { reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${list.join(', ')}` };
    },
  },
  {
    type: 'NamespaceFinalizersRemaining',
    fine: { reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
    problem: ({ finalizers }) => {
      if (finalizers.size === 0) return undefined;
      const list = sorted(finalizers).map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
      const message = `Some content in the namespace has finalizers remaining: ${list.join(', ')}`;
      return { reason: 'SomeFinalizersRemain', message };
    },
  },
];

/** The conditions of a namespace that is being emptied; undefined when they say so already. */
export function deletionConditions(
  current: readonly NamespaceCondition[],
  leftover: Leftover,
  now: number,
): NamespaceCondition[] | undefined {
  let changed = false;
  const conditions = [...current];
  for (const { type, fine, problem } of rules) {
    const trouble = problem(leftover);
    const next = { type, status: trouble ? 'True' : 'False', ...(trouble ?? fine) };
    const index = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[index];
    if (old?.status === next.status && old.reason === next.reason && old.message === next.message) continue;
    changed = true;
    const lastTransitionTime = (old?.status === next.status && old.lastTransitionTime) || formatTime(now);
    if (index < 0) conditions.push({ ...next, lastTransitionTime });
    else conditions[index] = { ...next, lastTransitionTime };
  }
  return changed ? conditions : undefined;
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
