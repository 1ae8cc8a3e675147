import { isJsonObject, type JsonObject } from '../plain-json.ts';
import type { FieldSet } from './field-set.ts';
import type { FieldShape, ListShape, MapShape } from './field-shape.ts';

const labels = new Map<string, string>();
const labelLimit = 5000;

/** `"f:name":`, made once for names that come again and again. */
function fieldLabel(name: string): string {
  let label = labels.get(name);
  if (label === undefined) {
    label = `${JSON.stringify(`f:${name}`)}:`;
    if (labels.size >= labelLimit) labels.clear();
    labels.set(name, label);
  }
  return label;
}

/**
 * The fields of a value as the text of FieldsV1: all that an apply sets (`applied`), or all that a write of another
 * kind has brought in (`written`), where maps and lists as such are owned too. The hottest function of field tracking:
 * text, and no tree of objects.
 */
export function fieldsText(value: unknown, shape: FieldShape, how: 'applied' | 'written'): string {
  if (shape.kind === 'map' && isJsonObject(value)) return mapText(value, shape, how);
  if (shape.kind === 'list' && Array.isArray(value)) return listText(value, shape, how);
  return '{}';
}

function mapText(value: JsonObject, { child, isOpen }: MapShape, how: 'applied' | 'written'): string {
  let text = '';
  for (const key in value) {
    const shape = child(key);
    if (!shape) continue;
    const inner = fieldsText(value[key], shape, how);
    // A struct in which nobody owns anything, such as metadata with a name only.
    if (inner === '{}' && isBare(value[key], shape)) continue;
    text += `${text === '' ? '' : ','}${fieldLabel(key)}${inner}`;
  }
  if (text === '') return '{}';
  return isOpen && how === 'written' ? `{".":{},${text}}` : `{${text}}`;
}

/** True for an object whose text is empty though it has fields: all of them are the server's. */
function isBare(value: unknown, shape: FieldShape): boolean {
  if (shape.kind !== 'map' || shape.isOpen || !isJsonObject(value)) return false;
  for (const _ in value) return true;
  return false;
}

function listText(list: readonly unknown[], { keys, item }: ListShape, how: 'applied' | 'written'): string {
  let text = how === 'written' && keys && list.length > 0 ? '".":{}' : '';
  for (const value of list) {
    const inner = keys ? fieldsText(value, item, how) : '{}';
    const own = inner === '{}' || inner.startsWith('{".":') ? inner : `{".":{},${inner.slice(1)}`;
    text += `${text === '' ? '' : ','}${JSON.stringify(itemElement(value, keys))}:${own}`;
  }
  return `{${text}}`;
}

/** The path element of a list's item: `k:{"name":"a"}`, keys in order, or `v:"a"` in a set. */
export function itemElement(value: unknown, keys: ListShape['keys']): string {
  if (!keys) return `v:${JSON.stringify(value)}`;
  const own: JsonObject = isJsonObject(value) ? value : {};
  let text = '';
  for (const { name, standard } of keys) {
    const key = own[name] ?? standard;
    if (key !== undefined) text += `${text === '' ? '' : ','}"${name}":${JSON.stringify(key)}`;
  }
  return `k:{${text}}`;
}

/** As {@link fieldsText}, as a set; undefined when nothing is in it. */
export function fieldsOf(value: unknown, shape: FieldShape, how: 'applied' | 'written'): FieldSet | undefined {
  const text = fieldsText(value, shape, how);
  return text === '{}' ? undefined : parseFields(text);
}

export function parseFields(text: string): FieldSet {
  return JSON.parse(text) as FieldSet;
}
