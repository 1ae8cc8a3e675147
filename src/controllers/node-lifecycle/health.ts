import { formatTime } from '../../base/clock.ts';
import type { Node, NodeCondition } from '../../api/types/core-v1.ts';

/** What a silent node can no longer be believed about. */
const observed = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

/** A timer that fires later than this says that this process was busy: signs of life may be waiting for it. */
const lateMs = 250;

interface Seen {
  lease: string | undefined;
  heartbeat: string | undefined;
  /** Monotonic milliseconds of the last sign of life, as seen here: clocks of two machines are never compared. */
  at: number;
  /**
   * It has given a sign of life since it was first seen here. Before that it gets the longer start-up grace: when this
   * process starts again, agents need a moment to find it.
   */
  alive: boolean;
  /** Its grace is over, and it has not been heard of since. */
  silent: boolean;
}

export type Health =
  /** Alive as far as is known; look again after this long unless a sign of life comes. */
  { kind: 'alive'; lookAgainMs: number } | { kind: 'silent' };

/** When each node was last heard of. Renewed leases and new heartbeats are signs of life. */
export class NodeHealth {
  readonly #graceMs: number;
  readonly #startupGraceMs: number;
  readonly #seen = new Map<string, Seen>();

  constructor(options: { graceMs: number; startupGraceMs: number }) {
    this.#graceMs = options.graceMs;
    this.#startupGraceMs = options.startupGraceMs;
  }

  /** Takes note of what the node's lease and status say; `true` when it is a sign of life. */
  observe(
    name: string,
    signs: { lease: string | undefined; heartbeat: string | undefined },
    monotonic: number,
  ): boolean {
    const { lease, heartbeat } = signs;
    const last = this.#seen.get(name);
    if (last && last.lease === lease && last.heartbeat === heartbeat) return false;
    const alive = last !== undefined && (lease !== undefined || heartbeat !== undefined);
    this.#seen.set(name, { lease, heartbeat, at: monotonic, alive, silent: false });
    return true;
  }

  /** Has it given a sign of life since it was first seen here? */
  hasStarted(name: string): boolean {
    return this.#seen.get(name)?.alive ?? false;
  }

  check(name: string, monotonic: number): Health {
    const seen = this.#seen.get(name);
    if (!seen) return { kind: 'silent' };
    const deadline = seen.at + (seen.alive ? this.#graceMs : this.#startupGraceMs);
    const late = monotonic - deadline;
    if (late < 0) return { kind: 'alive', lookAgainMs: -late };
    if (late > lateMs && !seen.silent) {
      const extraMs = Math.min(late, this.#graceMs);
      seen.at += late + extraMs;
      return { kind: 'alive', lookAgainMs: extraMs };
    }
    seen.silent = true;
    return { kind: 'silent' };
  }

  /** After all nodes were silent it was us who heard nothing: everyone starts anew. */
  restart(monotonic: number): void {
    for (const seen of this.#seen.values()) {
      seen.at = monotonic;
      seen.silent = false;
    }
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }
}

/** The latest heartbeat in the node's status, whichever condition has it. */
export function heartbeatOf(node: Node): string | undefined {
  return conditionOf(node, 'Ready')?.lastHeartbeatTime;
}

export function conditionOf(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** `True`, `False` or `Unknown`; a node without the condition is Unknown. */
export function readiness(node: Node): string {
  return conditionOf(node, 'Ready')?.status ?? 'Unknown';
}

/** The conditions of a node that fell silent; undefined when they say so already. */
export function silentConditions(node: Node, now: number): NodeCondition[] | undefined {
  const conditions = node.status?.conditions ?? [];
  const time = formatTime(now);
  const missing = observed.filter((type) => !conditions.some((condition) => condition.type === type));
  const stale = conditions.filter((c) => observed.some((type) => type === c.type) && c.status !== 'Unknown');
  if (missing.length === 0 && stale.length === 0) return undefined;
  return [
    ...conditions.map((condition) =>
      stale.includes(condition)
        ? {
            ...condition,
            status: 'Unknown',
            reason: 'NodeStatusUnknown',
            message: 'Kubelet stopped posting node status.',
            lastTransitionTime: time,
          }
        : condition,
    ),
    ...missing.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp ?? time,
      lastTransitionTime: time,
    })),
  ];
}
