import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Patch, WriteOptions } from '../../client/client.ts';
import { CliError } from '../errors.ts';
import { objectPrinter } from './print-objects.ts';
import { shownName } from './resource-finder.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

/** Flags of commands that change objects which are there. */
export interface ChangeFlags extends KubeFlags, SelectionFlags {
  selector?: string;
  fieldSelector?: string;
  all?: boolean;
  allNamespaces?: boolean;
  dryRun?: string;
  output?: string;
  showManagedFields?: boolean;
  fieldManager?: string;
  subresource?: string;
}

export interface Change {
  /** With neither a patch nor `send` there is nothing to change. */
  patch?: Patch;
  /** Changes it in another way than by one patch, and answers what came of it. */
  send?: (kube: Kube, selection: Selection) => Promise<KubeObject>;
  /** What to say: `labeled`. By what came of it when that is a function. */
  said: string | ((before: KubeObject, after: KubeObject) => string);
}

/** Changes each selected object, and says so in kubectl's words. What fails is told, and the others follow. */
export async function changeObjects(
  words: readonly string[],
  flags: ChangeFlags,
  changeOf: (object: KubeObject, selection: Selection) => Change,
): Promise<void> {
  const dryRun = dryRunOf(flags);
  const printer = await objectPrinter(flags.output, { showManagedFields: flags.showManagedFields ?? false });
  await withKube(flags, async (kube) => {
    for (const { selection, object } of await objectsOf(kube, words, flags)) {
      try {
        const { patch, send = patch && patching(patch, flags), said } = changeOf(object, selection);
        const after = send && dryRun !== 'client' ? await send(kube, selection) : await tried(object, patch, selection);
        if (printer) process.stdout.write(printer.print(typed(selection.resource, after)));
        else say(selection, typeof said === 'string' ? said : said(object, after), dryRun);
      } catch (error) {
        kube.fail(error);
      }
    }
  });
}

async function tried(object: KubeObject, patch: Patch | undefined, { resource }: Selection): Promise<KubeObject> {
  return patch ? (await import('./try-patch.ts')).tryPatch(object, patch, resource) : object;
}

function patching(patch: Patch, flags: ChangeFlags): NonNullable<Change['send']> {
  const { fieldManager, subresource } = flags;
  const options: WriteOptions = {
    ...(fieldManager && { fieldManager }),
    ...(subresource && { subresource }),
    ...(dryRunOf(flags) === 'server' && { dryRun: true }),
  };
  return (kube, selection) =>
    kube.client.patch<KubeObject>(selection.resource, placeOf(kube, selection), patch, options);
}

export function say({ resource, name = '' }: Selection, what: string, dryRun: 'none' | 'client' | 'server'): void {
  const suffix = { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun];
  process.stdout.write(`${shownName(resource, name)} ${what}${suffix}\n`);
}

export function dryRunOf({ dryRun = 'none' }: Pick<ChangeFlags, 'dryRun'>): 'none' | 'client' | 'server' {
  if (dryRun === 'none' || dryRun === 'client' || dryRun === 'server') return dryRun;
  throw new CliError(`Invalid dry-run value (${dryRun}). Must be "none", "server", or "client".`);
}

interface Selected {
  /** Of one object, with its name. */
  selection: Selection;
  object: KubeObject;
}

/** The objects that a command's words, files and selectors name. Rejects with CliError when it needs a name. */
export async function objectsOf(kube: Kube, words: readonly string[], flags: ChangeFlags): Promise<Selected[]> {
  const found: Selected[] = [];
  for (const selection of await selectionOf(kube, words, flags)) {
    const { resource, name } = selection;
    if (name !== undefined) {
      try {
        const object = await kube.client.get<KubeObject>(resource, placeOf(kube, selection));
        found.push({ selection, object });
      } catch (error) {
        kube.fail(error);
      }
      continue;
    }
    const { selector, fieldSelector, all, allNamespaces } = flags;
    if (!all && !selector && !fieldSelector) throw new CliError('resource(s) were provided, but no name was specified');
    const { items } = await kube.client.list<KubeObject>(resource, {
      ...(resource.namespaced && !allNamespaces && { namespace: kube.namespace }),
      ...(selector && { labelSelector: selector }),
      ...(fieldSelector && { fieldSelector }),
    });
    found.push(...items.map((object) => ({ selection: selectionFor(resource, object), object })));
  }
  return found;
}

function selectionFor(resource: Selection['resource'], { metadata }: KubeObject): Selection {
  const { name = '', namespace } = metadata;
  return { resource, name, ...(namespace !== undefined && { namespace }) };
}

/** `TYPE NAME… KEY=VALUE… KEY-…`: what comes before the changes, and the changes. */
export function splitChanges(
  words: readonly string[],
  what: string,
): { rest: string[]; set: [string, string][]; removed: string[] } {
  const isChange = (word: string): boolean => /^[^=]+=/.test(word) || word.endsWith('-');
  const at = words.findIndex(isChange);
  const changes = at < 0 ? [] : words.slice(at);
  const stray = changes.find((word) => !isChange(word));
  if (stray !== undefined) throw new CliError(`all resources must be specified before ${what} changes: ${stray}`);
  const set: [string, string][] = [];
  const removed: string[] = [];
  for (const word of changes) {
    const equals = word.indexOf('=');
    if (equals > 0) set.push([word.slice(0, equals), word.slice(equals + 1)]);
    else removed.push(word.slice(0, -1));
  }
  const both = set.find(([key]) => removed.includes(key));
  if (both)
    throw new CliError(
      `can not both modify and remove ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} in the same command`,
    );
  return { rest: words.slice(0, at < 0 ? words.length : at), set, removed };
}

/** The fields of a spec that a command looks at. */
export function specOf<T>(object: KubeObject): T {
  return ((object as AnyObject)['spec'] ?? {}) as T;
}
