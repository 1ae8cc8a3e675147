import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { ingressClasses } from '../../client/resources.ts';
import type { Rollout } from '../charts/actions/context.ts';
import { runCheck } from './check.ts';
import type { ShipCheck, Strategy } from './ship-file.ts';
import { previewName, type Stage, stagesOf, withoutPreviews } from './strategy.ts';
import { podsBefore, waitForLeaving, waitForRollout } from './wait-for-rollout.ts';

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
  const { client, namespace } = options;
  return async ({ previous, wanted }, apply) => {
    const before = await podsBefore(client, [namespace, ...namespacesOf(wanted)]);
    const honoursWeights = options.strategy.type === 'canary' && (await knowsWeights(client));
    const meant = new Set(wanted.map(nameOf));
    for (const stage of stagesOf({ previous, wanted }, options.strategy, { honoursWeights })) {
      options.say(`${stage.title} …`);
      const applied = await apply(stage.objects);
      try {
        // The old version is on its way out: whether it is well is no matter.
        await waitForRollout(
          applied.filter(({ object }) => meant.has(nameOf(object))),
          before,
          options,
        );
        await waitForLeaving(applied, options);
        await judge(stage, options);
      } catch (error) {
        // What is of this stage alone stands in no revision: nobody else would take it away.
        const lasting = withoutPreviews(stage.objects);
        if (lasting.length < stage.objects.length) await apply(lasting).catch(() => undefined);
        throw error;
      }
    }
  };
}

async function judge(
  stage: Stage,
  { checks, client, clock, namespace, say, onCheck, signal }: RolloutOptions,
): Promise<void> {
  for (const check of stage.checks === 'none' ? [] : checks) {
    const asked = stage.checks === 'preview' ? previewOf(check, stage) : check;
    if (!asked) continue;
    const milliseconds = await runCheck(asked, { client, clock, namespace, signal });
    say(`check ${asked.name}: ok`);
    if (stage.checks === 'live') onCheck?.(check, milliseconds);
  }
  if (stage.pauseMs > 0) await clock.sleep(stage.pauseMs, signal);
}

/** Back to objects that were good: at once, since the version that failed must not stay for anything. */
export function createRestoration(
  options: Pick<RolloutOptions, 'client' | 'clock' | 'timeoutMs' | 'namespace'>,
): Rollout {
  return async ({ wanted }, apply) => {
    const before = await podsBefore(options.client, [options.namespace, ...namespacesOf(wanted)]);
    const applied = await apply(wanted);
    await waitForRollout(applied, before, options);
    await waitForLeaving(applied, options);
  };
}

/**
 * A check of the new version before the services lead there. What is asked by URL cannot be asked yet, nor a service
 * that has no preview: a revision that was made by another strategy leads to no version of its own.
 */
function previewOf(check: ShipCheck, { objects }: Stage): ShipCheck | undefined {
  const { target } = check;
  if (target.kind === 'url') return undefined;
  const service = previewName(target.service);
  if (!objects.some(({ kind, metadata }) => kind === 'Service' && metadata.name === service)) return undefined;
  return { ...check, name: `${check.name} (preview)`, target: { ...target, service } };
}

/** Timonel's own clusters spread by weights of versions; they have an ingress class of that name, or are of this machine. */
async function knowsWeights(client: Client): Promise<boolean> {
  try {
    await client.get(ingressClasses, { name: 'timonel' });
    return true;
  } catch (error) {
    if (isApiError(error)) return false;
    throw error;
  }
}

/** Of an object in this release: two kinds of one name are two. */
function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

function namespacesOf(objects: readonly KubeObject[]): string[] {
  return objects.flatMap(({ metadata }) => metadata.namespace ?? []);
}
