import { cloneJson, getKey, goFormat, isJsonObject, setKey, type JsonObject } from './plain-json.ts';
import { hasType, typeSchema, type FieldSchema } from './schema.ts';
import { ApiError } from './status.ts';

/**
 * A strategic merge patch, as `kubectl apply`, `edit` and `set` send it: a merge patch in which lists whose type says
 * so are merged item by item (by merge key, or as sets), steered by the directives `$patch`, `$retainKeys`,
 * `$setElementOrder/<list>` and `$deleteFromPrimitiveList/<list>`. Fields that the type does not know merge like a
 * plain merge patch. The result is a deep copy of its own. Follows apimachinery's strategicpatch package, its errors
 * included: BadRequest for a malformed directive, 500 with its text for an item without its merge key.
 */
export function applyStrategicMergePatch<T>(document: T, patch: unknown, type: string): T {
  if (!isJsonObject(patch)) throw ApiError.of('BadRequest', 'invalid JSON document');
  const original = isJsonObject(document) ? cloneJson(document) : {};
  return mergeMap(original, cloneJson(patch), structOf(type)) as T;
}

const patchDirective = '$patch';
const retainKeys = '$retainKeys';
const setElementOrder = '$setElementOrder/';
const deleteFromPrimitiveList = '$deleteFromPrimitiveList/';

/** The type of a JSON object: a struct's fields, a map's values, or nothing known. */
type Shape =
  { kind: 'struct'; fields: Readonly<Record<string, FieldSchema>> } | { kind: 'map'; value: Shape } | undefined;

function structOf(type: string): Shape {
  return hasType(type) ? { kind: 'struct', fields: typeSchema(type).fields } : undefined;
}

interface Member {
  /** Shape of the value, or of each item of a list. */
  shape: Shape;
  /** `replace`: no merging below this field. */
  strategy: 'merge' | 'replace' | undefined;
  mergeKey: string;
}

const unknownMember: Member = { shape: undefined, strategy: undefined, mergeKey: '' };

function memberOf(shape: Shape, name: string): Member {
  if (shape?.kind === 'map') return { shape: shape.value, strategy: undefined, mergeKey: '' };
  const field = shape && Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
  if (!field) return unknownMember;
  const strategies = field.patch?.split(',') ?? [];
  const value = structOf(field.type);
  return {
    shape: field.map ? { kind: 'map', value } : value,
    strategy: strategies.includes('merge') ? 'merge' : strategies.includes('replace') ? 'replace' : undefined,
    mergeKey: field.mergeKey ?? '',
  };
}

/** Merges `patch` into `original`, both ours to change. */
function mergeMap(original: JsonObject, patch: JsonObject, shape: Shape): JsonObject {
  const directive = getKey(patch, patchDirective);
  if (directive !== undefined) return applyDirective(directive, patch);
  applyRetainKeys(original, patch);
  mergeOrderedLists(original, patch, shape);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (key.startsWith(deleteFromPrimitiveList)) {
      removeItems(original, key.slice(deleteFromPrimitiveList.length), value);
    } else if (value === null) {
      delete original[key];
    } else {
      const before = getKey(original, key);
      setKey(
        original,
        key,
        before === undefined ? withoutDirectives(value) : mergeValue(before, value, memberOf(shape, key)),
      );
    }
  }
  return original;
}

function applyDirective(directive: unknown, patch: JsonObject): JsonObject {
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw failure(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(patch)}`);
  delete patch[patchDirective];
  return withoutDirectives(patch) as JsonObject;
}

function mergeValue(before: unknown, value: unknown, member: Member): unknown {
  if (isJsonObject(before) && isJsonObject(value)) {
    return member.strategy === 'replace' ? withoutDirectives(value) : mergeMap(before, value, member.shape);
  }
  if (Array.isArray(before) && Array.isArray(value)) {
    return member.strategy === 'merge' ? mergeList(before, value, member) : withoutDirectives(value);
  }
  return withoutDirectives(value);
}

/** `$retainKeys: [a, b]`: of this object only these keys stay. */
function applyRetainKeys(original: JsonObject, patch: JsonObject): void {
  const kept = getKey(patch, retainKeys);
  if (kept === undefined) return;
  delete patch[retainKeys];
  if (!Array.isArray(kept)) throw badDirective('retainKeys');
  const names = new Set(kept as unknown[]);
  for (const key of Object.keys(patch)) {
    const isOther = key.startsWith(setElementOrder) || key.startsWith(deleteFromPrimitiveList) || patch[key] === null;
    if (!isOther && !names.has(key)) throw badDirective('retainKeys');
  }
  for (const key of Object.keys(original)) if (!names.has(key)) delete original[key];
}

/** `$deleteFromPrimitiveList/finalizers: [a]` */
function removeItems(original: JsonObject, key: string, items: unknown): void {
  if (!Array.isArray(items)) throw badDirective('primitive list');
  const before = getKey(original, key);
  if (!Array.isArray(before)) return;
  const gone = new Set(items as unknown[]);
  original[key] = before.filter((item) => !gone.has(item));
}

/** Merges the lists that `$setElementOrder/<list>` names, and takes both off the patch. */
function mergeOrderedLists(original: JsonObject, patch: JsonObject, shape: Shape): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(setElementOrder)) continue;
    const order = patch[directive];
    const key = directive.slice(setElementOrder.length);
    const before = getKey(original, key);
    const changes = getKey(patch, key);
    delete patch[directive];
    if (!Array.isArray(order)) throw badDirective('setElementOrder list');
    // A null, a list replaced by something else: the plain rules do.
    if (!isListOrMissing(before) || !isListOrMissing(changes)) continue;
    if (!before && !changes) continue;
    const member = memberOf(shape, key);
    checkOrder(changes ?? [], order, member.mergeKey);
    delete patch[key];
    const merged = !changes
      ? (before ?? [])
      : before
        ? (mergeValue(before, changes, member) as unknown[])
        : (withoutDirectives(changes) as unknown[]);
    original[key] = arrange(merged, { patchOrder: order, liveOrder: before ?? [], mergeKey: member.mergeKey });
  }
}

function isListOrMissing(value: unknown): value is unknown[] | undefined {
  return value === undefined || Array.isArray(value);
}

/** The patch's own items must come in the order that the directive gives. */
function checkOrder(changes: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0) return;
  const kept = changes.filter((item) => !(isJsonObject(item) && Object.hasOwn(item, patchDirective)));
  let at = 0;
  for (const item of order) {
    if (at < kept.length && identityOf(kept[at], mergeKey) === identityOf(item, mergeKey)) at++;
  }
  if (at === kept.length) return;
  const text = `The order in patch list:\n${goFormat(changes)}\n doesn't match $setElementOrder list:\n${goFormat(order)}\n`;
  throw failure(text);
}

function mergeList(before: unknown[], changes: unknown[], member: Member): unknown[] {
  if (before.length === 0 && changes.length === 0) return before;
  const { mergeKey } = member;
  checkItems([...before, ...changes]);
  if (!isJsonObject(before[0] ?? changes[0])) {
    const merged = [...new Set([...before, ...changes])];
    return arrange(merged, { patchOrder: changes, liveOrder: before, mergeKey: '' });
  }
  if (mergeKey === '') throw failure('cannot merge lists without merge key for type struct');
  const { live, items } = applyItemDirectives(before as JsonObject[], changes as JsonObject[], mergeKey);
  const merged = [...live];
  const places = new Map(merged.map((item, index) => [identityOf(item, mergeKey), index]));
  for (const item of items) {
    const identity = requireKey(item, mergeKey);
    const place = places.get(identity);
    if (place === undefined) {
      places.set(identity, merged.length);
      merged.push(withoutDirectives(item) as JsonObject);
    } else {
      merged[place] = mergeMap(merged[place] as JsonObject, item, member.shape);
    }
  }
  return arrange(merged, { patchOrder: items, liveOrder: live, mergeKey });
}

/** Items with `$patch: delete` take the live item away; one with `$patch: replace` makes the patch's items the whole list. */
function applyItemDirectives(
  before: JsonObject[],
  changes: JsonObject[],
  mergeKey: string,
): { live: JsonObject[]; items: JsonObject[] } {
  const items: JsonObject[] = [];
  const gone = new Set<unknown>();
  let isReplaced = false;
  for (const item of changes) {
    const directive = getKey(item, patchDirective);
    if (directive === undefined) items.push(item);
    else if (directive === 'delete') gone.add(requireKey(item, mergeKey));
    else if (directive === 'replace') isReplaced = true;
    else if (directive === 'merge') throw failure('merging lists cannot yet be specified in the patch');
    else throw failure(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(item)}`);
  }
  if (isReplaced) return { live: withoutDirectives(items) as JsonObject[], items: [] };
  if (gone.size === 0) return { live: before, items };
  return { live: before.filter((item) => !gone.has(getKey(item, mergeKey))), items };
}

function checkItems(items: readonly unknown[]): void {
  const kinds = new Set(items.map((item) => (isJsonObject(item) ? 'map' : Array.isArray(item) ? 'list' : typeof item)));
  if (kinds.has('list')) throw ApiError.of('Invalid', 'lists of lists are not supported');
  if (kinds.size > 1) throw failure(`list element types are not identical: ${goFormat(items)}`);
}

/**
 * Orders a merged list. Items of the patch stand in the patch's order, the others in the live list's; the two are
 * interleaved so that an other item keeps its place before a patch item that it preceded in the live list.
 */
function arrange(
  merged: readonly unknown[],
  options: { patchOrder: readonly unknown[]; liveOrder: readonly unknown[]; mergeKey: string },
): unknown[] {
  const { mergeKey } = options;
  const patchPlaces = placesOf(options.patchOrder, mergeKey);
  const livePlaces = placesOf(options.liveOrder, mergeKey);
  const place = (places: ReadonlyMap<unknown, number>, item: unknown): number =>
    places.get(identityOf(item, mergeKey)) ?? places.size;
  if (mergeKey !== '') for (const item of merged) requireKey(item as JsonObject, mergeKey);
  const isPatched = (item: unknown): boolean => patchPlaces.has(identityOf(item, mergeKey));
  const patched = merged.filter(isPatched).toSorted((a, b) => place(patchPlaces, a) - place(patchPlaces, b));
  const others = merged
    .filter((item) => !isPatched(item))
    .toSorted((a, b) => place(livePlaces, a) - place(livePlaces, b));
  const arranged: unknown[] = [];
  let next = 0;
  for (const item of patched) {
    const limit = livePlaces.get(identityOf(item, mergeKey));
    while (limit !== undefined && next < others.length) {
      const other = livePlaces.get(identityOf(others[next], mergeKey));
      if (other === undefined || other >= limit) break;
      arranged.push(others[next++]);
    }
    arranged.push(item);
  }
  return [...arranged, ...others.slice(next)];
}

function placesOf(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const places = new Map<unknown, number>();
  for (const [index, item] of list.entries()) {
    const identity = identityOf(item, mergeKey);
    if (!places.has(identity)) places.set(identity, index);
  }
  return places;
}

/** What makes an item the same item: its merge key's value, or itself. */
function identityOf(item: unknown, mergeKey: string): unknown {
  return mergeKey !== '' && isJsonObject(item) ? getKey(item, mergeKey) : item;
}

function requireKey(item: JsonObject, mergeKey: string): unknown {
  const value = getKey(item, mergeKey);
  if (value !== undefined) return value;
  throw failure(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);
}

/** A value that is taken as it comes may still carry directives and nulls, which mean nothing there. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isJsonObject(item) && getKey(item, patchDirective) === 'delete'))
      .map(withoutDirectives);
  }
  if (!isJsonObject(value)) return value;
  for (const key of Object.keys(value)) {
    const inner = value[key];
    const isDirective =
      key === patchDirective ||
      key === retainKeys ||
      key.startsWith(setElementOrder) ||
      key.startsWith(deleteFromPrimitiveList);
    if (isDirective || inner === null) delete value[key];
    else setKey(value, key, withoutDirectives(inner));
  }
  return value;
}

function badDirective(what: string): ApiError {
  return ApiError.of('BadRequest', `invalid patch format of ${what}`);
}

/** Upstream does not classify these: a 500 without a reason. */
function failure(message: string): ApiError {
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
}
