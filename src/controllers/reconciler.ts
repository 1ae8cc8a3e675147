/** What a reconciler says when it has done one step. */
export type Outcome =
  /** Nothing more until an event brings the key back. */
  | { kind: 'done' }
  /** Come back after this long: for periods that Kubernetes defines (progress deadline), not for polling. */
  | { kind: 'requeue'; afterMs: number };

export const done: Outcome = { kind: 'done' };

/**
 * A level-triggered controller. `reconcile` gets a key (`namespace/name` or `name`), reads the current state, and
 * moves it one step towards what is asked for; it must be right whatever events were lost, doubled or reordered. A
 * rejection puts the key back with backoff. The same key never runs twice at once.
 */
export interface Reconciler {
  readonly name: string;
  /** How many keys may run at once. Default 1. */
  readonly concurrency?: number;
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
}
