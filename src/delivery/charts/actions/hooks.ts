import type { KubeObject } from '../../../api/object.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { objectPath } from '../../../client/request-path.ts';
import { pods } from '../../../client/resources.ts';
import { applyObject, removeObject } from '../../apply/applier.ts';
import { type Applied, WaitError } from '../../apply/errors.ts';
import { parseManifests } from '../../apply/manifests.ts';
import { readiness, type Readiness } from '../../apply/readiness.ts';
import { waitForObjects } from '../../apply/wait.ts';
import { explainUnready } from '../../apply/explain.ts';
import { type Hook, type HookEvent, type Release, ReleaseError } from '../release/release.ts';
import { applyContext, type ReleaseContext, timestamp } from './context.ts';

type DeletePolicy = 'before-hook-creation' | 'hook-succeeded' | 'hook-failed';

/** A hook that failed. */
class HookError extends ReleaseError {}

export interface HookRun {
  event: HookEvent;
  timeoutMs: number;
  /** Only hooks with (or without) these names: `chart test --filter`. */
  only?: (hook: Hook) => boolean;
  /** Told after each change of a hook's last run, to keep it. */
  record: (release: Release) => Promise<void>;
}

/**
 * Runs a release's hooks for an event, one after the other by weight and name, each to its end (Helm documentation,
 * "Chart Hooks"). The release's hooks are changed in place: `lastRun`. Rejects with {@link HookError} at the first one
 * that fails.
 */
export async function runHooks(context: ReleaseContext, release: Release, run: HookRun): Promise<void> {
  const { event, only = () => true } = run;
  const hooks = release.hooks
    .filter((hook) => hook.events.includes(event) && only(hook))
    .toSorted((a, b) => a.weight - b.weight || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const done: Hook[] = [];
  for (const hook of hooks) {
    await deleteBy(context, hook, 'before-hook-creation', run.timeoutMs);
    hook.lastRun = { startedAt: timestamp(context), completedAt: '', phase: 'Running' };
    await run.record(release);
    const failure = await execute(context, hook, run.timeoutMs).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    hook.lastRun = { ...hook.lastRun, completedAt: timestamp(context), phase: failure ? 'Failed' : 'Succeeded' };
    await printLogs(context, hook, failure ? 'hook-failed' : 'hook-succeeded');
    if (failure) {
      await run.record(release);
      const { error } = failure;
      const explanation = error instanceof WaitError ? await explainUnready(context.client, error.unready) : [];
      await deleteBy(context, hook, 'hook-failed', run.timeoutMs);
      for (const other of done) await deleteBy(context, other, 'hook-succeeded', run.timeoutMs);
      const why = error instanceof Error ? error.message : String(error);
      throw new HookError(`${event} hook ${hook.path} failed: ${why}`, {
        cause: error,
        ...(explanation.length > 0 && { hint: explanation.join('\n') }),
      });
    }
    done.push(hook);
  }
  if (done.length > 0) await run.record(release);
  for (const hook of done.toReversed()) await deleteBy(context, hook, 'hook-succeeded', run.timeoutMs);
}

function objectsOf(hook: Hook): KubeObject[] {
  return parseManifests(hook.manifest, hook.path).map(({ object }) => object);
}

async function execute(context: ReleaseContext, hook: Hook, timeoutMs: number): Promise<void> {
  const created: Applied[] = [];
  for (const object of objectsOf(hook)) created.push(await applyObject(applyContext(context), object));
  const { client, clock, signal } = context;
  await waitForObjects({ client, clock, targets: created, until: hasEnded, timeoutMs, ...(signal && { signal }) });
  if (created.some(({ resource }) => resource.kind === 'CustomResourceDefinition')) context.mapper.invalidate();
}

/** Jobs and pods are hooks until they have ended, definitions until they are served; others are done when they are there. */
function hasEnded(object: KubeObject | undefined): Readiness {
  if (object === undefined) return { state: 'progressing', reason: 'it does not exist' };
  if (object.kind === 'Job' || object.kind === 'CustomResourceDefinition') return readiness(object);
  if (object.kind !== 'Pod') return { state: 'ready' };
  const { phase, reason, message } = (object as Pod).status ?? {};
  if (phase === 'Succeeded') return { state: 'ready' };
  if (phase === 'Failed') return { state: 'failed', reason: message ?? reason ?? 'the pod failed' };
  return { state: 'progressing', reason: `the pod is ${phase ?? 'Pending'}` };
}

/** Without a policy of its own a hook is deleted before it is made anew. Definitions stay: their objects would go with them. */
async function deleteBy(context: ReleaseContext, hook: Hook, policy: DeletePolicy, timeoutMs: number): Promise<void> {
  const policies = hook.deletePolicies.length === 0 ? ['before-hook-creation'] : hook.deletePolicies;
  if (!policies.includes(policy) || hook.kind === 'CustomResourceDefinition') return;
  const removed: Applied[] = [];
  for (const object of objectsOf(hook)) {
    const done = await removeObject(applyContext(context), object);
    if (done) removed.push(done);
  }
  const { client, clock, signal } = context;
  await waitForObjects({ client, clock, targets: removed, until: 'gone', timeoutMs, ...(signal && { signal }) });
}

/** What a hook's pods wrote. */
export async function logsOfHook(context: ReleaseContext, hook: Hook): Promise<string[]> {
  const lines: string[] = [];
  for (const object of objectsOf(hook)) {
    for (const pod of await podsOf(context, object)) {
      for (const { name } of pod.spec?.containers ?? []) {
        const at = { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '' };
        const path = `${objectPath(pods, at, 'log')}?container=${encodeURIComponent(name)}`;
        const text = await context.client.raw('GET', path).catch((error: Error) => `(no logs: ${error.message})`);
        lines.push(
          `POD LOGS: ${at.name} (${name})`,
          typeof text === 'string' ? text.replace(/\n$/, '') : JSON.stringify(text),
        );
      }
    }
  }
  return lines;
}

async function printLogs(context: ReleaseContext, hook: Hook, outcome: string): Promise<void> {
  if (!hook.outputLogPolicies.includes(outcome)) return;
  for (const line of await logsOfHook(context, hook)) context.log(line);
}

async function podsOf(context: ReleaseContext, object: KubeObject): Promise<Pod[]> {
  const { name = '', namespace = context.namespace } = object.metadata;
  if (object.kind === 'Pod') return [await context.client.get(pods, { name, namespace })];
  if (object.kind !== 'Job') return [];
  const labelSelector = `batch.kubernetes.io/job-name=${name}`;
  return (await context.client.list(pods, { namespace, labelSelector })).items;
}
