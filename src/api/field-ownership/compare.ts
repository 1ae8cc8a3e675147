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
  return parseFields(fieldsText(value, shape, 'written'));
}

function compareMaps(old: JsonObject, next: JsonObject, { child }: MapShape): Comparison {
  const parts: [string, Comparison][] = [];
  for (const key in next) {
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    if (before === next[key] || jsonEquals(before, next[key])) continue;
    const shape = child(key);
    if (shape) parts.push([`f:${key}`, compareFields(before, next[key], shape)]);
  }
  for (const key in old) {
    if (Object.hasOwn(next, key) && next[key] !== undefined) continue;
    const shape = child(key);
    if (shape)
      parts.push([`f:${key}`, { changed: undefined, removed: wholly(fieldsText(old[key], shape, 'applied')) }]);
  }
  return joined(parts);
}

/** What is gone is gone itself, and with all that was in it. */
function wholly(text: string): FieldSet {
  return text === '{}' ? {} : { '.': {}, ...parseFields(text) };
}

function compareLists(old: readonly unknown[], next: readonly unknown[], { keys, item }: ListShape): Comparison {
  const before = new Map(old.map((value) => [itemElement(value, keys), value]));
  const parts: [string, Comparison][] = [];
  for (const value of next) {
    const element = itemElement(value, keys);
    if (before.has(element)) {
      if (keys) parts.push([element, compareFields(before.get(element), value, item)]);
      before.delete(element);
    } else {
      parts.push([element, { changed: wholly(fieldsText(value, item, 'written')), removed: undefined }]);
    }
  }
  for (const [element, value] of before) {
    parts.push([element, { changed: undefined, removed: wholly(fieldsText(value, item, 'applied')) }]);
  }
  return joined(parts);
}

function joined(parts: readonly [string, Comparison][]): Comparison {
  const pick = (part: keyof Comparison): FieldSet | undefined => {
    const sets = parts.flatMap(([element, each]): [string, FieldSet][] => {
      const set = each[part];
      return set ? [[element, set]] : [];
    });
    return sets.length > 0 ? Object.fromEntries(sets) : undefined;
  };
  return { changed: pick('changed'), removed: pick('removed') };
}
