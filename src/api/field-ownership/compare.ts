import { isJsonObject, jsonEquals, type JsonObject } from '../plain-json.ts';
import type { FieldSet } from './field-set.ts';
import type { FieldShape, ListShape, MapShape } from './field-shape.ts';
import { fieldsText, itemElement, parseFields } from './fields-of.ts';

/** What one state of an object has that another has not. */
export interface Comparison {
  /** Added, or with another value. */
  changed: FieldSet | undefined;
  removed: FieldSet | undefined;
}

const same: Comparison = { changed: undefined, removed: undefined };

/** Compares two states of a value, field by field as they are owned. */
export function compareFields(old: unknown, next: unknown, shape: FieldShape): Comparison {
  if (old === next) return same;
  if (old === undefined) return { changed: written(next, shape), removed: undefined };
  if (next === undefined) return { changed: undefined, removed: parseFields(fieldsText(old, shape, 'applied')) };
  if (shape.kind === 'map' && isJsonObject(old) && isJsonObject(next)) return compareMaps(old, next, shape);
  if (shape.kind === 'list' && Array.isArray(old) && Array.isArray(next)) return compareLists(old, next, shape);
  return jsonEquals(old, next) ? same : { changed: written(next, shape), removed: undefined };
}

function written(value: unknown, shape: FieldShape): FieldSet {
  return shape.kind === 'leaf' ? leaf : parseFields(fieldsText(value, shape, 'written'));
}

const leaf: FieldSet = {};

/** What is gone is gone itself, and with all that was in it; so is what is new in a list. */
function wholly(value: unknown, shape: FieldShape, how: 'applied' | 'written'): FieldSet {
  const text = fieldsText(value, shape, how);
  return text === '{}' ? leaf : { '.': leaf, ...parseFields(text) };
}

/** Puts comparisons of parts together. */
class Joined implements Comparison {
  changed: Record<string, FieldSet> | undefined;
  removed: Record<string, FieldSet> | undefined;

  add(element: string, { changed, removed }: Comparison): void {
    if (changed) (this.changed ??= {})[element] = changed;
    if (removed) (this.removed ??= {})[element] = removed;
  }
}

function compareMaps(old: JsonObject, next: JsonObject, { child }: MapShape): Comparison {
  const joined = new Joined();
  for (const key in next) {
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    if (jsonEquals(before, next[key])) continue;
    const shape = child(key);
    if (shape) joined.add(`f:${key}`, compareFields(before, next[key], shape));
  }
  for (const key in old) {
    if (Object.hasOwn(next, key) && next[key] !== undefined) continue;
    const shape = child(key);
    if (shape) joined.add(`f:${key}`, { changed: undefined, removed: wholly(old[key], shape, 'applied') });
  }
  return joined;
}

function compareLists(old: readonly unknown[], next: readonly unknown[], { keys, item }: ListShape): Comparison {
  const before = new Map(old.map((value) => [itemElement(value, keys), value]));
  const joined = new Joined();
  for (const value of next) {
    const element = itemElement(value, keys);
    if (before.has(element)) {
      if (keys) joined.add(element, compareFields(before.get(element), value, item));
      before.delete(element);
    } else {
      joined.add(element, { changed: wholly(value, item, 'written'), removed: undefined });
    }
  }
  for (const [element, value] of before) {
    joined.add(element, { changed: undefined, removed: wholly(value, item, 'applied') });
  }
  return joined;
}
