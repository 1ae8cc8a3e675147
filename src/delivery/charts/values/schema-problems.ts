import type { ErrorObject } from 'ajv';
import { isMap } from '../template/values.ts';
import { messageOf } from './schema-messages.ts';

/** What a schema has against a value, in the form of the library that Helm uses (santhosh-tekuri/jsonschema 6). */
interface Problem {
  /** JSON pointer of the value. */
  place: string;
  message: string;
  causes: Problem[];
  /** Several things that are wrong with one value: at the top each of them is told by itself. */
  isGroup?: boolean;
}

type Schema = Record<string, unknown>;

/**
 * One line for each violation, what they consist of indented below: of `allOf`, references and alternatives, and of
 * values that several things are wrong with.
 */
export function explain(schema: unknown, value: unknown, errors: readonly ErrorObject[]): string[] {
  const explanation = new Explanation(schema, errors);
  const problem = explanation.problemOf(schema, value, '');
  // References that only the library can follow lead to places that are not found here.
  const whole = !problem || explanation.hasGap ? flat(errors) : problem.isGroup ? problem.causes : [problem];
  return whole.flatMap((each) => linesOf(each, 0));
}

function flat(errors: readonly ErrorObject[]): Problem[] {
  const combining = new Set(['if', 'allOf', 'anyOf', 'oneOf', 'contains']);
  return together(errors.filter(({ keyword }) => !combining.has(keyword))).map((error) => leaf(error));
}

function grouped(place: string, problems: readonly Problem[]): Problem | undefined {
  return problems.length < 2
    ? problems[0]
    : { place, message: 'validation failed', causes: [...problems], isGroup: true };
}

function linesOf({ place, message, causes }: Problem, depth: number): string[] {
  const below = causes.flatMap((cause) => linesOf(cause, depth + 1));
  return [`${'  '.repeat(depth)}- at '${place}': ${message}`, ...below];
}

function leaf(error: ErrorObject, causes: Problem[] = []): Problem {
  return { place: error.propertyName === undefined ? error.instancePath : '', message: messageOf(error), causes };
}

/** A value that fails one of these is not looked at any further by the same schema. */
const first = ['type', 'const', 'enum', 'format'];

const bounds = [
  ...['minProperties', 'maxProperties', 'required', 'dependencies', 'additionalProperties', 'dependentRequired'],
  ...['minItems', 'maxItems', 'uniqueItems', 'minLength', 'maxLength', 'pattern'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'not'],
];

const references = ['$ref', '$recursiveRef', '$dynamicRef'];

class Explanation {
  hasGap = false;
  private readonly refused: ReadonlySet<string>;
  private readonly bySchema = new Map<unknown, ErrorObject[]>();
  private readonly named = new Map<string, unknown>();
  private readonly root: unknown;
  /** The property's name that is looked at, while its object's `propertyNames` are. */
  private name: string | undefined;

  constructor(root: unknown, errors: readonly ErrorObject[]) {
    this.root = root;
    const refusals = errors.filter(({ keyword }) => keyword === 'false schema');
    this.refused = new Set(refusals.map(({ instancePath }) => instancePath));
    for (const error of errors) {
      const known = this.bySchema.get(error.parentSchema);
      if (known) known.push(error);
      else this.bySchema.set(error.parentSchema, [error]);
    }
    this.findNames(root);
  }

  problemOf(schema: unknown, value: unknown, place: string): Problem | undefined {
    const shown = this.name === undefined ? place : '';
    if (schema === false) return this.refused.has(place) ? falseSchema(shown) : undefined;
    if (!isMap(schema)) return undefined;
    const errors = (this.bySchema.get(schema) ?? []).filter(
      ({ instancePath, propertyName }) => instancePath === place && propertyName === this.name,
    );
    const stop = first.flatMap((keyword) => errors.find((error) => error.keyword === keyword) ?? [])[0];
    if (stop) return leaf(stop);
    const problems = [
      ...references.flatMap((keyword) => this.throughReference(schema[keyword], value, place)),
      ...together(errors.filter(({ keyword }) => bounds.includes(keyword)))
        .toSorted((a, b) => bounds.indexOf(a.keyword) - bounds.indexOf(b.keyword))
        .map((error) => leaf(error)),
      ...(isMap(value) ? this.ofProperties(schema, value, place) : []),
      ...(Array.isArray(value) ? this.ofItems(schema, value, place) : []),
      ...errors.filter(({ keyword }) => keyword === 'additionalItems').map((error) => leaf(error)),
      ...(isMap(value) ? this.ofNames(errors, schema) : []),
      ...this.ofContained(errors, schema, value),
      ...this.ofCombined(errors, schema, value, place),
      ...unevaluated(errors),
    ];
    return grouped(shown, problems);
  }

  private all(schemas: unknown, value: unknown, place: string): Problem[] {
    return (Array.isArray(schemas) ? schemas : [schemas]).flatMap((each) => this.problemOf(each, value, place) ?? []);
  }

  private throughReference(reference: unknown, value: unknown, place: string): Problem[] {
    if (typeof reference !== 'string') return [];
    const target = this.resolve(reference);
    if (target === undefined) this.hasGap = true;
    // What a reference has against a value stays together.
    return target === undefined ? [] : this.all(target, value, place).map((each) => ({ ...each, isGroup: false }));
  }

  private ofProperties(schema: Schema, value: Record<string, unknown>, place: string): Problem[] {
    const properties = mapAt(schema, 'properties');
    const patterns = Object.entries(mapAt(schema, 'patternProperties'));
    const values = Object.entries(value).flatMap(([key, inner]) => {
      const at = `${place}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const own = Object.hasOwn(properties, key) ? [properties[key]] : [];
      // Which patterns match is known by what failed there; for the rest of properties likewise.
      const rest = schema['additionalProperties'];
      const others = [...patterns.map(([, inside]) => inside), ...(isMap(rest) ? [rest] : [])];
      return this.all([...own, ...others], inner, at);
    });
    const dependent = { ...mapAt(schema, 'dependencies'), ...mapAt(schema, 'dependentSchemas') };
    const needed = Object.entries(dependent).filter(([key, inside]) => Object.hasOwn(value, key) && isMap(inside));
    return [...values, ...needed.flatMap(([, inside]) => this.all(inside, value, place))];
  }

  private ofItems(schema: Schema, value: readonly unknown[], place: string): Problem[] {
    const tuple = [schema['prefixItems'], schema['items']].find(Array.isArray) as unknown[] | undefined;
    const rest = Array.isArray(schema['items']) ? schema['additionalItems'] : schema['items'];
    const restIsTold = Array.isArray(schema['items']) && rest === false;
    return value.flatMap((inner, i) => {
      const isFirst = i < (tuple?.length ?? 0);
      if (!isFirst && rest === false) return restIsTold ? [] : [falseSchema(`${place}/${i}`)];
      return this.all([isFirst ? tuple?.[i] : rest], inner, `${place}/${i}`);
    });
  }

  /** Names of properties are at no place: so has it Helm's library. */
  private ofNames(errors: readonly ErrorObject[], schema: Schema): Problem[] {
    return errors
      .filter(({ keyword }) => keyword === 'propertyNames')
      .map((error) => {
        const name = String(error.params['propertyName']);
        const before = this.name;
        this.name = name;
        const problem = this.problemOf(schema['propertyNames'], name, error.instancePath);
        this.name = before;
        const causes = !problem ? [] : problem.isGroup ? problem.causes : [problem];
        return { place: '', message: messageOf(error), causes };
      });
  }

  private ofContained(errors: readonly ErrorObject[], schema: Schema, value: unknown): Problem[] {
    const error = errors.find(({ keyword }) => keyword === 'contains');
    if (!error || !Array.isArray(value)) return [];
    const place = error.instancePath;
    const found = value.map((item, i) => this.problemOf(schema['contains'], item, `${place}/${i}`));
    const matched = found.flatMap((problem, i) => (problem ? [] : [i]));
    const causes = found.flatMap((problem) => problem ?? []);
    const { minContains: min, maxContains: max } = schema;
    const told = (indexes: readonly number[]): string => {
      const which = indexes.length === 0 ? 'none matched' : `matched ${indexes.length} items at ${indexes.join(' ')}`;
      return `items required to match contains schema, but ${which}`;
    };
    if (typeof min === 'number' && matched.length < min)
      return [{ place, message: `min ${min} ${told(matched)}`, causes }];
    if (matched.length === 0) return [{ place, message: 'no items match contains schema', causes }];
    // The library looks no further than at the first one that is too many.
    return [{ place, message: `max ${String(max)} ${told(matched.slice(0, Number(max) + 1))}`, causes: [] }];
  }

  private ofCombined(errors: readonly ErrorObject[], schema: Schema, value: unknown, place: string): Problem[] {
    const everything = Array.isArray(schema['allOf']) ? this.all(schema['allOf'], value, place) : [];
    const shown = this.name === undefined ? place : '';
    const alternatives = ['anyOf', 'oneOf'].flatMap((keyword) => {
      const error = errors.find((other) => other.keyword === keyword);
      if (!error) return [];
      return [leaf(error, error.params['passingSchemas'] ? [] : this.all(schema[keyword], value, place))];
    });
    const branch = errors.find(({ keyword }) => keyword === 'if')?.params['failingKeyword'] as string | undefined;
    return [
      ...(everything.length > 0 ? [{ place: shown, message: "'allOf' failed", causes: everything }] : []),
      ...alternatives,
      ...(branch === undefined ? [] : this.all(schema[branch], value, place)),
    ];
  }

  private resolve(reference: string): unknown {
    if (this.named.has(reference)) return this.named.get(reference);
    if (!/^#(\/|$)/.test(reference)) return undefined;
    let target = this.root;
    for (const part of reference.split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      if (!(isMap(target) || Array.isArray(target)) || !Object.hasOwn(target, key)) return undefined;
      target = (target as Record<string, unknown>)[key];
    }
    return target;
  }

  private findNames(schema: unknown): void {
    if (Array.isArray(schema)) for (const each of schema) this.findNames(each);
    if (!isMap(schema)) return;
    const { $id, $anchor, $dynamicAnchor } = schema;
    for (const anchor of [$anchor, $dynamicAnchor])
      if (typeof anchor === 'string') this.named.set(`#${anchor}`, schema);
    if (typeof $id === 'string') this.named.set($id, schema);
    for (const each of Object.values(schema)) this.findNames(each);
  }
}

function falseSchema(place: string): Problem {
  return { place, message: 'false schema', causes: [] };
}

function mapAt(schema: Schema, key: string): Record<string, unknown> {
  const value = schema[key];
  return isMap(value) ? value : {};
}

/** What nobody evaluates is told where it is. */
function unevaluated(errors: readonly ErrorObject[]): Problem[] {
  return errors
    .filter(({ keyword }) => keyword === 'unevaluatedProperties')
    .map((error) => {
      const place = `${error.instancePath}/${String(error.params['unevaluatedProperty'])}`;
      return { place, message: messageOf(error), causes: [] };
    });
}

/** Several missing or unknown properties of one object are one violation. */
function together(errors: readonly ErrorObject[]): ErrorObject[] {
  const known = new Map<string, ErrorObject>();
  const kept: ErrorObject[] = [];
  for (const error of errors) {
    const property = propertyOf(error);
    if (property === undefined) {
      kept.push(error);
      continue;
    }
    const key = [error.keyword, error.instancePath, error.schemaPath, error.params['property']].join(' ');
    const before = known.get(key);
    if (before) {
      const names = before.params['names'] as string[];
      if (!names.includes(property)) names.push(property);
    } else {
      const whole = { ...error, params: { ...error.params, names: [property] } };
      known.set(key, whole);
      kept.push(whole);
    }
  }
  return kept;
}

function propertyOf({ keyword, params }: ErrorObject): string | undefined {
  if (keyword === 'required' || keyword === 'dependentRequired' || keyword === 'dependencies')
    return String(params['missingProperty']);
  return keyword === 'additionalProperties' ? String(params['additionalProperty']) : undefined;
}
