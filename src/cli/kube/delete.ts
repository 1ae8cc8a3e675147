import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { parseGoDuration } from '../../api/go-duration.ts';
import type { DeleteOptions, ObjectName, Resource } from '../../client/client.ts';
import { WaitError } from '../../delivery/apply/errors.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { shownName, shownType } from './resource-finder.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface DeleteFlags extends KubeFlags, SelectionFlags {
  selector?: string;
  fieldSelector?: string;
  all?: boolean;
  allNamespaces?: boolean;
  wait: string | boolean;
  timeout?: string;
  gracePeriod?: string;
  force?: boolean;
  now?: boolean;
  cascade?: string | true;
  ignoreNotFound?: boolean | string;
  output?: string;
  dryRun?: string | true;
}

interface Target {
  resource: Resource;
  name: ObjectName;
}

/** `timonel delete TYPE NAME`, and in kubectl's other ways. */
export async function deleteObjects(words: readonly string[], flags: DeleteFlags): Promise<void> {
  if (flags.output !== undefined && flags.output !== 'name')
    throw new CliError(`unexpected -o output mode: ${flags.output}. We only support '-o name'`);
  await withKube(flags, async (kube) => {
    const selections = await selectionOf(kube, words, flags);
    const byName = selections.every(({ name }) => name !== undefined);
    if (!byName && !flags.selector && !flags.all && !flags.fieldSelector) {
      throw new CliError('resource(s) were provided, but no name was specified');
    }
    if (byName && !flags.filename?.length && (flags.selector || flags.all))
      throw new CliError('name cannot be provided when a selector is specified');
    const targets = (await Promise.all(selections.map((selection) => targetsOf(kube, selection, flags)))).flat();
    if (targets.length === 0) process.stdout.write('No resources found\n');
    const options = deleteOptions(flags);
    if (options.gracePeriodSeconds === 0) {
      process.stderr.write(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
      );
    }
    const pending: (Target & { uid: string | undefined })[] = [];
    for (const target of targets) {
      if (flags.dryRun === 'client') {
        say(target, flags);
        continue;
      }
      try {
        const answer = await kube.client.delete(target.resource, target.name, options);
        say(target, flags);
        const { kind, metadata, details } = answer as KubeObject & { details?: { uid?: string } };
        pending.push({ ...target, uid: kind === 'Status' ? details?.uid : metadata.uid });
      } catch (error) {
        if (!(isIgnoring(flags, byName) && isApiError(error, 'NotFound'))) kube.fail(error);
      }
    }
    if (isTrue(flags.wait) && !options.dryRun && pending.length > 0) await untilGone(kube, pending, flags);
  });
}

async function targetsOf(kube: Kube, selection: Selection, flags: DeleteFlags): Promise<Target[]> {
  const { resource, name } = selection;
  if (name !== undefined) return [{ resource, name: placeOf(kube, selection) }];
  const { items } = await kube.client.list(resource, {
    ...(resource.namespaced && !flags.allNamespaces && { namespace: kube.namespace }),
    ...(flags.selector && { labelSelector: flags.selector }),
    ...(flags.fieldSelector && { fieldSelector: flags.fieldSelector }),
  });
  return items.map(({ metadata }) => ({
    resource,
    name: { name: metadata.name ?? '', ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) },
  }));
}

function deleteOptions(flags: DeleteFlags): DeleteOptions {
  const { gracePeriod, force, now, cascade = 'background', dryRun } = flags;
  const policies = {
    background: 'Background',
    true: 'Background',
    foreground: 'Foreground',
    orphan: 'Orphan',
    false: 'Orphan',
  } as const;
  const propagationPolicy = policies[String(cascade) as keyof typeof policies];
  if (!propagationPolicy)
    throw new CliError(`invalid cascade value (${String(cascade)}). Must be "background", "foreground", or "orphan"`);
  let seconds = gracePeriod === undefined ? -1 : Number(gracePeriod);
  if (!Number.isInteger(seconds)) throw new CliError(`invalid argument "${gracePeriod}" for "--grace-period" flag`);
  if (now && seconds >= 0) throw new CliError('--now and --grace-period cannot be specified together');
  if (now) seconds = 1;
  if (force && seconds > 0)
    throw new CliError('--force and --grace-period greater than 0 cannot be specified together');
  if (force && seconds < 0) seconds = 0;
  // Without --force nothing is taken away before its node has confirmed.
  if (!force && seconds === 0) seconds = 1;
  return {
    propagationPolicy,
    ...(seconds >= 0 && { gracePeriodSeconds: seconds }),
    ...(dryRun && dryRun !== 'none' && { dryRun: true }),
  };
}

function isIgnoring({ ignoreNotFound }: DeleteFlags, byName: boolean): boolean {
  return ignoreNotFound === undefined ? !byName : isTrue(ignoreNotFound);
}

function isTrue(flag: boolean | string): boolean {
  return flag === true || flag === 'true';
}

function say({ resource, name }: Target, { output, force, dryRun }: DeleteFlags): void {
  if (output === 'name') return void process.stdout.write(`${shownName(resource, name.name)}\n`);
  const suffix = !dryRun || dryRun === 'none' ? '' : dryRun === 'server' ? ' (server dry run)' : ' (dry run)';
  process.stdout.write(`${shownType(resource)} "${name.name}" ${force ? 'force deleted' : 'deleted'}${suffix}\n`);
}

/** A week: kubectl's way of saying for ever. */
const longMs = 7 * 24 * 3600 * 1000;

async function untilGone(
  { client }: Kube,
  pending: readonly (Target & { uid: string | undefined })[],
  { timeout }: DeleteFlags,
): Promise<void> {
  const uids = new Set(pending.flatMap(({ uid }) => uid ?? []));
  const nanos = timeout === undefined ? 0 : parseGoDuration(timeout);
  if (nanos === undefined) throw new CliError(`invalid argument "${timeout}" for "--timeout" flag`);
  try {
    await waitForObjects({
      client,
      clock,
      targets: pending,
      timeoutMs: nanos > 0 ? nanos / 1e6 : longMs,
      // Another one of the same name is not the one that was deleted.
      until: (object) =>
        object && (uids.size === 0 || uids.has(object.metadata.uid ?? ''))
          ? { state: 'progressing', reason: 'it is still there' }
          : { state: 'ready' },
    });
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
    const names = error.unready.map(({ resource, name }) => `${resource.plural}/${name.name}`);
    throw new CliError(`timed out waiting for the condition on ${names.join(', ')}`, { cause: error });
  }
}
