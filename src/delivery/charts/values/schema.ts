import { runInNewContext } from 'node:vm';
import type { Options, ValidateFunction } from 'ajv';
import { isMap } from '../template/values.ts';
import type { Chart, Values } from '../chart/chart.ts';
import { plainValues } from '../release/codec.ts';
import { explain } from './schema-problems.ts';
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
    validate = await compile(JSON.parse(Buffer.from(schemaBytes).toString()));
  } catch (error) {
    return [`- the schema is not valid: ${(error as Error).message}`];
  }
  try {
    return timed(() => (validate(values) ? [] : explain(validate.schema, values, validate.errors ?? [])));
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
  const document = isMap(schema) ? (emptyEnums(rest) as typeof rest) : (schema as boolean);
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

/** No value is among none; the library knows no such list, but NaN is equal to nothing either. */
function emptyEnums(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(emptyEnums);
  if (!isMap(schema)) return schema;
  const changed = ([key, value]: [string, unknown]): unknown => {
    if (key === 'enum' && Array.isArray(value) && value.length === 0) return [NaN];
    return asTheyAre.has(key) ? value : emptyEnums(value);
  };
  return Object.fromEntries(Object.entries(schema).map((entry) => [entry[0], changed(entry)]));
}

const asTheyAre = new Set(['enum', 'const', 'default', 'examples']);

const besideReferences = new Set(['$ref', '$id', 'id', 'definitions', '$defs']);

function isPattern(compilePattern: () => unknown): boolean {
  try {
    compilePattern();
    return true;
  } catch {
    return false;
  }
}
