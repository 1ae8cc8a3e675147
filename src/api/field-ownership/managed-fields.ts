import { compareFields } from './compare.ts';
import {
  difference,
  intersection,
  mayIntersect,
  pathsOf,
  recursiveDifference,
  union,
  type FieldSet,
} from './field-set.ts';
import type { MapShape } from './field-shape.ts';
import { fieldsOf, parseFields } from './fields-of.ts';
import { mergeApplied, removeFields } from './merge.ts';
import { unionText } from './union-text.ts';
import type { AnyObject } from '../object.ts';
import { cloneJson, isJsonObject } from '../plain-json.ts';
import { ApiError } from '../status.ts';
import type { ManagedFieldsEntry, StatusCause } from '../types/meta-v1.ts';

/** Who makes a write, as managed fields name him. */
export interface FieldManager {
  manager: string;
  operation: 'Apply' | 'Update';
  /** Of the version that is stored: fields are named as they are there. */
  apiVersion: string;
  /** '' for the main resource. */
  subresource: string;
}

/** One entry of `metadata.managedFields`; its fields stay text until somebody has to look into them. */
export interface ManagedEntry extends FieldManager {
  time: string;
  /** FieldsV1 as JSON. */
  fields: string;
  /** The whole entry as it was read: it is written as that again. */
  text?: string;
}

/** Writers beyond this many are put together as {@link ancient}. */
const updaterLimit = 10;
const ancient = 'ancient-changes';

function isSameManager(a: FieldManager, b: FieldManager): boolean {
  if (a.manager !== b.manager || a.operation !== b.operation || a.subresource !== b.subresource) return false;
  return a.operation === 'Apply' || a.apiVersion === b.apiVersion;
}

/** Entries as JSON, in upstream's order; '' for none. */
export function formatManaged(entries: readonly ManagedEntry[]): string {
  if (entries.length === 0) return '';
  const [first] = entries;
  if (entries.length === 1 && first) return `[${formatEntry(first)}]`;
  return `[${entries.toSorted(compareEntries).map(formatEntry).join()}]`;
}

const quotedNames = new Map<string, string>();
const quotedLimit = 1000;

/** A name as JSON; few managers and versions write many objects. */
function quoted(name: string): string {
  let text = quotedNames.get(name);
  if (text === undefined) {
    if (quotedNames.size >= quotedLimit) quotedNames.clear();
    quotedNames.set(name, (text = JSON.stringify(name)));
  }
  return text;
}

function formatEntry({ manager, operation, apiVersion, time, subresource, fields, text }: ManagedEntry): string {
  if (text !== undefined) return text;
  const head = `{"manager":${quoted(manager)},"operation":"${operation}","apiVersion":${quoted(apiVersion)}`;
  const below = subresource === '' ? '' : `,"subresource":${quoted(subresource)}`;
  return `${head},"time":"${time}"${below},"fieldsType":"FieldsV1","fieldsV1":${fields}}`;
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
  for (const field of ['operation', 'time', 'manager', 'apiVersion', 'subresource'] as const) {
    if (a[field] !== b[field]) return a[field] < b[field] ? -1 : 1;
  }
  return 0;
}

const fieldsMark = ',"fieldsType":"FieldsV1","fieldsV1":';
/** Between two entries, and nowhere else: in a string its quotes would be escaped, and no field is written so. */
const separator = '},{"manager":';

/** Reads what {@link formatManaged} wrote, without looking into the fields. */
export function parseManaged(text: string): ManagedEntry[] {
  const entries: ManagedEntry[] = [];
  const last = text.length - 1;
  for (let at = 1; at < last;) {
    const next = text.indexOf(separator, at);
    const end = next < 0 ? last : next + 1;
    const mark = text.indexOf(fieldsMark, at);
    const head = JSON.parse(`${text.slice(at, mark)}}`) as Omit<ManagedEntry, 'subresource'> & { subresource?: string };
    const { manager, operation, apiVersion, time, subresource = '' } = head;
    const fields = text.slice(mark + fieldsMark.length, end - 1);
    entries.push({ manager, operation, apiVersion, time, subresource, fields, text: text.slice(at, end) });
    at = end + 1;
  }
  return entries;
}

/**
 * Entries that a client sent. Undefined when they say nothing that can be used; one empty entry asks for all of them
 * to be forgotten.
 */
export function managedFrom(sent: readonly ManagedFieldsEntry[]): ManagedEntry[] | undefined {
  const [first] = sent;
  if (sent.length === 1 && first && Object.keys(first).length === 0) return [];
  const entries = sent.flatMap((entry): ManagedEntry[] => {
    const { manager, operation, apiVersion, time, subresource = '', fieldsType, fieldsV1 } = entry;
    if (operation !== 'Apply' && operation !== 'Update') return [];
    if (fieldsType !== 'FieldsV1' || !isJsonObject(fieldsV1)) return [];
    const fields = JSON.stringify(fieldsV1);
    return [{ manager: manager ?? '', operation, apiVersion: apiVersion ?? '', time: time ?? '', subresource, fields }];
  });
  return entries.length === sent.length ? entries : undefined;
}

export interface Write {
  entries: readonly ManagedEntry[];
  by: FieldManager;
  shape: MapShape;
  old: AnyObject;
  next: AnyObject;
  /** RFC 3339. */
  now: string;
}

/**
 * The entries after a write that is no apply: whoever changes a field owns it from then on, and nobody else does
 * (KEP-555). The same array when nothing changed that has owners.
 */
export function trackUpdate({ entries, by, shape, old, next, now }: Write): readonly ManagedEntry[] {
  const { changed, removed } = compareFields(old, next, shape);
  if (!changed && !removed) return entries;
  const tracked: ManagedEntry[] = [];
  let before: ManagedEntry | undefined;
  for (const entry of entries) {
    const isOwn = isSameManager(entry, by);
    const left = withoutFields(entry, isOwn ? undefined : changed, removed);
    if (isOwn) before = left;
    else if (left) tracked.push(left);
  }
  if (!changed) return before ? [...tracked, before] : tracked;
  const fields = before ? unionText(before.fields, changed) : JSON.stringify(changed);
  const { manager, operation, apiVersion, subresource } = by;
  tracked.push({ manager, operation, apiVersion, subresource, time: now, fields });
  return tracked.length > updaterLimit ? capped(tracked) : tracked;
}

/** Undefined when nothing is left. */
function withoutFields(
  entry: ManagedEntry,
  changed: FieldSet | undefined,
  removed: FieldSet | undefined,
): ManagedEntry | undefined {
  const loses = changed && mayIntersect(entry.fields, changed);
  const misses = removed && mayIntersect(entry.fields, removed);
  if (!loses && !misses) return entry;
  const left = recursiveDifference(difference(parseFields(entry.fields), changed), removed);
  if (!left) return undefined;
  const fields = JSON.stringify(left);
  return fields === entry.fields ? entry : changedEntry(entry, fields);
}

function changedEntry(
  { manager, operation, apiVersion, subresource, time }: ManagedEntry,
  fields: string,
): ManagedEntry {
  return { manager, operation, apiVersion, subresource, time, fields };
}

/** Nobody keeps a list of all who ever wrote: the oldest become one. */
function capped(entries: ManagedEntry[]): ManagedEntry[] {
  const updaters = entries.filter(({ operation }) => operation === 'Update').toSorted(compareEntries);
  const surplus = updaters.slice(0, Math.max(0, updaters.length - updaterLimit + 1));
  const [oldest] = surplus;
  if (updaters.length <= updaterLimit || !oldest) return entries;
  const fields = surplus.map((entry) => parseFields(entry.fields)).reduce((all, set) => union(all, set) as FieldSet);
  const time = surplus.at(-1)?.time ?? oldest.time;
  const merged = { ...changedEntry(oldest, JSON.stringify(fields)), manager: ancient, subresource: '', time };
  return [...entries.filter((entry) => !surplus.includes(entry)), merged];
}

export interface Applied {
  object: AnyObject;
  entries: readonly ManagedEntry[];
}

/**
 * Server-side apply: `configuration` laid over `live` (undefined: it is created). Fields that this manager applied
 * before and does not apply now go, unless somebody else owns them. Throws Conflict (409) with a cause for each field
 * that is changed and owned by others, unless `force` takes them over.
 */
export function applyConfiguration(options: {
  live: AnyObject | undefined;
  configuration: AnyObject;
  entries: readonly ManagedEntry[];
  by: FieldManager;
  shape: MapShape;
  force: boolean;
  now: string;
  /** What the same user applied by other means: it may change that. */
  previous?: AnyObject | undefined;
}): Applied {
  const { live, configuration, by, shape, force, now, previous } = options;
  const mine = options.entries.find((entry) => isSameManager(entry, by));
  let others = options.entries.filter((entry) => entry !== mine);
  const set = fieldsOf(configuration, shape, 'applied');
  const object = (live ? mergeApplied(live, configuration, shape) : cloneJson(configuration)) as AnyObject;
  const had = mine && parseFields(mine.fields);
  if (had) {
    const kept = others.reduce<FieldSet | undefined>((all, entry) => union(all, parseFields(entry.fields)), set);
    removeFields(object, shape, { owned: had, kept });
  }
  if (live) {
    const { changed, removed } = compareFields(live, object, shape);
    const before = previous && fieldsOf(previous, shape, 'applied');
    const conflicts = others.flatMap((entry) => {
      if (!changed || !mayIntersect(entry.fields, changed)) return [];
      const both = difference(intersection(parseFields(entry.fields), changed), before);
      return both ? pathsOf(both).map((path): Conflict => ({ by: entry, path })) : [];
    });
    if (conflicts.length > 0 && !force) throw applyConflict(conflicts);
    others = others.flatMap((entry) => withoutFields(entry, changed, removed) ?? []);
  }
  const fields = JSON.stringify(set ?? {});
  const isSame = mine !== undefined && jsonText(had) === jsonText(set);
  const own: ManagedEntry = isSame ? mine : { ...by, time: now, fields };
  return { object, entries: set ? [...others, own] : others };
}

/** The order of elements in a set says nothing. */
function jsonText(set: FieldSet | undefined): string {
  return JSON.stringify(set ?? {}, (_, value: unknown) =>
    isJsonObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}

interface Conflict {
  by: ManagedEntry;
  path: string;
}

function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const causes: StatusCause[] = conflicts.map(({ by, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(by)}`,
    field: path,
  }));
  return ApiError.of('Conflict', conflictText(conflicts), { causes });
}

function conflictText(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first) {
    return `Apply failed with 1 conflict: conflict with ${managerText(first.by)}: ${first.path}`;
  }
  const byManager = new Map<string, string[]>();
  for (const { by, path } of conflicts) {
    const name = managerText(by);
    byManager.set(name, [...(byManager.get(name) ?? []), `- ${path}`]);
  }
  const texts = [...byManager.keys()]
    .toSorted()
    .map((name) => [`conflicts with ${name}:`, ...(byManager.get(name) ?? [])].join('\n'));
  return `Apply failed with ${conflicts.length} conflicts: ${texts.join('\n')}`;
}

function managerText({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  const name = JSON.stringify(manager) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
