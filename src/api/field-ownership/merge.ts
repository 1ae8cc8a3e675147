import { cloneJson, isJsonObject, setKey, type JsonObject } from '../plain-json.ts';
import type { FieldSet } from './field-set.ts';
import type { FieldShape, ListShape, MapShape } from './field-shape.ts';
import { itemElement } from './fields-of.ts';

/** `applied` laid over `live`: maps and lists with owners of their own merge, leaves are replaced. A value of its own. */
export function mergeApplied(live: unknown, applied: unknown, shape: FieldShape | undefined): unknown {
  if (shape?.kind === 'map' && isJsonObject(live) && isJsonObject(applied)) return mergeMaps(live, applied, shape);
  if (shape?.kind === 'list' && Array.isArray(live) && Array.isArray(applied)) return mergeLists(live, applied, shape);
  return cloneJson(applied);
}

function mergeMaps(live: JsonObject, applied: JsonObject, { child }: MapShape): JsonObject {
  const merged = cloneJson(live);
  for (const key in applied) {
    const before = Object.hasOwn(live, key) ? live[key] : undefined;
    setKey(merged, key, mergeApplied(before, applied[key], child(key)));
  }
  return merged;
}

/** Items that are applied come in the order in which they are applied; the others stay after those they stood behind. */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], { keys, item }: ListShape): unknown[] {
  const before = new Map(live.map((value) => [itemElement(value, keys), value]));
  const wanted = new Map(applied.map((value) => [itemElement(value, keys), value]));
  const merged: unknown[] = [];
  const taken = new Set<string>();
  const take = (element: string, value: unknown): void => {
    if (taken.has(element)) return;
    taken.add(element);
    merged.push(keys ? mergeApplied(before.get(element), value, item) : cloneJson(value));
  };
  const order = [...wanted.keys()];
  for (const [element, value] of before) {
    if (!wanted.has(element)) {
      merged.push(cloneJson(value));
      continue;
    }
    // All that is applied before this one goes before it.
    for (const each of order.slice(0, order.indexOf(element) + 1)) take(each, wanted.get(each));
  }
  for (const [element, value] of wanted) take(element, value);
  return merged;
}

/**
 * Removes, in place, what `owned` has and `kept` has not: fields that their owner applies no more, and that nobody
 * else owns. A field on the way to one that is kept stays.
 */
export function removeFields(
  value: unknown,
  shape: FieldShape | undefined,
  sets: { owned: FieldSet; kept: FieldSet | undefined },
): void {
  const { owned, kept } = sets;
  if (shape?.kind === 'map' && isJsonObject(value)) {
    for (const element in owned) {
      if (element === '.') continue;
      const key = element.slice(2);
      const below = kept && Object.hasOwn(kept, element) ? kept[element] : undefined;
      if (below === undefined) delete value[key];
      else removeFields(value[key], shape.child(key), { owned: owned[element] as FieldSet, kept: below });
    }
  } else if (shape?.kind === 'list' && Array.isArray(value)) {
    const { keys, item } = shape;
    for (let i = value.length - 1; i >= 0; i--) {
      const element = itemElement(value[i], keys);
      const mine = Object.hasOwn(owned, element) ? owned[element] : undefined;
      if (mine === undefined) continue;
      const below = kept && Object.hasOwn(kept, element) ? kept[element] : undefined;
      if (below === undefined) value.splice(i, 1);
      else removeFields(value[i], item, { owned: mine, kept: below });
    }
  }
}
