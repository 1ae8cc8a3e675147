import { cloneJson, getKey, isJsonObject, jsonEquals, type JsonObject } from '../../api/plain-json.ts';
import { hasType, typeSchema, type FieldSchema } from '../../api/schema.ts';

/**
 * Three-way patches, as `kubectl apply` and Helm compute them (apimachinery's CreateThreeWayMergePatch): what is
 * wanted and differs from what lives is set; what was applied last and is not wanted any more is taken away; what
 * somebody else put there stays.
 */
export interface ThreeWay {
  /** What was applied the last time; without it nothing is taken away. */
  lastApplied: unknown;
  live: unknown;
  wanted: unknown;
}

/** A strategic merge patch for a built-in type (`io.k8s.api.apps.v1.Deployment`); undefined when nothing is to change. */
export function strategicThreeWayPatch(three: ThreeWay, type: string): JsonObject | undefined {
  const patch = patchMap(asMaps(three), structOf(type));
  return isEmpty(patch) ? undefined : patch;
}

/** A JSON merge patch (RFC 7386), for kinds whose lists nobody knows how to merge; undefined when nothing is to change. */
export function mergeThreeWayPatch(three: ThreeWay): JsonObject | undefined {
  const patch = patchMap(asMaps(three), 'json');
  return isEmpty(patch) ? undefined : patch;
}

/** What the values of a map are: a type's fields, all of one shape, unknown to the schema, or plain JSON without directives. */
type Shape =
  | { kind: 'struct'; fields: Readonly<Record<string, FieldSchema>> }
  | { kind: 'map'; value: Shape }
  | 'unknown'
  | 'json';

interface Member {
  /** Of the value, or of each item of a list. */
  shape: Shape;
  /** Lists are merged item by item; objects are not replaced as a whole. */
  merges: boolean;
  replaces: boolean;
  retainsKeys: boolean;
  mergeKey: string;
}

interface Maps {
  lastApplied: JsonObject;
  live: JsonObject;
  wanted: JsonObject;
}

interface Lists {
  lastApplied: readonly unknown[];
  live: readonly unknown[];
  wanted: readonly unknown[];
}

function structOf(type: string): Shape {
  return hasType(type) ? { kind: 'struct', fields: typeSchema(type).fields } : 'unknown';
}

function memberOf(shape: Shape, name: string): Member {
  const plain = { merges: false, replaces: false, retainsKeys: false, mergeKey: '' };
  if (shape === 'json' || shape === 'unknown') return { ...plain, shape };
  if (shape.kind === 'map') return { ...plain, shape: shape.value };
  const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
  if (!field) return { ...plain, shape: 'unknown' };
  const strategies = field.patch?.split(',') ?? [];
  const value = structOf(field.type);
  return {
    shape: field.map ? { kind: 'map', value } : value,
    merges: strategies.includes('merge'),
    replaces: strategies.includes('replace'),
    retainsKeys: strategies.includes('retainKeys'),
    mergeKey: field.mergeKey ?? '',
  };
}

function asMaps({ lastApplied, live, wanted }: ThreeWay): Maps {
  const map = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
  return { lastApplied: map(lastApplied), live: map(live), wanted: map(wanted) };
}

function patchMap({ lastApplied, live, wanted }: Maps, shape: Shape): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(wanted)) {
    const value = wanted[key];
    // Who writes null wants the field away, whatever is there.
    if (value === null || value === undefined) {
      if (getKey(live, key) !== undefined) patch[key] = null;
      continue;
    }
    const before = getKey(live, key);
    const three = { lastApplied: getKey(lastApplied, key), live: before, wanted: value };
    patchValue(patch, key, { three, member: memberOf(shape, key) });
  }
  for (const key of Object.keys(lastApplied)) {
    if (getKey(wanted, key) === undefined && getKey(live, key) !== undefined) patch[key] = null;
  }
  return patch;
}

function patchValue(patch: JsonObject, key: string, { three, member }: { three: ThreeWay; member: Member }): void {
  const { lastApplied, live, wanted } = three;
  if (isJsonObject(wanted) && isJsonObject(live) && !member.replaces) {
    const inner = patchMap(asMaps(three), member.shape);
    if (isEmpty(inner)) return;
    if (member.retainsKeys) inner['$retainKeys'] = Object.keys(wanted).filter((name) => wanted[name] !== null);
    patch[key] = inner;
    return;
  }
  if (Array.isArray(wanted) && Array.isArray(live) && member.merges) {
    const lists = { lastApplied: Array.isArray(lastApplied) ? lastApplied : [], live, wanted };
    if (member.mergeKey === '') patchSet(patch, key, lists);
    else patchKeyedList(patch, key, { lists: lists, member });
    return;
  }
  if (!jsonEquals(live, wanted)) patch[key] = withoutNulls(wanted);
}

/** A list of scalars that are merged as a set: finalizers. */
function patchSet(patch: JsonObject, key: string, { lastApplied, live, wanted }: Lists): void {
  const added = wanted.filter((item) => !live.includes(item));
  const gone = lastApplied.filter((item) => !wanted.includes(item) && live.includes(item));
  if (added.length > 0) patch[key] = added;
  if (gone.length > 0) patch[`$deleteFromPrimitiveList/${key}`] = gone;
  if (added.length > 0 || gone.length > 0) patch[`$setElementOrder/${key}`] = [...wanted];
}

/** A list of objects that know each other by a key: containers by name. */
function patchKeyedList(patch: JsonObject, key: string, { lists, member }: { lists: Lists; member: Member }): void {
  const { mergeKey } = member;
  const keys = { lastApplied: keysOf(lists.lastApplied, mergeKey), live: keysOf(lists.live, mergeKey) };
  const wantedKeys = keysOf(lists.wanted, mergeKey);
  // Two items of one key (a port for TCP and one for UDP) cannot be told apart by it: the list is replaced as a whole.
  if (!wantedKeys || !keys.live) {
    const isSame =
      lists.live.length === lists.wanted.length && lists.wanted.every((item, i) => covers(lists.live[i], item));
    if (!isSame) patch[key] = [...(withoutNulls(lists.wanted) as unknown[]), { $patch: 'replace' }];
    return;
  }
  const items: JsonObject[] = [];
  for (const [name, item] of wantedKeys) {
    const live = keys.live.get(name);
    if (!live) {
      items.push(withoutNulls(item) as JsonObject);
      continue;
    }
    const inner = patchMap({ lastApplied: keys.lastApplied?.get(name) ?? {}, live, wanted: item }, member.shape);
    if (isEmpty(inner)) continue;
    if (member.retainsKeys) inner['$retainKeys'] = Object.keys(item).filter((field) => item[field] !== null);
    items.push({ ...inner, [mergeKey]: name });
  }
  for (const name of keys.lastApplied?.keys() ?? []) {
    if (!wantedKeys.has(name) && keys.live.has(name)) items.push({ $patch: 'delete', [mergeKey]: name });
  }
  if (items.length > 0) patch[key] = items;
  if (items.length > 0 || !isInOrder([...wantedKeys.keys()], [...keys.live.keys()])) {
    patch[`$setElementOrder/${key}`] = [...wantedKeys.keys()].map((name) => ({ [mergeKey]: name }));
  }
}

/** Items by key; undefined when two have the same, or one has none. */
function keysOf(list: readonly unknown[], mergeKey: string): Map<unknown, JsonObject> | undefined {
  const found = new Map<unknown, JsonObject>();
  for (const item of list) {
    const key = isJsonObject(item) ? getKey(item, mergeKey) : undefined;
    if (key === undefined || found.has(key)) return undefined;
    found.set(key, item as JsonObject);
  }
  return found;
}

/** Whether the live object has all that is wanted; it may have more (defaults). */
function covers(live: unknown, wanted: unknown): boolean {
  if (!isJsonObject(live) || !isJsonObject(wanted)) return jsonEquals(live, wanted);
  return Object.keys(wanted).every((key) => covers(getKey(live, key), wanted[key]));
}

function isInOrder(wanted: readonly unknown[], live: readonly unknown[]): boolean {
  const places = wanted.map((name) => live.indexOf(name));
  return places.every((place, i) => i === 0 || place > (places[i - 1] as number));
}

/** In a value that is set as a whole a null means nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const copy = cloneJson(value);
  for (const key of Object.keys(copy)) {
    if (copy[key] === null) delete copy[key];
    else copy[key] = withoutNulls(copy[key]);
  }
  return copy;
}

function isEmpty(patch: JsonObject): boolean {
  return Object.keys(patch).length === 0;
}
