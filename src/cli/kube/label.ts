import { sorted } from '../../delivery/inspect/describe/fields.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, changeObjects, objectsOf, splitChanges } from './change-objects.ts';
import { shownName } from './resource-finder.ts';
import { withKube } from './session.ts';

export interface LabelFlags extends ChangeFlags {
  /** `true` or `false`. */
  overwrite?: string;
  list?: boolean;
  resourceVersion?: string;
}

type Field = 'labels' | 'annotations';

export async function label(words: readonly string[], flags: LabelFlags): Promise<void> {
  await changeMap(words, flags, { field: 'labels', what: 'label', isStrict: true });
}

export async function annotate(words: readonly string[], flags: LabelFlags): Promise<void> {
  await changeMap(words, flags, { field: 'annotations', what: 'annotation', isStrict: false });
}

interface Kind {
  field: Field;
  what: string;
  /** Whether what stays as it is is told so. */
  isStrict: boolean;
}

async function changeMap(words: readonly string[], flags: LabelFlags, { field, what, isStrict }: Kind): Promise<void> {
  const { rest, set, removed } = splitChanges(words, what);
  if (flags.list) return listMap(rest, flags, field);
  if (set.length + removed.length === 0) throw new CliError(`at least one ${what} update is required`);
  await changeObjects(rest, flags, (object) => {
    const now = object.metadata[field] ?? {};
    const taken = set.filter(([key, value]) => Object.hasOwn(now, key) && now[key] !== value);
    if (taken.length > 0 && flags.overwrite !== 'true') throw new CliError(takenText(taken[0]?.[0] ?? '', now, field));
    if (isStrict) sayMissing(removed.filter((key) => !Object.hasOwn(now, key)));
    const changes = Object.fromEntries<string | null>([...set, ...removed.map((key) => [key, null] as const)]);
    const metadata = {
      [field]: changes,
      ...(flags.resourceVersion && { resourceVersion: flags.resourceVersion }),
    };
    return {
      patch: { kind: 'merge', document: { metadata } },
      said: isStrict ? saidOf(now, set, removed) : 'annotated',
    };
  });
}

function takenText(key: string, now: Readonly<Record<string, string>>, field: Field): string {
  return field === 'labels'
    ? `'${key}' already has a value (${now[key] ?? ''}), and --overwrite is false`
    : `--overwrite is false but found the following declared annotation(s): '${key}' already has a value (${now[key] ?? ''})`;
}

function sayMissing(keys: readonly string[]): void {
  for (const key of keys) process.stdout.write(`label ${JSON.stringify(key)} not found.\n`);
}

/** What comes of it is known before the server says so. */
function saidOf(
  now: Readonly<Record<string, string>>,
  set: readonly (readonly [string, string])[],
  removed: readonly string[],
): string {
  const changes = set.some(([key, value]) => now[key] !== value) || removed.some((key) => Object.hasOwn(now, key));
  if (!changes) return 'not labeled';
  return set.length === 0 ? 'unlabeled' : 'labeled';
}

async function listMap(words: readonly string[], flags: LabelFlags, field: Field): Promise<void> {
  await withKube(flags, async (kube) => {
    const found = await objectsOf(kube, words, flags);
    for (const { selection, object } of found) {
      const pairs = sorted(object.metadata[field]).map(([key, value]) => `${key}=${value}`);
      const head =
        found.length > 1 ? [`Listing ${field} for ${shownName(selection.resource, selection.name ?? '')}:`] : [];
      for (const line of [...head, ...pairs.map((pair) => (found.length > 1 ? ` ${pair}` : pair))]) {
        process.stdout.write(`${line}\n`);
      }
    }
  });
}
