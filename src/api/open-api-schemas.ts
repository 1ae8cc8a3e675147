import { fieldTexts } from './open-api-texts.ts';
import type { JsonObject } from './plain-json.ts';
import { hasType, typeSchema, type FieldSchema } from './schema.ts';

/** Texts by type and field; '' is the type's own. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** Swagger 2.0 and OpenAPI 3.0 differ in where definitions live and in what may stand beside a reference. */
export type Dialect = 2 | 3;

export function refTo(type: string, dialect: Dialect): JsonObject {
  return { $ref: `#/${dialect === 2 ? 'definitions' : 'components/schemas'}/${definitionName(type)}` };
}

/** `io.k8s.apiextensions-apiserver.pkg…`: the schema's names are proto packages, which have no dashes. */
function definitionName(type: string): string {
  return type.replaceAll('_', '-');
}

/** Definitions of `roots` and of everything they refer to, by name. */
export function definitions(options: {
  roots: Iterable<string>;
  kinds: ReadonlyMap<string, readonly GroupVersionKind[]>;
  dialect: Dialect;
  texts: Descriptions;
  /** Definitions of custom types, which are in no schema of ours. */
  custom: ReadonlyMap<string, JsonObject>;
}): JsonObject {
  const { kinds, dialect, texts, custom } = options;
  const found = new Map<string, JsonObject>();
  const queue = [...options.roots];
  for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
    if (found.has(type)) continue;
    const definition = custom.get(type) ?? special(type, dialect) ?? structDefinition(type, dialect, texts);
    const owners = kinds.get(type);
    if (owners) definition['x-kubernetes-group-version-kind'] = owners;
    found.set(type, definition);
    if (hasType(type)) queue.push(...Object.values(typeSchema(type).fields).flatMap(referencesOf));
  }
  const sorted = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([type, definition]) => [definitionName(type), definition]));
}

function referencesOf(field: FieldSchema): string[] {
  const named = namedType(field);
  return named === undefined ? [] : [named];
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const extensions = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1';
const named: Readonly<Record<string, string>> = {
  time: `${meta}.Time`,
  microTime: `${meta}.MicroTime`,
  duration: `${meta}.Duration`,
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  object: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
};

/** The definition that a field refers to; undefined for what is written in place. */
function namedType({ type, union }: FieldSchema): string | undefined {
  if (union) return `${extensions}.${union}`;
  return type.includes('.') ? type : named[type];
}

/** Types whose JSON form is not an object with fields. */
function special(type: string, dialect: Dialect): JsonObject | undefined {
  switch (type) {
    case named.time:
      return { description: 'A point in time, RFC 3339.', type: 'string', format: 'date-time' };
    case named.microTime:
      return { description: 'A point in time with microseconds, RFC 3339.', type: 'string', format: 'date-time' };
    case named.duration:
      return { description: 'A duration as Go writes it: 1m30s.', type: 'string' };
    case named.quantity: {
      const description = 'A fixed-point number with an optional unit suffix: 100m, 1.5Gi, 12e6.';
      return dialect === 2
        ? { description, type: 'string' }
        : { description, oneOf: [{ type: 'string' }, { type: 'number' }] };
    }
    case named.intOrString: {
      const description = 'An integer or a string.';
      return dialect === 2
        ? { description, type: 'string', format: 'int-or-string' }
        : { description, format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
    }
    case named.object:
      return { description: 'Any object.', type: 'object' };
    case `${extensions}.JSON`:
      return { description: 'Any valid JSON value.' };
    case `${extensions}.JSONSchemaPropsOrArray`:
      return { description: 'A schema, or a list of schemas.' };
    case `${extensions}.JSONSchemaPropsOrBool`:
      return { description: 'A schema, or a boolean: whether anything is allowed.' };
    case `${extensions}.JSONSchemaPropsOrStringArray`:
      return { description: 'A schema, or a list of names.' };
    default:
      return undefined;
  }
}

export const typeMetaTexts: Readonly<Record<string, string>> = {
  apiVersion: 'The version of this representation of an object: its group and version, v1 for the core group.',
  kind: 'The kind of this object, in CamelCase. It cannot be changed.',
};

function structDefinition(type: string, dialect: Dialect, texts: Descriptions): JsonObject {
  const { root, fields } = typeSchema(type);
  const properties: JsonObject = {};
  if (root || type.endsWith('Options')) {
    for (const [name, description] of Object.entries(typeMetaTexts)) properties[name] = { description, type: 'string' };
  }
  const required: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const text = textOf(texts, type, name) || generalText(name, field);
    properties[name] = property(field, text, dialect);
    if (field.required) required.push(name);
  }
  const description = textOf(texts, type, '');
  return {
    ...(description && { description }),
    type: 'object',
    ...(Object.keys(properties).length > 0 && { properties: sortKeys(properties) }),
    ...(required.length > 0 && { required: required.toSorted() }),
  };
}

function property(field: FieldSchema, description: string, dialect: Dialect): JsonObject {
  const value = valueSchema(field, dialect);
  const shape: JsonObject = {};
  if (field.list) {
    Object.assign(shape, { type: 'array', items: value, 'x-kubernetes-list-type': field.list });
    if (field.keys) shape['x-kubernetes-list-map-keys'] = field.keys;
  } else if (field.map) {
    Object.assign(shape, { type: 'object', additionalProperties: value });
  } else if (dialect === 3 && '$ref' in value) {
    // Nothing may stand beside a reference in OpenAPI 3.0.
    shape.allOf = [value];
  } else {
    Object.assign(shape, value);
  }
  if (field.patch) shape['x-kubernetes-patch-strategy'] = field.patch;
  if (field.mergeKey) shape['x-kubernetes-patch-merge-key'] = field.mergeKey;
  if (field.atomic) shape['x-kubernetes-map-type'] = 'atomic';
  const standard = dialect === 3 ? defaultOf(field) : undefined;
  return { ...(description && { description }), ...shape, ...(standard !== undefined && { default: standard }) };
}

function valueSchema(field: FieldSchema, dialect: Dialect): JsonObject {
  const reference = namedType(field);
  if (reference) return refTo(reference, dialect);
  switch (field.type) {
    case 'int32':
    case 'int64':
      return { type: 'integer', format: field.type };
    case 'double':
      return { type: 'number', format: 'double' };
    case 'bool':
      return { type: 'boolean' };
    case 'bytes':
      return { type: 'string', format: 'byte' };
    case 'stringList':
      return { type: 'array', items: { type: 'string' } };
    case 'any':
      return {};
    default:
      return { type: 'string' };
  }
}

/** A default that names a constant of the API (`ref(…)`) is left out. */
function defaultOf({ default: text }: FieldSchema): unknown {
  if (text === undefined || text.startsWith('ref(')) return undefined;
  return JSON.parse(text) as unknown;
}

/** Older versions have no texts of their own: those of the newest type with the same name serve. */
function textOf(texts: Descriptions, type: string, field: string): string {
  const own = texts[type] ?? texts[newestOf(texts, type)];
  return own?.[field] ?? '';
}

function generalText(name: string, { type, list, map }: FieldSchema): string {
  if (list || map || !type.includes('.')) return '';
  return fieldTexts.get(`${name} ${type.slice(type.lastIndexOf('.') + 1)}`) ?? fieldTexts.get(name) ?? '';
}

const newest = new WeakMap<Descriptions, ReadonlyMap<string, string>>();

function newestOf(texts: Descriptions, type: string): string {
  let index = newest.get(texts);
  if (!index) {
    index = new Map(Object.keys(texts).map((known) => [known.slice(known.lastIndexOf('.') + 1), known]));
    newest.set(texts, index);
  }
  return index.get(type.slice(type.lastIndexOf('.') + 1)) ?? '';
}

function sortKeys(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
