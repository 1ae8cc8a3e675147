import { parseGoDuration } from '../../api/go-duration.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { Resource } from '../../client/client.ts';
import { rolledBackAnnotations } from '../../controllers/deployment/annotations.ts';
import { WaitError } from '../../delivery/apply/errors.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import {
  daemonSetRollout,
  deploymentRollout,
  type RolloutStatus,
  statefulSetRollout,
} from '../../delivery/inspect/rollout-status.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { changesOf, revisionsOf } from './revisions.ts';
import { shownName } from './resource-finder.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface RolloutFlags extends KubeFlags, SelectionFlags {
  watch?: string | boolean;
  timeout?: string;
  revision?: string;
  toRevision?: string;
  selector?: string;
}

/** What `rollout` can be done to, all of them with a pod template. */
const kinds = ['Deployment', 'DaemonSet', 'StatefulSet'];
const week = 7 * 24 * 3600 * 1000;

type Work = (kube: Kube, selection: Selection & { name: string }) => Promise<void>;

interface Doing {
  /** Kinds that can be done so; default: all that have rollouts. */
  of?: readonly string[];
  /** What to say of others. */
  refusal: (selection: Selection & { name: string }) => string;
}

function notSupported(doing: string): Doing['refusal'] {
  return ({ resource, name }) => `${shownPlural(resource)} "${name}" ${doing} is not supported`;
}

function noVisitor(what: string): Doing['refusal'] {
  return ({ resource: { group, kind } }) =>
    `error retrieving ${what} "${kind}${group && `.${group}`}", no visitor method exists for {${group} ${kind}}`;
}

function shownPlural({ plural, group }: Resource): string {
  return group ? `${plural}.${group}` : plural;
}

async function eachWorkload(
  words: readonly string[],
  flags: RolloutFlags,
  ...[{ of = kinds, refusal }, work]: [Doing, Work]
): Promise<void> {
  await withKube(flags, async (kube) => {
    const selections = await selectionOf(kube, words, flags);
    for (const selection of (await Promise.all(selections.map((each) => named(kube, each, flags)))).flat()) {
      try {
        if (!of.includes(selection.resource.kind)) throw new CliError(refusal(selection));
        await work(kube, selection);
      } catch (error) {
        kube.fail(error);
      }
    }
  });
}

async function named(
  kube: Kube,
  selection: Selection,
  { selector }: RolloutFlags,
): Promise<(Selection & { name: string })[]> {
  const { name, resource } = selection;
  if (name !== undefined) return [{ ...selection, name }];
  const { items } = await kube.client.list(resource, {
    namespace: kube.namespace,
    ...(selector && { labelSelector: selector }),
  });
  return items.map(({ metadata }) => ({ ...selection, name: metadata.name ?? '' }));
}

function judge(resource: Resource, object: KubeObject): RolloutStatus {
  switch (resource.kind) {
    case 'DaemonSet':
      return daemonSetRollout(object);
    case 'StatefulSet':
      return statefulSetRollout(object);
    default:
      return deploymentRollout(object);
  }
}

export async function status(words: readonly string[], flags: RolloutFlags): Promise<void> {
  const nanos = flags.timeout === undefined ? 0 : parseGoDuration(flags.timeout);
  if (nanos === undefined) throw new CliError(`invalid argument "${flags.timeout}" for "--timeout" flag`);
  await eachWorkload(
    words,
    flags,
    {
      refusal: ({ resource: { kind, group } }) =>
        `no status viewer has been implemented for ${kind}${group && `.${group}`}`,
    },
    async (kube, selection) => {
      const { resource } = selection;
      const name = placeOf(kube, selection);
      if (flags.watch === 'false') {
        const { state, message } = judge(resource, await kube.client.get(resource, name));
        if (state === 'failed') throw new CliError(message);
        return void process.stdout.write(`${message}\n`);
      }
      await kube.client.get(resource, name);
      let told = '';
      const say = (message: string): void => {
        if (message !== told) process.stdout.write(`${message}\n`);
        told = message;
      };
      try {
        await waitForObjects({
          client: kube.client,
          clock,
          targets: [{ resource, name }],
          timeoutMs: nanos > 0 ? nanos / 1e6 : week,
          until: (object) => {
            if (!object) return { state: 'failed', reason: 'object has been deleted' };
            const { state, message } = judge(resource, object);
            if (state === 'failed') return { state, reason: message };
            say(message);
            return state === 'done' ? { state: 'ready' } : { state: 'progressing', reason: message };
          },
        });
      } catch (error) {
        if (!(error instanceof WaitError)) throw error;
        throw new CliError(error.timedOut ? 'timed out waiting for the condition' : (error.unready[0]?.reason ?? ''), {
          cause: error,
        });
      }
    },
  );
}

/** `kubectl.kubernetes.io/restartedAt` in the template: new pods, one after another. */
export async function restart(words: readonly string[], flags: RolloutFlags): Promise<void> {
  await eachWorkload(words, flags, { refusal: notSupported('restarting') }, async (kube, selection) => {
    const { spec } = (await kube.client.get(selection.resource, placeOf(kube, selection))) as AnyObject;
    if ((spec as { paused?: boolean }).paused) {
      const what = `${shownPlural(selection.resource)} "${selection.name}"`;
      throw new CliError(`${what} can't restart paused deployment (run rollout resume first)`);
    }
    const restartedAt = formatTime(clock.now());
    const annotations = { 'kubectl.kubernetes.io/restartedAt': restartedAt };
    const document = { spec: { template: { metadata: { annotations } } } };
    await patch(kube, selection, document);
    say(selection, 'restarted');
  });
}

export async function pause(words: readonly string[], flags: RolloutFlags): Promise<void> {
  await setPaused(words, flags, true);
}

export async function resume(words: readonly string[], flags: RolloutFlags): Promise<void> {
  await setPaused(words, flags, false);
}

async function setPaused(words: readonly string[], flags: RolloutFlags, paused: boolean): Promise<void> {
  await eachWorkload(
    words,
    flags,
    { of: ['Deployment'], refusal: notSupported(paused ? 'pausing' : 'resuming') },
    async (kube, selection) => {
      const { resource } = selection;
      const verb = paused ? 'paused' : 'resumed';
      const { spec } = (await kube.client.get(resource, placeOf(kube, selection))) as AnyObject;
      if (Boolean((spec as { paused?: boolean }).paused) === paused) {
        throw new CliError(
          `${shownPlural(resource)} "${selection.name}" is ${paused ? 'already paused' : 'not paused'}`,
        );
      }
      await patch(kube, selection, { spec: { paused: paused || null } });
      say(selection, verb);
    },
  );
}

export async function history(words: readonly string[], flags: RolloutFlags): Promise<void> {
  await eachWorkload(words, flags, { refusal: noVisitor('history for') }, async (kube, selection) => {
    const object = await kube.client.get(selection.resource, placeOf(kube, selection));
    const revisions = await revisionsOf(kube, selection.resource, object);
    const title = `${shownName(selection.resource, selection.name)}`;
    if (flags.revision !== undefined) {
      const found = revisions.find(({ revision }) => revision === Number(flags.revision));
      if (!found) throw new CliError(`unable to find the specified revision`);
      const { templateLines } = await import('../../delivery/inspect/describe/pod-template.ts');
      const lines = templateLines(found.template).map((line) => `${line}\n`);
      return void process.stdout.write(`${title} with revision #${found.revision}\n${lines.join('')}\n`);
    }
    process.stdout.write(`${title} \n${changesOf(revisions)}\n`);
  });
}

/** Back to an earlier template: the one before, or that of `--to-revision`. */
export async function undo(words: readonly string[], flags: RolloutFlags): Promise<void> {
  await eachWorkload(words, flags, { refusal: noVisitor('rollbacker for') }, async (kube, selection) => {
    const { resource } = selection;
    const object = await kube.client.get(resource, placeOf(kube, selection));
    if ((object as AnyObject & { spec?: { paused?: boolean } }).spec?.paused) {
      throw new CliError(
        `you cannot rollback a paused deployment; resume it first with 'timonel rollout resume deployment/${selection.name}' and try again`,
      );
    }
    const revisions = await revisionsOf(kube, resource, object);
    const to = Number(flags.toRevision ?? 0);
    const target = to > 0 ? revisions.find(({ revision }) => revision === to) : revisions.at(-2);
    if (!target)
      throw new CliError(
        to > 0
          ? `unable to find specified revision ${to} in history`
          : `no rollout history found for ${resource.kind.toLowerCase()} "${selection.name}"`,
      );
    if (target === revisions.at(-1)) {
      return say(selection, `skipped rollback (current template already matches revision ${target.revision})`);
    }
    const operations = [{ op: 'replace', path: '/spec/template', value: withoutHash(target.template) }];
    if (resource.kind === 'Deployment') {
      const annotations = rolledBackAnnotations(object, { metadata: { annotations: target.annotations } });
      operations.push({ op: 'replace', path: '/metadata/annotations', value: annotations });
    }
    await kube.client.patch(resource, placeOf(kube, selection), { kind: 'json', operations });
    say(selection, 'rolled back');
  });
}

/** The hash is the replica set's own. */
function withoutHash({ metadata = {}, ...template }: PodTemplateSpec): PodTemplateSpec {
  const { 'pod-template-hash': _, ...labels } = metadata.labels ?? {};
  return { ...template, metadata: { ...metadata, labels } };
}

async function patch(kube: Kube, selection: Selection, document: Record<string, unknown>): Promise<void> {
  await kube.client.patch(
    selection.resource,
    placeOf(kube, selection),
    { kind: 'strategic', document },
    { fieldManager: 'kubectl-rollout' },
  );
}

function say({ resource, name }: Selection & { name: string }, what: string): void {
  process.stdout.write(`${shownName(resource, name)} ${what}\n`);
}
