import { parseGoDuration } from '../../api/go-duration.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { ObjectName, Resource } from '../../client/client.ts';
import type { WaitTarget } from '../../delivery/apply/errors.ts';
import { WaitError } from '../../delivery/apply/errors.ts';
import type { Readiness } from '../../delivery/apply/readiness.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { compileRelaxedPath, valueText } from '../../delivery/inspect/json-path-template.ts';
import { isApiError } from '../../api/status.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { shownName } from './resource-finder.ts';
import { placeOf, type SelectionFlags, selectionOf } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface WaitFlags extends KubeFlags, SelectionFlags {
  for: string;
  timeout: string;
  selector?: string;
  all?: boolean;
  allNamespaces?: boolean;
}

type Rule = (object: KubeObject | undefined) => boolean;

/** `timonel wait --for=condition=Ready pod/web`, by watch. */
export async function wait(words: readonly string[], flags: WaitFlags): Promise<void> {
  const rule = ruleOf(flags.for);
  const nanos = parseGoDuration(flags.timeout);
  if (nanos === undefined) throw new CliError(`invalid argument "${flags.timeout}" for "--timeout" flag`);
  await withKube(flags, async (kube) => {
    const targets = await targetsOf(kube, words, flags);
    if (targets.length === 0 && rule(undefined) && !flags.selector && !flags.all) return;
    if (targets.length === 0) throw new CliError('no matching resources found');
    const met = new Set<WaitTarget>();
    const waits = targets.map(async (target) => {
      await waitForObjects({
        client: kube.client,
        clock,
        targets: [target],
        timeoutMs: nanos < 0 ? 7 * 24 * 3600 * 1000 : Math.max(1, nanos / 1e6),
        until: (object): Readiness => (rule(object) ? { state: 'ready' } : { state: 'progressing', reason: 'not yet' }),
      });
      met.add(target);
      process.stdout.write(`${shownName(target.resource, target.name.name)} condition met\n`);
    });
    for (const [i, outcome] of (await Promise.allSettled(waits)).entries()) {
      if (outcome.status === 'fulfilled') continue;
      if (!(outcome.reason instanceof WaitError)) throw outcome.reason;
      const { resource, name } = targets[i] as WaitTarget;
      kube.fail(new CliError(`timed out waiting for the condition on ${resource.plural}/${name.name}`));
    }
  });
}

async function targetsOf(kube: Kube, words: readonly string[], flags: WaitFlags): Promise<WaitTarget[]> {
  const isDeletion = flags.for.toLowerCase() === 'delete';
  const isLenient = isDeletion || flags.for.toLowerCase() === 'create';
  const found = await Promise.all(
    (await selectionOf(kube, words, flags)).map(async (selection): Promise<WaitTarget[]> => {
      const { resource, name } = selection;
      if (name !== undefined) {
        const place = placeOf(kube, selection);
        if (isDeletion && (await isGone(kube, resource, place))) return [];
        if (!isLenient) await kube.client.get(resource, place);
        return [{ resource, name: place }];
      }
      if (!flags.all && !flags.selector) throw new CliError('resource(s) were provided, but no name was specified');
      const { items } = await kube.client.list(resource, {
        ...(resource.namespaced && !flags.allNamespaces && { namespace: kube.namespace }),
        ...(flags.selector && { labelSelector: flags.selector }),
      });
      return items.map(({ metadata }) => ({
        resource,
        name: { name: metadata.name ?? '', ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) },
      }));
    }),
  ).catch((error: unknown) => {
    if (isLenient && isApiError(error, 'NotFound')) return [];
    throw error;
  });
  return found.flat();
}

async function isGone({ client }: Kube, resource: Resource, name: ObjectName): Promise<boolean> {
  try {
    await client.get(resource, name);
    return false;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return true;
    throw error;
  }
}

function ruleOf(text: string): Rule {
  const lower = text.toLowerCase();
  if (lower === 'delete') return (object) => object === undefined;
  if (lower === 'create') return (object) => object !== undefined;
  if (lower.startsWith('condition=')) return conditionRule(text.slice('condition='.length));
  if (lower.startsWith('jsonpath=')) return pathRule(text.slice('jsonpath='.length));
  throw new CliError(`unrecognized condition: "${text}"`);
}

function conditionRule(text: string): Rule {
  const [type = '', value = 'true'] = text.split('=');
  return (object) => {
    const { conditions, observedGeneration } = ((object as AnyObject | undefined)?.['status'] ?? {}) as {
      conditions?: { type: string; status: string; observedGeneration?: number }[];
      observedGeneration?: number;
    };
    const found = conditions?.find((each) => each.type.toLowerCase() === type.toLowerCase());
    if (!found) return false;
    const seen = found.observedGeneration ?? observedGeneration;
    if (seen !== undefined && seen < (object?.metadata.generation ?? 0)) return false;
    return found.status.toLowerCase() === value.toLowerCase();
  };
}

/** `{.status.phase}=Running`; without a value, that there is one. */
function pathRule(text: string): Rule {
  const match = /^(.*?\})(?:=(.*))?$/s.exec(text) ?? /^([^=]*)(?:=(.*))?$/s.exec(text);
  const path = compileRelaxedPath(match?.[1] ?? text);
  const wanted = match?.[2]?.replace(/^(['"])(.*)\1$/s, '$2');
  return (object) => {
    const values = object === undefined ? [] : path(object);
    return wanted === undefined
      ? values.length > 0
      : values.length > 0 && values.every((value) => valueText(value) === wanted);
  };
}
