import { isJsonObject, type JsonObject } from '../plain-json.ts';
import type { FieldSet } from './field-set.ts';
import type { FieldShape, ListShape, MapShape } from './field-shape.ts';

/** Which fields are meant: all that an apply sets, or all that another write brings in: maps and lists as such, too. */
type Ownership = 'applied' | 'written';

const fieldLabels = new Map<string, string>();
const itemLabels = new Map<string, string>();
const labelLimit = 5000;

/** The key of JSON (`"f:name":`) that a name has, made once for those that come again and again. */
function label(known: Map<string, string>, name: string, prefix: string): string {
  let text = known.get(name);
  if (text === undefined) {
    if (known.size >= labelLimit) known.clear();
    known.set(name, (text = `${JSON.stringify(prefix + name)}:`));
  }
  return text;
}

/** The text that is being written, in pieces. Module-wide, so that a walk leaves no garbage: it never yields. */
const pieces: string[] = [];
const member = '{}';
const dot = '".":{}';

/**
 * The fields of a value as the text of FieldsV1. The hottest function of field tracking: text, and no tree of objects.
 */
export function fieldsText(value: unknown, shape: FieldShape, how: Ownership): string {
  pieces.length = 0;
  if (!write(value, shape, how)) return member;
  const text = pieces.join('');
  pieces.length = 0;
  return text;
}

/** False, and nothing written, for an object in which nobody owns anything, such as metadata with a name only. */
function write(value: unknown, shape: FieldShape, how: Ownership): boolean {
  if (shape.kind === 'map' && isJsonObject(value)) {
    return writeMap(value, shape, { how, hasDot: shape.isOpen && how === 'written' });
  }
  if (shape.kind === 'list' && Array.isArray(value)) writeList(value, shape, how);
  else pieces.push(member);
  return true;
}

function writeMap(
  value: JsonObject,
  { child, isOpen }: MapShape,
  { how, hasDot }: { how: Ownership; hasDot: boolean },
): boolean {
  let isEmpty = true;
  let hasKeys = false;
  for (const key in value) {
    hasKeys = true;
    const shape = child(key);
    if (!shape) continue;
    const mark = pieces.length;
    pieces.push(isEmpty ? (hasDot ? `{${dot},` : '{') : ',', label(fieldLabels, key, 'f:'));
    if (write(value[key], shape, how)) isEmpty = false;
    else pieces.length = mark;
  }
  if (!isEmpty) pieces.push('}');
  else if (hasKeys && !isOpen && !hasDot) return false;
  else pieces.push(member);
  return true;
}

function writeList(list: readonly unknown[], { keys, item }: ListShape, how: Ownership): void {
  if (list.length === 0) {
    pieces.push(member);
    return;
  }
  const isOwned = how === 'written' && keys !== undefined;
  list.forEach((value, i) => {
    pieces.push(i > 0 ? ',' : isOwned ? `{${dot},` : '{', label(itemLabels, itemElement(value, keys), ''));
    if (keys && item.kind === 'map' && isJsonObject(value)) writeMap(value, item, { how, hasDot: true });
    else pieces.push(member);
  });
  pieces.push('}');
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
export function fieldsOf(value: unknown, shape: FieldShape, how: Ownership): FieldSet | undefined {
  const text = fieldsText(value, shape, how);
  return text === member ? undefined : parseFields(text);
}

export function parseFields(text: string): FieldSet {
  return JSON.parse(text) as FieldSet;
}
