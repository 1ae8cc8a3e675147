import { labelMatcher } from '../api/label-selector.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import { type Decision, type DecideOptions, nodeChecker, unavailable } from './decide.ts';
import { priorityOf, uidOf } from './pod-facts.ts';
import type { NodeInfo } from './snapshot.ts';

export type Preemption =
  | { kind: 'victims'; nodeName: string; victims: Pod[] }
  | {
      kind: 'none';
      /** The end of the FailedScheduling message: `preemption: …`. */
      message: string;
      /** The pod's nominated node, if any, is of no use any more. */
      isHopeless: boolean;
    };

export interface PreemptionOptions extends Pick<DecideOptions, 'cluster' | 'plugins' | 'nominations' | 'random'> {
  budgets: Iterable<PodDisruptionBudget>;
}

const notHelpful = 'Preemption is not helpful for scheduling';
const noVictims = 'No preemption victims found for incoming pod';

/** On a large cluster a good node among some is enough: a tenth of it, or this many. */
const minCandidates = 100;

/**
 * Pods of lower priority whose removal from one node lets `pod` run there (upstream: DefaultPreemption). Best is the
 * node that breaks the fewest disruption budgets, then whose highest victim has the lowest priority, then with the
 * lowest sum of priorities, the fewest victims, and whose most important victim started last.
 */
export function preempt(
  pod: Pod,
  { resolvable }: Extract<Decision, { kind: 'none' }>,
  options: PreemptionOptions,
): Preemption {
  const refusal = ineligible(pod, resolvable, options);
  if (refusal) return { kind: 'none', message: `preemption: ${refusal}`, isHopeless: false };
  const { cluster, random } = options;
  const wanted = Math.max(minCandidates, Math.floor(cluster.nodes.length / 10));
  const offset = resolvable.length > wanted ? random.int(resolvable.length) : 0;
  const budgets = [...options.budgets];
  const reasons: string[] = [];
  let best: Candidate | undefined;
  let found = 0;
  for (let i = 0; i < resolvable.length && found < wanted; i++) {
    const node = resolvable[(offset + i) % resolvable.length] as NodeInfo;
    const candidate = victimsOn(node, pod, budgets, options);
    if ('reasons' in candidate) {
      reasons.push(...candidate.reasons);
    } else {
      found++;
      if (!best || isBetter(candidate, best)) best = candidate;
    }
  }
  if (best) return { kind: 'victims', nodeName: best.nodeName, victims: best.victims };
  const total = cluster.nodes.length;
  for (let i = resolvable.length; i < total; i++) reasons.push(notHelpful);
  return { kind: 'none', message: `preemption: ${unavailable(total, reasons)}`, isHopeless: true };
}

function ineligible(
  pod: Pod,
  resolvable: readonly NodeInfo[],
  { cluster, nominations }: PreemptionOptions,
): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = cluster.node(nominations.nodeOf(uidOf(pod)) ?? '');
  if (!nominated || !resolvable.includes(nominated)) return undefined;
  for (const other of nominated.pods.values()) {
    if (priorityOf(other) < priorityOf(pod) && isLeavingForAnother(other)) {
      return 'not eligible due to a terminating pod on the nominated node.';
    }
  }
  return undefined;
}

function isLeavingForAnother({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (status?.conditions ?? []).some(
      ({ type, status: state, reason }) =>
        type === 'DisruptionTarget' && state === 'True' && reason === 'PreemptionByScheduler',
    )
  );
}

interface Candidate {
  nodeName: string;
  /** The most important first. */
  victims: Pod[];
  violations: number;
}

/**
 * The fewest pods that must go: all lower ones leave, then come back one by one, those under a disruption budget and
 * the more important first, while the pod still fits. Why not, when it would not fit even so. The cluster is left as it
 * was.
 */
function victimsOn(
  node: NodeInfo,
  pod: Pod,
  budgets: readonly PodDisruptionBudget[],
  options: PreemptionOptions,
): Candidate | { reasons: readonly string[] } {
  const { cluster } = options;
  if (![...node.priorities.keys()].some((priority) => priority < priorityOf(pod))) return { reasons: [noVictims] };
  const lower = [...node.pods.values()].filter((other) => priorityOf(other) < priorityOf(pod)).sort(byImportance);
  const gone = new Set<Pod>();
  const take = (other: Pod): void => {
    cluster.take(other, node.name);
    gone.add(other);
  };
  const put = (other: Pod): void => {
    cluster.put(other, node.name);
    gone.delete(other);
  };
  const check = (): readonly string[] | undefined => nodeChecker(pod, options)(node)?.reasons;
  try {
    for (const other of lower) take(other);
    const reasons = check();
    if (reasons) return { reasons };
    const { violating, others } = splitByBudgets(lower, budgets);
    let violations = 0;
    for (const other of [...violating, ...others]) {
      put(other);
      if (!check()) continue;
      take(other);
      if (violating.includes(other)) violations++;
    }
    return { nodeName: node.name, victims: lower.filter((other) => gone.has(other)), violations };
  } finally {
    for (const other of gone) cluster.put(other, node.name);
  }
}

/** Pods whose eviction, in this order, a disruption budget does not allow any more, and the others. */
function splitByBudgets(
  pods: readonly Pod[],
  budgets: readonly PodDisruptionBudget[],
): { violating: Pod[]; others: Pod[] } {
  const left = budgets.map((budget) => ({
    budget,
    matcher: labelMatcher(budget.spec?.selector),
    allowed: budget.status?.disruptionsAllowed ?? 0,
  }));
  const violating: Pod[] = [];
  const others: Pod[] = [];
  for (const pod of pods) {
    const labels = pod.metadata.labels;
    let isViolating = false;
    for (const entry of labels && Object.keys(labels).length > 0 ? left : []) {
      const { budget, matcher } = entry;
      if (budget.metadata.namespace !== pod.metadata.namespace || matcher.isEmpty || !matcher.matches(labels)) continue;
      if (budget.status?.disruptedPods?.[pod.metadata.name ?? ''] !== undefined) continue;
      if (--entry.allowed < 0) isViolating = true;
    }
    (isViolating ? violating : others).push(pod);
  }
  return { violating, others };
}

function startOf(pod: Pod): string {
  return pod.status?.startTime ?? '9999';
}

/** Higher priority first, then who started first. */
function byImportance(a: Pod, b: Pod): number {
  const [first, second] = [startOf(a), startOf(b)];
  return priorityOf(b) - priorityOf(a) || (first < second ? -1 : first > second ? 1 : 0);
}

/** Priorities are lifted above zero before they are added up, so that more victims always weigh more. */
const priorityLift = 2 ** 31;

function isBetter(a: Candidate, b: Candidate): boolean {
  const [costA, costB] = [costOf(a), costOf(b)];
  for (const [i, cost] of costA.entries()) {
    const other = costB[i] ?? 0;
    if (cost !== other) return cost < other;
  }
  return earliestStart(a) > earliestStart(b);
}

function costOf({ victims, violations }: Candidate): number[] {
  const priorities = victims.map(priorityOf);
  const sum = priorities.reduce((total, priority) => total + priority + priorityLift, 0);
  return [violations, priorities[0] ?? -Infinity, sum, victims.length];
}

/** When the first of the most important victims started. */
function earliestStart({ victims }: Candidate): string {
  const [first] = victims;
  return first ? startOf(first) : '';
}
