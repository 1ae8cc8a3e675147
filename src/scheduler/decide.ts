import type { Pod } from '../api/types/core-v1.ts';
import type { Random } from '../base/random.ts';
import type { ClusterEvent, Filter, NodeCheck, Score } from './plugin.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

export type Decision =
  | { kind: 'node'; name: string }
  | {
      kind: 'none';
      /** For the FailedScheduling event and the PodScheduled condition. */
      message: string;
      retryOn: ReadonlySet<ClusterEvent>;
      /** Nodes where evicting pods might help. */
      resolvable: readonly NodeInfo[];
    };

export interface Plugins {
  filters: readonly Filter[];
  scores: readonly Score[];
}

/** Below this many nodes all are looked at; above, enough of them (upstream's percentageOfNodesToScore: adaptive). */
const minFeasibleNodes = 100;

/**
 * Chooses a node for one pod. `startAt` rotates the node that is looked at first, so that a part of a large cluster is not
 * always the same part.
 */
export function decide(
  pod: Pod,
  snapshot: Snapshot,
  plugins: Plugins,
  { random, startAt }: { random: Random; startAt: number },
): Decision {
  const nodes = [...snapshot.nodes.values()];
  const checks = prepare(pod, snapshot, plugins.filters);
  const wanted = feasibleNodesWanted(nodes.length);
  const feasible: NodeInfo[] = [];
  const failures = new Failures();
  for (let i = 0; i < nodes.length && feasible.length < wanted; i++) {
    const node = nodes[(startAt + i) % nodes.length] as NodeInfo;
    const passed = checks.every(({ filter, check }) => {
      const failure = check(node);
      if (failure) failures.add(node, filter, failure.reasons, failure.unresolvable ?? false);
      return failure === null;
    });
    if (passed) feasible.push(node);
  }
  if (feasible.length === 0) return failures.decision(nodes.length);
  return { kind: 'node', name: best(pod, feasible, snapshot, { scores: plugins.scores, random }).name };
}

interface PreparedFilter {
  filter: Filter;
  check: NodeCheck;
}

function prepare(pod: Pod, snapshot: Snapshot, filters: readonly Filter[]): PreparedFilter[] {
  const prepared: PreparedFilter[] = [];
  for (const filter of filters) {
    const check = filter.prepare(pod, snapshot);
    if (check) prepared.push({ filter, check });
  }
  return prepared;
}

/** Would the pod fit on `node` alone? For preemption's what-if. */
export function fits(pod: Pod, node: NodeInfo, snapshot: Snapshot, filters: readonly Filter[]): boolean {
  return prepare(pod, snapshot, filters).every(({ check }) => check(node) === null);
}

function feasibleNodesWanted(count: number): number {
  if (count <= minFeasibleNodes) return count;
  const percentage = Math.max(5, 50 - Math.floor(count / 125));
  return Math.max(minFeasibleNodes, Math.floor((count * percentage) / 100));
}

/** The node with the highest weighted score; among equals a random one. */
function best(
  pod: Pod,
  nodes: readonly NodeInfo[],
  snapshot: Snapshot,
  { scores, random }: { scores: readonly Score[]; random: Random },
): NodeInfo {
  const only = nodes[0] as NodeInfo;
  if (nodes.length === 1) return only;
  const totals = new Float64Array(nodes.length);
  for (const score of scores) {
    const values = score.score(pod, nodes, snapshot);
    if (!values) continue;
    for (let i = 0; i < values.length; i++) totals[i] = (totals[i] ?? 0) + score.weight * (values[i] ?? 0);
  }
  let chosen = 0;
  let ties = 1;
  for (let i = 1; i < nodes.length; i++) {
    const [total, highest] = [totals[i] ?? 0, totals[chosen] ?? 0];
    if (total > highest) {
      chosen = i;
      ties = 1;
    } else if (total === highest && random.int(++ties) === 0) {
      chosen = i;
    }
  }
  return nodes[chosen] as NodeInfo;
}

/** Counts why nodes were turned down. */
class Failures {
  readonly #counts = new Map<string, number>();
  readonly #retryOn = new Set<ClusterEvent>();
  readonly #resolvable: NodeInfo[] = [];

  add(node: NodeInfo, filter: Filter, reasons: readonly string[], unresolvable: boolean): void {
    for (const reason of reasons) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    for (const event of filter.retryOn) this.#retryOn.add(event);
    if (!unresolvable) this.#resolvable.push(node);
  }

  decision(total: number): Decision {
    if (total === 0) {
      return {
        kind: 'none',
        message: 'no nodes available to schedule pods',
        retryOn: new Set(['nodeAdded']),
        resolvable: [],
      };
    }
    const parts = [...this.#counts].map(([reason, count]) => `${count} ${reason}`).sort();
    const message = `0/${total} nodes are available: ${parts.join(', ')}.`;
    return { kind: 'none', message, retryOn: this.#retryOn, resolvable: this.#resolvable };
  }
}
