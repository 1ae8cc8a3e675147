import { runInNewContext } from 'node:vm';
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { quote } from '../template/quote.ts';
import { isMap } from '../template/values.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { plainValues } from '../release/codec.ts';
import { ValuesError } from './values-error.ts';

/**
 * Checks values against the `values.schema.json` of a chart and of its subcharts (Helm documentation, "Schema Files").
 * JSON Schema drafts 4 to 7, 2019-09 and 2020-12, the latter where the schema names none. Schemas are never fetched.
 * @throws ValuesError that lists every violation, in Helm's words
 */
export async function validateValues(chart: Chart, values: Values): Promise<void> {
  const problems = await problemsOf(chart, values);
  if (problems.length === 0) return;
  throw new ValuesError(
    `values don't meet the specifications of the schema(s) in the following chart(s):\n${problems.join('\n')}\n`,
  );
}

async function problemsOf(chart: Chart, values: Values): Promise<string[]> {
  const problems: string[] = [];
  if (chart.schema) {
    const found = await violations(chart.schema, plainValues(values));
    if (found.length > 0) problems.push(`${chart.metadata.name}:`, ...found);
  }
  for (const subchart of chart.dependencies) {
    const { name } = subchart.metadata;
    const own = values[name];
    if (own === undefined || own === null) continue;
    if (isMap(own)) problems.push(...(await problemsOf(subchart, own)));
    else problems.push(`${name}:`, 'invalid type for values: expected object (map)');
  }
  return problems;
}

/** What one schema refuses of values, a line for each. */
export function schemaViolations(schema: Uint8Array, values: Values): Promise<string[]> {
  return violations(schema, plainValues(values));
}

async function violations(schemaBytes: Uint8Array, values: Values): Promise<string[]> {
  let validate: ValidateFunction;
  try {
    const schema: unknown = JSON.parse(Buffer.from(schemaBytes).toString());
    validate = await compile(schema);
  } catch (error) {
    return [`- the schema is not valid: ${(error as Error).message}`];
  }
  try {
    return timed(() => validate(values)) ? [] : describe(validate.errors ?? []);
  } catch (error) {
    if (error instanceof RangeError) return ['- the schema is not valid: it refers to itself without end'];
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return [`- the schema is not valid: it takes longer than ${maxMs / 1000} seconds`];
  }
}

/** Alternatives of alternatives can take any time; all schemas of real charts take milliseconds. */
const maxMs = 2000;

/** Runs `body`, which an engine's watchdog ends when it takes too long. */
function timed<T>(body: () => T): T {
  return runInNewContext('body()', { body }, { timeout: maxMs }) as T;
}

async function compile(schema: unknown): Promise<ValidateFunction> {
  const { RE2JS } = await import('re2js');
  const regExp = Object.assign(
    (pattern: string) => {
      const compiled = RE2JS.compile(pattern);
      // Linear in the text, whatever a chart's author wrote; as Go's own expressions are.
      // By its text the library tells one pattern from another.
      return { test: (text: string) => compiled.matcher(text).find(), toString: () => pattern };
    },
    { code: 'unused' },
  );
  const options: Options = { allErrors: true, strict: false, verbose: true, logger: false, code: { regExp } };
  const { $schema = '', ...rest } = isMap(schema) ? schema : {};
  const document = isMap(schema) ? rest : (schema as boolean);
  const draft = /draft-0[4-7]|2019-09/.exec(String($schema))?.[0] ?? '2020-12';
  // What CommonJS modules export is below `default`, in the bundle as in Node.
  if (draft === '2020-12') {
    const { default: Ajv2020 } = await import('ajv/dist/2020.js');
    return new Ajv2020({ ...options, validateFormats: false }).compile(document);
  }
  if (draft === '2019-09') {
    const { default: Ajv2019 } = await import('ajv/dist/2019.js');
    return new Ajv2019({ ...options, validateFormats: false }).compile(document);
  }
  const { default: Ajv } = await import('ajv');
  const ajv = new Ajv(options);
  const { addFormats } = await import('./formats.ts');
  await addFormats(ajv, (pattern) => isPattern(() => RE2JS.compile(pattern)));
  return ajv.compile(referencesAlone(document) as typeof document);
}

/** Up to draft 7, what stands beside a `$ref` has no meaning; definitions may still be looked up there. */
function referencesAlone(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(referencesAlone);
  if (!isMap(schema)) return schema;
  const isReference = typeof schema['$ref'] === 'string';
  const kept = Object.entries(schema).filter(([key]) => !isReference || besideReferences.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, referencesAlone(value)]));
}

const besideReferences = new Set(['$ref', '$id', 'id', 'definitions', '$defs']);

function isPattern(compilePattern: () => unknown): boolean {
  try {
    compilePattern();
    return true;
  } catch {
    return false;
  }
}

/** One line for each violation; what alternatives have against a value stands below them. */
function describe(errors: readonly ErrorObject[]): string[] {
  const combined = errors.filter(({ keyword }) => holding.has(keyword));
  const parentOf = (error: ErrorObject): ErrorObject | undefined =>
    combined
      .filter((other) => other !== error && isBelow(error, other))
      .toSorted((a, b) => b.schemaPath.length - a.schemaPath.length)[0];
  const counted = merged(errors).filter((error) => !errors.some((other) => isMoot(error, other)));
  const told = (error: ErrorObject, depth: number): string => {
    const inside = counted.filter((inner) => inner !== error && parentOf(inner) === error);
    const line = `${'  '.repeat(depth)}- at '${placeOf(error)}': ${messageOf(error)}`;
    return [line, ...inside.map((inner) => told(inner, depth + 1))].join('\n');
  };
  const whole = counted.filter((error) => !parentOf(error) && error.keyword !== 'if').map((error) => told(error, 0));
  return [...new Set(whole)].flatMap((text) => text.split('\n'));
}

/** What these have against a value is told below them. */
const holding = new Set(['anyOf', 'oneOf', 'contains', 'propertyNames']);

function isBelow(error: ErrorObject, other: ErrorObject): boolean {
  const isSameName = other.keyword !== 'propertyNames' || error.propertyName === other.params['propertyName'];
  return isSameName && error.schemaPath.startsWith(`${other.schemaPath}/`);
}

/** Names of properties are at no place, and what nobody evaluates is told by itself: so has it Helm's library. */
function placeOf({ keyword, instancePath, propertyName, params }: ErrorObject): string {
  if (propertyName !== undefined || keyword === 'propertyNames') return '';
  return keyword === 'unevaluatedProperties'
    ? `${instancePath}/${String(params['unevaluatedProperty'])}`
    : instancePath;
}

/** A value that fails one of these is not looked at any further by the same schema. */
const first = ['type', 'const', 'enum', 'format'];

function isMoot(error: ErrorObject, cause: ErrorObject): boolean {
  const rank = first.indexOf(cause.keyword);
  const schema = cause.schemaPath.slice(0, cause.schemaPath.lastIndexOf('/') + 1);
  if (rank < 0 || !error.schemaPath.startsWith(schema)) return false;
  if (error.instancePath !== cause.instancePath) return error.instancePath.startsWith(`${cause.instancePath}/`);
  const own = error.schemaPath === `${schema}${error.keyword}` ? first.indexOf(error.keyword) : -1;
  return own < 0 || own > rank;
}

/** Several missing or unknown properties of one object are one violation. */
function merged(errors: readonly ErrorObject[]): ErrorObject[] {
  const together = new Map<string, ErrorObject>();
  const kept: ErrorObject[] = [];
  for (const error of errors) {
    const property = propertyOf(error);
    if (property === undefined) {
      kept.push(error);
      continue;
    }
    const key = [error.keyword, error.instancePath, error.schemaPath, error.params['property']].join(' ');
    const before = together.get(key);
    if (before) (before.params['names'] as string[]).push(property);
    else {
      const first = { ...error, params: { ...error.params, names: [property] } };
      together.set(key, first);
      kept.push(first);
    }
  }
  return kept;
}

function propertyOf({ keyword, params }: ErrorObject): string | undefined {
  if (keyword === 'required' || isDependency(keyword)) return String(params['missingProperty']);
  return keyword === 'additionalProperties' ? String(params['additionalProperty']) : undefined;
}

function isDependency(keyword: string): boolean {
  return keyword === 'dependentRequired' || keyword === 'dependencies';
}

const secretNames = /pass|secret|token|key|credential/i;

/** In the words of the library that Helm uses; a value that may be a secret is not quoted. */
function messageOf(error: ErrorObject): string {
  const { keyword, params, data, instancePath } = error;
  const names = ((params['names'] as string[] | undefined) ?? []).map(quoted).join(', ');
  const shown = quoted(secretNames.test(instancePath) ? '(hidden)' : data);
  switch (keyword) {
    case 'type':
      return `got ${typeName(data)}, want ${inOrder([params['type']].flat() as string[]).join(' or ')}`;
    case 'required':
      return (params['names'] as string[] | undefined)?.length === 1 || !names
        ? `missing property ${names || `'${String(params['missingProperty'])}'`}`
        : `missing properties ${names}`;
    case 'dependentRequired':
    case 'dependencies':
      return `properties ${names} required, if ${quoted(params['property'])} exists`;
    case 'additionalItems':
      return `last ${(data as unknown[]).length - Number(params['limit'])} additionalItem(s) not allowed`;
    case 'multipleOf':
      return `multipleOf: got ${String(data)}, want ${String(params['multipleOf'])}`;
    case 'propertyNames':
      return `invalid propertyName ${quoted(params['propertyName'])}`;
    case 'additionalProperties':
      return `additional properties ${names || `'${String(params['additionalProperty'])}'`} not allowed`;
    case 'enum': {
      const values = params['allowedValues'] as unknown[];
      if (values.some(isCollection)) return "'enum' failed";
      const allowed = values.map(quoted);
      return allowed.length === 1 ? `value must be ${allowed[0]}` : `value must be one of ${allowed.join(', ')}`;
    }
    case 'const':
      return isCollection(params['allowedValue'])
        ? "'const' failed"
        : `value must be ${quoted(params['allowedValue'])}`;
    case 'pattern':
      return `${shown} does not match pattern ${quoted(params['pattern'])}`;
    case 'format':
      return `${shown} is not valid ${String(params['format'])}`;
    case 'anyOf':
      return "'anyOf' failed";
    case 'oneOf': {
      const passing = params['passingSchemas'] as number[] | null;
      return passing ? `'oneOf' failed, subschemas ${passing.join(', ')} matched` : "'oneOf' failed, none matched";
    }
    case 'not':
      return "'not' failed";
    case 'false schema':
    case 'unevaluatedProperties':
      return 'false schema';
    case 'uniqueItems':
      return `items at ${String(params['j'])} and ${String(params['i'])} are equal`;
    case 'contains':
      return 'no items match contains schema';
    default:
      return 'limit' in params
        ? `${keyword}: got ${sizeOf(data, keyword)}, want ${String(params['limit'])}`
        : (error.message ?? keyword);
  }
}

function sizeOf(data: unknown, keyword: string): string {
  if (keyword.endsWith('Length')) return String(Array.from(String(data)).length);
  if (Array.isArray(data)) return String(data.length);
  return isMap(data) ? String(Object.keys(data).length) : String(data);
}

function typeName(data: unknown): string {
  if (data === null) return 'null';
  return Array.isArray(data) ? 'array' : typeof data;
}

const typeOrder = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];

function inOrder(types: readonly string[]): string[] {
  return types.toSorted((a, b) => typeOrder.indexOf(a) - typeOrder.indexOf(b));
}

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function quoted(value: unknown): string {
  if (typeof value === 'string') return `'${quote(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
  return value === null ? '<nil>' : JSON.stringify(value);
}
