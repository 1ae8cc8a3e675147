import type { Pod } from '../api/types/core-v1.ts';
import type { Random } from '../base/random.ts';
import type { Nominations } from './nominations.ts';
import type { Filter, FilterFailure, NodeCheck, Score } from './plugin.ts';
import { namedNodes, uidOf } from './pod-facts.ts';
import type { NodeInfo, Snapshot, WhatIf } from './snapshot.ts';

export type Decision =
  | {
      kind: 'node';
      name: string;
      /** How many nodes were looked at. */
      looked: number;
    }
  | {
      kind: 'none';
      /** For the FailedScheduling event and the PodScheduled condition. */
      message: string;
      rejectedBy: ReadonlySet<Filter>;
      /** Nodes where evicting pods might help. */
      resolvable: readonly NodeInfo[];
    };

export interface Plugins {
  filters: readonly Filter[];
  scores: readonly Score[];
}

export interface DecideOptions {
  cluster: WhatIf;
  plugins: Plugins;
  nominations: Nominations;
  random: Random;
  /** Which node is looked at first, so that a part of a large cluster is not always the same part. */
  startAt: number;
}

/** Below this many nodes all are looked at; above, enough of them (upstream's percentageOfNodesToScore: adaptive). */
const minFeasibleNodes = 100;

/** Chooses a node for one pod: the best of those that pass every filter. */
export function decide(pod: Pod, options: DecideOptions): Decision {
  const { cluster, plugins, nominations, random, startAt } = options;
  const nodes = cluster.nodes;
  if (nodes.length === 0) return noNodes;
  for (const filter of plugins.filters) {
    const reason = filter.rejects?.(pod);
    if (reason === undefined) continue;
    const message = `0/${nodes.length} nodes are available: ${reason}.`;
    return { kind: 'none', message, rejectedBy: new Set([filter]), resolvable: [] };
  }
  const check = nodeChecker(pod, options);
  const nominated = cluster.node(nominations.nodeOf(uidOf(pod)) ?? '');
  if (nominated && check(nominated) === null) return { kind: 'node', name: nominated.name, looked: 0 };
  const named = namedNodes(pod);
  const wanted = feasibleNodesWanted(nodes.length);
  const feasible: NodeInfo[] = [];
  const failures = new Failures();
  let looked = 0;
  for (; looked < nodes.length && feasible.length < wanted; looked++) {
    const node = nodes[(startAt + looked) % nodes.length] as NodeInfo;
    const failure = named && !named.has(node.name) ? { ...notNamed, filter: byName(plugins) } : check(node);
    if (failure === null) feasible.push(node);
    else failures.add(node, failure);
  }
  if (feasible.length === 0) return failures.decision(nodes.length);
  return { kind: 'node', name: best(pod, feasible, cluster, { scores: plugins.scores, random }).name, looked };
}

const noNodes: Decision = {
  kind: 'none',
  message: 'no nodes available to schedule pods',
  rejectedBy: new Set(),
  resolvable: [],
};

const notNamed: FilterFailure = { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], unresolvable: true };

function byName({ filters }: Plugins): Filter | undefined {
  return filters.find(({ name }) => name === 'NodeAffinity');
}

/** Why a node will not do, and which filter says so. */
export interface Rejection extends FilterFailure {
  filter: Filter | undefined;
}

/**
 * Asks every filter about one node, the pods nominated to it counted as if they ran there, and then without them too
 * (they may never come; a filter such as pod affinity must not rely on them).
 */
export function nodeChecker(
  pod: Pod,
  { cluster, plugins, nominations }: Pick<DecideOptions, 'cluster' | 'plugins' | 'nominations'>,
): (node: NodeInfo) => Rejection | null {
  const checks = prepare(pod, cluster, plugins.filters);
  if (nominations.size === 0) return (node) => ask(checks, node);
  return (node) => {
    const ahead = nominations.ahead(pod, node.name);
    if (ahead.length === 0) return ask(checks, node);
    for (const other of ahead) cluster.put(other, node.name);
    const rejection = ask(prepare(pod, cluster, plugins.filters), node);
    for (const other of ahead) cluster.take(other, node.name);
    return rejection ?? ask(checks, node);
  };
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

function ask(checks: readonly PreparedFilter[], node: NodeInfo): Rejection | null {
  for (const { filter, check } of checks) {
    const failure = check(node);
    if (failure) return { filter, reasons: failure.reasons, unresolvable: failure.unresolvable };
  }
  return null;
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
  let highest = totals[0] ?? 0;
  let ties = 1;
  for (let i = 1; i < nodes.length; i++) {
    const total = totals[i] ?? 0;
    if (total > highest) {
      chosen = i;
      highest = total;
      ties = 1;
    } else if (total === highest && random.int(++ties) === 0) {
      chosen = i;
    }
  }
  return nodes[chosen] as NodeInfo;
}

/** Counts why nodes were turned down. */
class Failures {
  readonly #reasons: string[] = [];
  readonly #rejectedBy = new Set<Filter>();
  readonly #resolvable: NodeInfo[] = [];

  add(node: NodeInfo, { filter, reasons, unresolvable }: Rejection): void {
    this.#reasons.push(...reasons);
    if (filter) this.#rejectedBy.add(filter);
    if (!unresolvable) this.#resolvable.push(node);
  }

  decision(total: number): Decision {
    const message = unavailable(total, this.#reasons);
    return { kind: 'none', message, rejectedBy: this.#rejectedBy, resolvable: this.#resolvable };
  }
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 …`: each reason with its count, sorted as texts. */
export function unavailable(total: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${total} nodes are available: ${parts.join(', ')}.`;
}
