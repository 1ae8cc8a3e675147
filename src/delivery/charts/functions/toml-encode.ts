import { nestedTooDeep } from '../template/error.ts';
import { formatTime, secondsOf, type Time } from './go-time.ts';
import { toJsonValue } from './json.ts';
import { formatFloat } from '../template/format-number.ts';
import { GoInteger, GoStruct, isMap, sortedKeys, type GoMap } from '../template/values.ts';

/** TOML as github.com/BurntSushi/toml 1.6 writes it. */

const maxDepth = 200;

/** What is no map is written as a value, as if it stood behind a key. @throws Error for what TOML cannot hold */
export function encodeToml(value: unknown): string {
  // What goes through JSON is counted.
  toJsonValue(value);
  if (isMap(value)) return tableText(value, [], 0).replace(/^\n/, '');
  if (isTableLike(value)) throw new Error('toml: top-level values must be Go maps or structs');
  return valueText(value, 0);
}

/** A table's own values first, then the tables in it. */
function tableText(table: GoMap, path: readonly string[], depth: number): string {
  if (depth > maxDepth) throw nestedTooDeep(maxDepth);
  const keys = sortedKeys(table).filter((key) => table[key] != null);
  const indent = '  '.repeat(path.length);
  const values = keys.filter((key) => !isTableLike(table[key]));
  const tables = keys.filter((key) => isTableLike(table[key]));
  let out = values.map((key) => `${indent}${keyText(key)} = ${valueText(table[key], depth)}\n`).join('');
  for (const key of tables) {
    const inner = [...path, key];
    const name = inner.map(keyText).join('.');
    const value = table[key];
    const gap = path.length === 0 ? '\n' : '';
    if (Array.isArray(value)) {
      for (const element of value) {
        out += `\n${indent}[[${name}]]\n${tableText(element as GoMap, inner, depth + 1)}`;
      }
    } else out += `${gap}${indent}[${name}]\n${tableText(value as GoMap, inner, depth + 1)}`;
  }
  return out;
}

function isTableLike(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isMap);
  return isMap(value);
}

function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? key : stringText(key);
}

function valueText(value: unknown, depth: number): string {
  if (depth > maxDepth) throw nestedTooDeep(maxDepth);
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof GoInteger) return String(value.value);
  if (value instanceof GoStruct) {
    return value.type === 'time.Time' ? timeText(value.inner as Time) : stringText(value.text?.() ?? '');
  }
  if (Array.isArray(value)) {
    if (value.includes(null)) throw new Error('toml: cannot encode array with nil element');
    return `[${value.map((element) => valueText(element, depth + 1)).join(', ')}]`;
  }
  if (isMap(value)) {
    return `{${inlineEntries(value, depth + 1)}}`;
  }
  throw new Error('toml: unsupported type');
}

/** Here, too, tables come last; what is nil is left out, but not the comma before it. */
function inlineEntries(table: GoMap, depth: number): string {
  const keys = sortedKeys(table);
  const ordered = [...keys.filter((key) => !isTableLike(table[key])), ...keys.filter((key) => isTableLike(table[key]))];
  return ordered
    .map((key, i) => {
      if (table[key] == null) return '';
      return `${keyText(key)} = ${valueText(table[key], depth)}${i < ordered.length - 1 ? ', ' : ''}`;
    })
    .join('');
}

/** Times that TOML gave without an offset go back as they came. */
const localLayouts: Readonly<Record<string, string>> = {
  'datetime-local': '2006-01-02T15:04:05.999999999',
  'date-local': '2006-01-02',
  'time-local': '15:04:05.999999999',
};

function timeText(time: Time): string {
  const { abbreviation } = time.zone.at(secondsOf(time));
  return formatTime(time, localLayouts[abbreviation] ?? '2006-01-02T15:04:05.999999999Z07:00');
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const text = formatFloat(value, 'g');
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const escapes: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function stringText(text: string): string {
  const escaped = text.replace(/["\\]|[^\P{Cc}\x80-\x9f]/gu, (c) => {
    return escapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
