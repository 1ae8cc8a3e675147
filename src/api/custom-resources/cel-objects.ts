import { Optional } from '@marcbachmann/cel-js';
import { Duration, UnsignedInt, type Environment } from '@marcbachmann/cel-js/evaluator';
import { isJsonObject } from '../plain-json.ts';
import { formatGoDuration } from '../go-duration.ts';
import { propertyName } from './cel-values.ts';

/** What `Object.spec{…}` of an expression makes: part of an object, which knows where in it it belongs. */
class CelObject {
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, unknown>;

  constructor(typeName: string, fields: ReadonlyMap<string, unknown>) {
    this.typeName = typeName;
    this.fields = fields;
  }
}

/** What `JSONPatch{…}` of an expression makes: one operation. */
export class CelPatch {
  readonly fields: ReadonlyMap<string, unknown>;

  constructor(fields: ReadonlyMap<string, unknown>) {
    this.fields = fields;
  }
}

const makeObject = 'makeObject';
const makePatch = 'makePatch';
const patchFields = new Set(['op', 'path', 'from', 'value']);

/** Types that expressions of mutations can make (KEP-3962): `Object` with all below it, and `JSONPatch`. */
export function registerObjects(environment: Environment): void {
  environment
    .registerType('Object', { ctor: CelObject, fields: {} })
    .registerType('JSONPatch', { ctor: CelPatch, fields: {} })
    .registerFunction(`${makeObject}(string, map): Object`, (typeName: string, fields: unknown) => {
      return new CelObject(typeName, presentFields(fields));
    })
    .registerFunction(`${makePatch}(map): JSONPatch`, (fields: unknown) => {
      const present = presentFields(fields);
      for (const name of present.keys()) {
        if (!patchFields.has(name)) throw new Error(`no such field '${name}' in JSONPatch`);
      }
      return new CelPatch(present);
    })
    .registerType('JsonPatchNamespace', { ctor: JsonPatchNamespace, fields: {} })
    .registerConstant('jsonpatch', 'JsonPatchNamespace', new JsonPatchNamespace())
    .registerFunction('JsonPatchNamespace.escapeKey(string): string', (_: JsonPatchNamespace, key: string) =>
      key.replaceAll('~', '~0').replaceAll('/', '~1'),
    );
}

class JsonPatchNamespace {}

/** Without the fields that are given as optional (`?name: …`) and are none. */
function presentFields(fields: unknown): Map<string, unknown> {
  const present = new Map<string, unknown>();
  for (const [key, value] of entriesOf(fields)) {
    const name = propertyName(key.replace(/^\?/, ''));
    if (!key.startsWith('?')) present.set(name, value);
    else if (value instanceof Optional && value.hasValue()) present.set(name, value.value());
  }
  return present;
}

function entriesOf(map: unknown): [string, unknown][] {
  if (map instanceof Map) return [...map].map(([key, value]) => [String(key), value]);
  return isJsonObject(map) ? Object.entries(map) : [];
}

const token =
  /(?<skipped>\/\/[^\n]*|[rRbB]{0,2}(?:"""[^]*?"""|'''[^]*?'''))|(?<text>[rRbB]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))|(?<name>(?<![\w.])(?:Object(?:\.\w+)*|JSONPatch)(?=\s*\{))|(?<word>\w+)|(?<quoted>`[^`]*`)|(?<mark>[{}[\](),?])/g;

/**
 * An expression with each message literal written as a call, since the engine has no such literals:
 * `Object.spec{replicas: 1}` becomes `makeObject("Object.spec", {"replicas": 1})`. Positions of mistakes move with it.
 */
export function withoutMessages(text: string): string {
  if (!/\b(?:Object|JSONPatch)\b/.test(text)) return text;
  const open: ('message' | 'other')[] = [];
  /** Set after a message's name, until its brace; then at each place where a field's name has to stand. */
  let expects: 'brace' | 'field' | undefined;
  let isOptional = false;
  return text.replace(token, (match, ...rest) => {
    const { name, word, quoted, mark } = rest.at(-1) as Record<string, string | undefined>;
    if (name !== undefined) {
      expects = 'brace';
      return name === 'JSONPatch' ? `${makePatch}(` : `${makeObject}(${JSON.stringify(name)}, `;
    }
    if (expects === 'field' && (word !== undefined || quoted !== undefined)) {
      const key = `${isOptional ? '?' : ''}${word ?? quoted?.slice(1, -1) ?? ''}`;
      expects = undefined;
      isOptional = false;
      return JSON.stringify(key);
    }
    if (mark === undefined) return match;
    if (mark === '?' && expects === 'field') {
      isOptional = true;
      return '';
    }
    if ('{[('.includes(mark)) {
      const isMessage = mark === '{' && expects === 'brace';
      open.push(isMessage ? 'message' : 'other');
      expects = isMessage ? 'field' : undefined;
      return match;
    }
    if (mark === ',' && open.at(-1) === 'message') expects = 'field';
    if (!'}])'.includes(mark)) return match;
    expects = undefined;
    return open.pop() === 'message' ? `${match})` : match;
  });
}

/**
 * What an expression came to, as JSON. Throws for what has no form in JSON, and for a part of an object in a place that
 * is not the one its name says.
 */
export function jsonOf(value: unknown, place?: string): unknown {
  if (value instanceof CelObject) return objectJson(value, place ?? value.typeName);
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof UnsignedInt) return Number(value.valueOf());
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Duration) return formatGoDuration(Number(value.seconds) * 1e9 + value.nanos);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, place));
  if (value instanceof Map || isPlain(value)) {
    return Object.fromEntries(entriesOf(value).map(([key, inner]) => [key, jsonOf(inner, place)]));
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return value;
  }
  throw new Error('the value has no form in JSON');
}

function isPlain(value: unknown): boolean {
  return isJsonObject(value) && Object.getPrototypeOf(value) === Object.prototype;
}

function objectJson({ typeName, fields }: CelObject, place: string): unknown {
  if (typeName !== place) {
    const expected = `expected ${JSON.stringify(place)}, which matches field name path from root Object type`;
    throw new Error(`type mismatch: unexpected type name ${JSON.stringify(typeName)}, ${expected}`);
  }
  return Object.fromEntries([...fields].map(([name, value]) => [name, jsonOf(value, `${place}.${name}`)]));
}
