import type { KubeObject } from '../../api/object.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { Rollout } from '../charts/actions/context.ts';
import { runCheck } from './check.ts';
import type { ShipCheck, Strategy } from './ship-file.ts';
import { podsBefore, waitForRollout } from './wait-for-rollout.ts';

export interface RolloutOptions {
  client: Client;
  clock: Clock;
  namespace: string;
  strategy: Strategy;
  checks: readonly ShipCheck[];
  timeoutMs: number;
  /** Told what is going on. */
  say: (message: string) => void;
  /** Told of each check that went well. */
  onCheck?: (check: ShipCheck, milliseconds: number) => void;
  signal?: AbortSignal | undefined;
}

/** The way of a release to its new objects: each stage of the strategy is applied, waited for, and checked. */
export function createRollout(options: RolloutOptions): Rollout {
  const { client, clock, namespace, checks, say, onCheck, signal } = options;
  return async ({ wanted }, apply) => {
    const before = await podsBefore(client, [namespace, ...namespacesOf(wanted)]);
    say('Rolling out …');
    const applied = await apply(wanted);
    await waitForRollout(applied, before, options);
    for (const check of checks) {
      const milliseconds = await runCheck(check, { client, clock, namespace, signal });
      say(`check ${check.name}: ok`);
      onCheck?.(check, milliseconds);
    }
  };
}

function namespacesOf(objects: readonly KubeObject[]): string[] {
  return objects.flatMap(({ metadata }) => metadata.namespace ?? []);
}
