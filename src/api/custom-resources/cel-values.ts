import { Duration } from '@marcbachmann/cel-js/evaluator';
import { parseGoDuration } from '../go-duration.ts';
import { isJsonObject } from '../plain-json.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { childSchema } from './structural-schema.ts';

/** Words that CEL keeps for itself: as property names they are escaped. */
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/**
 * A property's name as rules write it (KEP-2876): `__dot__`, `__dash__`, `__slash__` and `__underscores__` for what an
 * identifier cannot have, and reserved words between underscores. Undefined for a name that rules cannot reach.
 */
export function celName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  const escaped = name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}

/** The property that a name of {@link celName} stands for. */
export function propertyName(escaped: string): string {
  return escaped.replace(/__(dot|dash|slash|underscores|[a-z]+)__/g, (match, word: string) => {
    const mark = { dot: '.', dash: '-', slash: '/', underscores: '__' }[word];
    return mark ?? (match === escaped && reserved.has(word) ? word : match);
  });
}

/** A JSON value as a rule sees it: whole numbers as CEL's int, times and durations by their format. */
export function celValue(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (typeof value === 'number') {
    const isWhole = schema?.type === 'integer' || (schema?.type !== 'number' && Number.isInteger(value));
    return isWhole ? BigInt(Math.trunc(value)) : value;
  }
  if (typeof value === 'string') return celString(value, schema?.props.format);
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items));
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const isProperty = schema?.properties.has(key) === true;
    const name = isProperty ? celName(key) : key;
    const child = schema ? childSchema(schema, key) : undefined;
    return name === undefined ? [] : [[name, celValue(inner, child)]];
  });
  // A map whose keys may be any text, `constructor` too.
  return new Map(fields);
}

function celString(value: string, format: string | undefined): unknown {
  switch (format) {
    case 'date':
    case 'date-time': {
      const time = new Date(value);
      return Number.isNaN(time.getTime()) ? value : time;
    }
    case 'duration': {
      const nanos = parseGoDuration(value);
      if (nanos === undefined) return value;
      return new Duration(BigInt(Math.trunc(nanos / 1e9)), Math.trunc(nanos % 1e9));
    }
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'));
    default:
      return value;
  }
}
