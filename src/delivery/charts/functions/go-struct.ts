import { formatFloat } from '../template/format-number.ts';
import { isMap } from '../template/values.ts';

/** What a Go type takes of a document, and its name in errors. */
export type Shape = 'string' | 'bool' | 'any' | { readonly list: Shape } | { readonly map: Shape } | StructShape;

interface StructShape {
  /** `chart.Metadata`; where a struct has no name, its whole text. */
  readonly struct: string;
  readonly fields: Readonly<Record<string, Shape>>;
}

/**
 * A document as sigs.k8s.io/yaml's Unmarshal puts it into a Go value: numbers, yes and no become text where a string is
 * wanted (`appVersion: 1.20` is "1.2"), names of fields are known in any case, unknown ones and null are left out. Elements
 * of lists that are null stay.
 * @throws Error in Go's words, without what the document holds
 */
export function decodeStruct(value: unknown, shape: StructShape): Record<string, unknown> {
  if (value === null) return {};
  if (!isMap(value)) mismatch(value, `value of type ${shape.struct}`);
  return fieldsOf(value, shape, '');
}

function fieldsOf(map: Record<string, unknown>, shape: StructShape, path: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const names = Object.keys(shape.fields);
  for (const key of Object.keys(map).sort()) {
    const name = fieldNamed(names, key);
    if (name === undefined || map[key] === null) continue;
    const at = path === '' ? name : `${path}.${name}`;
    found[name] = decode(map[key], shape.fields[name] as Shape, { within: shape.struct, path: at });
  }
  return Object.fromEntries(names.filter((name) => name in found).map((name) => [name, found[name]]));
}

interface Place {
  readonly within: string;
  readonly path: string;
}

function decode(value: unknown, shape: Shape, place: Place): unknown {
  if (shape === 'any') return value;
  if (shape === 'string') return value === null ? '' : (textOf(value) ?? wrong(value, shape, place));
  if (shape === 'bool') return typeof value === 'boolean' ? value : wrong(value, shape, place);
  if ('list' in shape) {
    if (!Array.isArray(value)) return wrong(value, shape, place);
    return value.map((element) =>
      element === null && isStruct(shape.list) ? null : decode(element, shape.list, place),
    );
  }
  if (!isMap(value)) return wrong(value, shape, place);
  if (isStruct(shape)) return fieldsOf(value, shape, place.path);
  const { map } = shape;
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, decode(element, map, place)]));
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number') return undefined;
  return Number.isSafeInteger(value) ? String(value) : formatFloat(value, 'g');
}

function isStruct(shape: Shape): shape is StructShape {
  return typeof shape === 'object' && 'struct' in shape;
}

function wrong(value: unknown, shape: Shape, { within, path }: Place): never {
  const struct = within.startsWith('struct ') ? '' : within.replace(/^.*\./, '');
  mismatch(value, `struct field ${struct}.${path} of type ${typeName(shape)}`);
}

/** @throws Error in the words of Go's decoder; `target` follows `into Go` */
export function mismatch(value: unknown, target: string): never {
  const found = Array.isArray(value)
    ? 'array'
    : isMap(value)
      ? 'object'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;
  throw new Error(`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${found} into Go ${target}`);
}

function typeName(shape: Shape): string {
  if (shape === 'any') return 'interface {}';
  if (typeof shape === 'string') return shape;
  if ('list' in shape) return `[]${isStruct(shape.list) ? '*' : ''}${typeName(shape.list)}`;
  return 'map' in shape ? `map[string]${typeName(shape.map)}` : shape.struct;
}

/** The first field that a struct, or one in it, does not have: what a strict decoder refuses. */
export function unknownField(value: unknown, shape: Shape): string | undefined {
  if (Array.isArray(value)) {
    const elements = value as unknown[];
    const inner = typeof shape === 'object' && 'list' in shape ? shape.list : 'any';
    for (const element of elements) {
      const unknown = unknownField(element, inner);
      if (unknown !== undefined) return unknown;
    }
    return undefined;
  }
  if (!isMap(value) || !isStruct(shape)) return undefined;
  const names = Object.keys(shape.fields);
  for (const key of Object.keys(value).sort()) {
    const name = fieldNamed(names, key);
    const unknown = name === undefined ? key : unknownField(value[key], shape.fields[name] as Shape);
    if (unknown !== undefined) return unknown;
  }
  return undefined;
}

function fieldNamed(names: readonly string[], key: string): string | undefined {
  return names.find((known) => known === key) ?? names.find((known) => known.toLowerCase() === key.toLowerCase());
}
