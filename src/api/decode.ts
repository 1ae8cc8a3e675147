import { formatTime } from '../base/clock.ts';
import type { FieldValidation } from './body.ts';
import { joinPath } from './json-syntax.ts';
import type { AnyObject } from './object.ts';
import { canonicalQuantity } from './quantity.ts';
import { typeSchema, type FieldSchema } from './schema.ts';
import { ApiError } from './status.ts';

export { parseBody, type FieldValidation } from './body.ts';

/**
 * Fits a parsed JSON value to a type of the API, in one walk and in place (`raw` is given away): removes unknown
 * fields and nulls and zeros that mean nothing, checks JSON types, brings quantities and times to their canonical
 * form. `problems` names what was removed, as upstream's strict decoder does (`unknown field "spec.foo"`), unless the
 * mode is `Ignore`. Throws BadRequest for a wrong type, worded as Go's encoding/json.
 */
export function decodeObject(
  raw: unknown,
  type: string,
  mode: FieldValidation,
): { object: AnyObject; problems: string[] } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) refuseTopLevel(raw, type);
  state.type = type;
  state.depth = 0;
  state.problems = mode === 'Ignore' ? undefined : noProblems;
  const object = raw as Record<string, unknown>;
  checkTypeMeta(object, type);
  walkerOf(type)(object);
  const { problems } = state;
  return { object: object as AnyObject, problems: problems ? [...problems] : [] };
}

/** The error of strict field validation: what was found, duplicates included, makes the whole object unacceptable. */
export function strictDecodingError(type: string, problems: readonly string[]): ApiError {
  return ApiError.of('BadRequest', `${handledAs(type)}: strict decoding error: ${problems.join(', ')}`);
}

/** Checks (and may replace) one value, held by `parent` under `key`. Never called with null. */
type Check = (value: unknown, parent: Container, key: string | number) => void;
type Container = Record<string | number, unknown>;
type Walker = (object: Record<string, unknown>) => void;

const noProblems: readonly string[] = [];
const reportLimit = 100;

/**
 * Where the walk is. Module-wide, so that a clean object costs no allocation: the walk never yields. Each level of
 * `path` holds the key, or the index, that is being looked at; `owners` the name of the struct the key belongs to, ''
 * in a map or list.
 */
const state: {
  type: string;
  depth: number;
  path: (string | number)[];
  owners: string[];
  problems: readonly string[] | undefined;
} = { type: '', depth: 0, path: [], owners: [], problems: undefined };

const walkers = new Map<string, Walker>();

function walkerOf(type: string): Walker {
  const known = walkers.get(type);
  if (known) return known;
  const walker = compile(type);
  walkers.set(type, walker);
  return walker;
}

function compile(type: string): Walker {
  const { root, fields } = typeSchema(type);
  const name = shortName(type);
  const hasTypeMeta = root !== undefined || name.endsWith('Options');
  const checks = new Map<string, Check>();
  // Compiled on first use: types refer to themselves and to hundreds of others.
  const checkOf = (field: string): Check | undefined => {
    const schema = Object.hasOwn(fields, field) ? fields[field] : undefined;
    const isTypeMeta = schema === undefined && (field === 'kind' || field === 'apiVersion');
    const check = schema ? checkOfField(schema) : isTypeMeta && hasTypeMeta ? scalarChecks.string : undefined;
    if (check) checks.set(field, check);
    return check;
  };
  return (object) => {
    const at = state.depth++;
    state.owners[at] = name;
    for (const field in object) {
      const check = checks.get(field) ?? checkOf(field);
      state.path[at] = field;
      const value = object[field];
      if (check === undefined) {
        if (at === 0 && (field === 'kind' || field === 'apiVersion')) continue;
        report();
        delete object[field];
      } else if (value === null || value === undefined) {
        delete object[field];
      } else {
        check(value, object, field);
      }
    }
    state.depth = at;
  };
}

function checkOfField(field: FieldSchema): Check {
  const item = checkOfType(field);
  if (field.omitZero) return omitZeroCheck(item);
  if (field.list) return listCheck(item, field);
  return field.map ? mapCheck(item, field) : item;
}

/** Upstream cannot tell such a zero from a missing field, so the field goes, and its default applies. */
function omitZeroCheck(check: Check): Check {
  return (value, parent, key) => {
    if (value === '' || value === 0 || value === false) delete parent[key];
    check(value, parent, key);
  };
}

function checkOfType({ type, union }: FieldSchema): Check {
  if (union) return unionChecks[union];
  const scalar = scalarChecks[type];
  if (scalar) return scalar;
  return structCheck(type);
}

function structCheck(type: string): Check {
  let walker: Walker | undefined;
  return (value) => {
    if (typeof value !== 'object' || Array.isArray(value)) mismatch(value, goType(type));
    walker ??= walkerOf(type);
    walker(value as Record<string, unknown>);
  };
}

function listCheck(item: Check, field: FieldSchema): Check {
  return (value, parent, key) => {
    if (!Array.isArray(value)) mismatch(value, `[]${goType(field.type)}`);
    const list = value as unknown[];
    if (list.length === 0 && !field.required) delete parent[key];
    const at = state.depth++;
    state.owners[at] = '';
    for (let i = 0; i < list.length; i++) {
      state.path[at] = i;
      const entry = list[i] ?? (list[i] = zeroValue(field));
      item(entry, list as unknown as Container, i);
    }
    state.depth = at;
  };
}

function mapCheck(item: Check, field: FieldSchema): Check {
  return (value, parent, key) => {
    if (typeof value !== 'object' || Array.isArray(value)) mismatch(value, `map[string]${goType(field.type)}`);
    const map = value as Record<string, unknown>;
    const at = state.depth++;
    state.owners[at] = '';
    let isEmpty = true;
    for (const name in map) {
      isEmpty = false;
      state.path[at] = name;
      const entry = map[name] ?? (map[name] = zeroValue(field));
      item(entry, map, name);
    }
    state.depth = at;
    if (isEmpty && !field.required) delete parent[key];
  };
}

/** What Go has in place of a null inside a list or map. */
function zeroValue({ type }: FieldSchema): unknown {
  switch (type) {
    case 'string':
    case 'bytes':
      return '';
    case 'quantity':
      return '0';
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'bool':
      return false;
    case 'stringList':
      return [];
    default:
      return {};
  }
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const accept: Check = () => {};

const scalarChecks: Readonly<Record<string, Check>> = {
  string: (value) => {
    if (typeof value !== 'string') mismatch(value, 'string');
  },
  bool: (value) => {
    if (typeof value !== 'boolean') mismatch(value, 'bool');
  },
  int32: (value) => {
    if (typeof value !== 'number' || (value | 0) !== value) mismatch(value, 'int32', true);
  },
  int64: (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 2 ** 63) {
      mismatch(value, 'int64', true);
    }
  },
  double: (value) => {
    if (typeof value !== 'number') mismatch(value, 'float64');
  },
  bytes: (value, parent, key) => {
    if (typeof value !== 'string') return mismatch(value, '[]uint8');
    if (value.length % 4 === 0 && base64.test(value)) return;
    const joined = value.replaceAll(/[\r\n]/g, '');
    if (joined.length % 4 !== 0 || !base64.test(joined)) refuse(`illegal base64 data at input byte ${badByte(joined)}`);
    parent[key] = joined;
  },
  quantity: (value, parent, key) => {
    if (typeof value !== 'string' && typeof value !== 'number') refuse(quantityRule);
    const canonical = canonicalOrRefuse(value);
    if (canonical !== value) parent[key] = canonical;
  },
  intOrString: (value) => {
    if (typeof value === 'string' || (typeof value === 'number' && (value | 0) === value)) return;
    refuse(`json: cannot unmarshal ${jsonKind(value, true)} into Go value of type int32`);
  },
  time: (value, parent, key) => timeCheck(value, parent, key, false),
  microTime: (value, parent, key) => timeCheck(value, parent, key, true),
  duration: (value) => {
    if (typeof value !== 'string') mismatch(value, 'string');
  },
  stringList: (value) => {
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) mismatch(value, '[]string');
  },
  object: accept,
  any: accept,
};

const schemaProps = 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
const checkProps = structCheck(schemaProps);
const checkPropsList = listCheck(checkProps, { type: schemaProps, list: 'atomic', proto: 0 });

const unionChecks: Readonly<Record<NonNullable<FieldSchema['union']>, Check>> = {
  JSON: accept,
  JSONSchemaPropsOrArray: (value, parent, key) => {
    if (Array.isArray(value)) checkPropsList(value, parent, key);
    else checkProps(value, parent, key);
  },
  JSONSchemaPropsOrBool: (value, parent, key) => {
    if (typeof value === 'boolean') return;
    if (typeof value !== 'object') refuse('boolean or JSON schema expected');
    checkProps(value, parent, key);
  },
  JSONSchemaPropsOrStringArray: (value, parent, key) => {
    if (Array.isArray(value)) scalarChecks.stringList?.(value, parent, key);
    else checkProps(value, parent, key);
  },
};

const quantityRule = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function canonicalOrRefuse(value: string | number): string {
  try {
    return canonicalQuantity(value);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

const timePattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)$/;

/** Times are kept in UTC: whole seconds, or microseconds for a `MicroTime`. */
function timeCheck(value: unknown, parent: Container, key: string | number, isMicro: boolean): void {
  if (typeof value !== 'string') {
    return refuse(`json: cannot unmarshal ${jsonKind(value, false)} into Go value of type string`);
  }
  const match = timePattern.exec(value);
  const seconds = match ? Date.parse(`${match[1]}Z`) : Number.NaN;
  // A date such as February 30th is read as one in March: then it does not come back as it was.
  if (!match || Number.isNaN(seconds) || formatTime(seconds) !== `${match[1]}Z`) {
    const layout = isMicro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    const text = JSON.stringify(value);
    return refuse(`parsing time ${text} as "${layout}": cannot parse ${text} as "2006"`);
  }
  const utc = match[3] === 'Z' ? `${match[1]}Z` : formatTime(Date.parse(`${match[1]}${match[3]}`));
  const fraction = (match[2] ?? '.').padEnd(7, '0').slice(0, 7);
  const canonical = isMicro ? `${utc.slice(0, -1)}${fraction}Z` : utc;
  if (canonical !== value) parent[key] = canonical;
}

/** Index of the first byte that base64 cannot have, or of the end where padding is missing. */
function badByte(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return at >= 0 ? at : text.length;
}

function report(): void {
  const { problems } = state;
  if (problems === undefined || problems.length >= reportLimit) return;
  const path = joinPath(state.path.slice(0, state.depth));
  state.problems = [...problems, `unknown field ${JSON.stringify(path)}`];
}

/** Go's UnmarshalTypeError: names the innermost struct and the path of struct fields, without indexes and map keys. */
function mismatch(value: unknown, expected: string, isWhole = false): never {
  const fields = state.path.slice(0, state.depth).filter((_, level) => state.owners[level] !== '');
  const owner = state.owners.slice(0, state.depth).findLast((name) => name !== '');
  const kind = jsonKind(value, isWhole);
  return refuse(`json: cannot unmarshal ${kind} into Go struct field ${owner}.${fields.join('.')} of type ${expected}`);
}

function jsonKind(value: unknown, isWhole: boolean): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' && isWhole ? `number ${value}` : typeof value;
}

function refuse(reason: string): never {
  throw ApiError.of('BadRequest', `${handledAs(state.type)}: ${reason}`);
}

function refuseTopLevel(raw: unknown, type: string): never {
  const kind = raw === null ? 'null' : jsonKind(raw, false);
  const reason = `couldn't get version/kind; json parse error: json: cannot unmarshal ${kind} into Go value of type ${metaType}`;
  const text = `the object provided is unrecognized (must be of type ${shortName(type)}): ${reason}`;
  throw ApiError.of('BadRequest', text);
}

const metaType =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function checkTypeMeta(object: Record<string, unknown>, type: string): void {
  for (const field of ['apiVersion', 'kind']) {
    const value = object[field];
    if (value === undefined || typeof value === 'string') continue;
    if (value === null) delete object[field];
    else if (!typeSchema(type).fields[field])
      refuse(`json: cannot unmarshal ${jsonKind(value, false)} into Go struct field .${field} of type string`);
  }
}

/** `Deployment in version "v1" cannot be handled as a Deployment` */
function handledAs(type: string): string {
  const name = shortName(type);
  const version = type.split('.').at(-2) ?? '';
  return `${name} in version ${JSON.stringify(version)} cannot be handled as a ${name}`;
}

function shortName(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

/** `v1.PodSpec` for `io.k8s.api.core.v1.PodSpec`; Go's own names for scalars. */
function goType(type: string): string {
  if (type.includes('.')) return type.split('.').slice(-2).join('.');
  return goScalars[type] ?? type;
}

const goScalars: Readonly<Record<string, string>> = {
  double: 'float64',
  bytes: '[]uint8',
  time: 'v1.Time',
  microTime: 'v1.MicroTime',
  quantity: 'resource.Quantity',
  intOrString: 'intstr.IntOrString',
  object: 'runtime.RawExtension',
};
