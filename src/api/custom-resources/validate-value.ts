import { duplicate, invalidValue, notSupported, required, tooLong, tooMany, typeInvalid } from '../field-errors.ts';
import { isJsonObject, jsonEquals, type JsonObject } from '../plain-json.ts';
import type { JSONSchemaProps } from '../types/apiextensions-v1.ts';
import type { StatusCause } from '../types/meta-v1.ts';
import { childPath } from './structural-schema.ts';
import { lengthOf, numberProblems, stringProblems, suitsFormat } from './value-checks.ts';

/**
 * Causes for everything in `value` that breaks its JSON schema, as apiextensions reports them. What is as it was in
 * `old` is not looked at: an update may leave what it found (KEP-4008, ratcheting).
 */
export function validateValue(value: unknown, props: JSONSchemaProps, path: string, old?: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  check(value, props, { path, causes, old });
  return causes;
}

interface At {
  path: string;
  causes: StatusCause[];
  old: unknown;
}

function check(value: unknown, props: JSONSchemaProps, at: At): void {
  if (at.old !== undefined && jsonEquals(value, at.old)) return;
  const { path, causes } = at;
  if (value === null) {
    if (!props.nullable) refuseType(causes, path, { expected: typeNames(props), actual: 'null' });
    return;
  }
  const expected = typeNames(props);
  if (expected !== '' && !hasType(value, expected)) {
    refuseType(causes, path, { expected, actual: typeName(value) });
    return;
  }
  checkScalar(value, props, at);
  if (Array.isArray(value)) checkList(value, props, at);
  else if (isJsonObject(value)) checkObject(value, props, at);
  checkEnum(value, props, at);
  checkCombinations(value, props, at);
}

/** `integer,string`: what a message names. */
function typeNames(props: JSONSchemaProps): string {
  if (props['x-kubernetes-int-or-string']) return 'integer,string';
  return props.type ?? '';
}

function hasType(value: unknown, expected: string): boolean {
  const actual = typeName(value);
  return expected.split(',').some((type) => type === actual || (type === 'number' && actual === 'integer'));
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function refuseType(causes: StatusCause[], path: string, type: { expected: string; actual: string }): void {
  const { expected, actual } = type;
  causes.push(typeInvalid(path, actual, `${path} in body must be of type ${expected}: ${JSON.stringify(actual)}`));
}

function checkScalar(value: unknown, props: JSONSchemaProps, { path, causes }: At): void {
  if (typeof value === 'string') {
    if (props.maxLength !== undefined && lengthOf(value) > props.maxLength) causes.push(tooLong(path, props.maxLength));
    for (const problem of stringProblems(value, props)) {
      causes.push(invalidValue(path, value, `${path} in body ${problem}`));
    }
    const { format } = props;
    if (format !== undefined && !suitsFormat(value, format)) {
      causes.push(invalidValue(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
    }
  } else if (typeof value === 'number') {
    for (const problem of numberProblems(value, props)) {
      causes.push(invalidValue(path, value, `${path} in body ${problem}`));
    }
  }
}

function checkList(value: readonly unknown[], props: JSONSchemaProps, { path, causes, old }: At): void {
  const { minItems, maxItems, items } = props;
  if (minItems !== undefined && value.length < minItems) {
    causes.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) causes.push(tooMany(path, value.length, maxItems));
  if (!isJsonObject(items)) return;
  // Which item of a set or an atomic list is whose successor nobody can say.
  const keys = props['x-kubernetes-list-type'] === 'map' ? props['x-kubernetes-list-map-keys'] : undefined;
  const before = keys && Array.isArray(old) ? (item: unknown) => itemWithKeys(old, item, keys) : undefined;
  value.forEach((item, i) => check(item, items, { path: `${path}[${i}]`, causes, old: before?.(item) }));
}

/** The item of a `map` list whose keys have the same values. */
export function itemWithKeys(list: readonly unknown[], item: unknown, keys: readonly string[]): unknown {
  if (!isJsonObject(item)) return undefined;
  return list.find((other) => isJsonObject(other) && keys.every((key) => jsonEquals(other[key], item[key])));
}

function checkObject(value: JsonObject, props: JSONSchemaProps, { path, causes, old }: At): void {
  const size = Object.keys(value).length;
  const { minProperties, maxProperties, additionalProperties } = props;
  if (minProperties !== undefined && size < minProperties) {
    causes.push(invalidValue(path, size, `${path} in body should have at least ${minProperties} properties`));
  }
  if (maxProperties !== undefined && size > maxProperties) causes.push(tooMany(path, size, maxProperties));
  for (const name of props.required ?? []) {
    if (!Object.hasOwn(value, name)) causes.push(required(childPath(path, name), ''));
  }
  const before = isJsonObject(old) ? old : undefined;
  for (const key in value) {
    const property = props.properties && Object.hasOwn(props.properties, key) ? props.properties[key] : undefined;
    const child = property ?? (isJsonObject(additionalProperties) ? additionalProperties : undefined);
    if (child) check(value[key], child, { path: childPath(path, key), causes, old: before?.[key] });
  }
}

function checkEnum(value: unknown, props: JSONSchemaProps, { path, causes }: At): void {
  const { enum: allowed } = props;
  if (!allowed || allowed.some((item) => jsonEquals(item, value))) return;
  const texts = allowed.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
  causes.push(notSupported(path, value, texts));
}

function checkCombinations(value: unknown, props: JSONSchemaProps, { path, causes }: At): void {
  const fit = (schema: JSONSchemaProps): StatusCause[] => validateValue(value, schema, path);
  const refuse = (rule: string): number => causes.push(invalidValue(path, '', `${JSON.stringify(path)} must ${rule}`));
  for (const [name, schemas] of [['anyOf', props.anyOf] as const, ['oneOf', props.oneOf] as const]) {
    if (!schemas || schemas.length === 0) continue;
    const results = schemas.map(fit);
    const valid = results.filter((result) => result.length === 0).length;
    if (valid === 0) {
      const rule =
        name === 'anyOf' ? 'validate at least one schema (anyOf)' : 'validate one and only one schema (oneOf)';
      refuse(name === 'anyOf' ? rule : `${rule}. Found none valid`);
      causes.push(...(results.toSorted((a, b) => a.length - b.length)[0] ?? []));
    } else if (name === 'oneOf' && valid > 1) {
      refuse(`validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
    }
  }
  if (props.allOf) {
    const broken = props.allOf.flatMap(fit);
    if (broken.length > 0) {
      refuse('validate all the schemas (allOf)');
      causes.push(...broken);
    }
  }
  if (props.not && fit(props.not).length === 0) refuse('not validate the schema (not)');
}

/** Items that a list of type `set` or `map` has twice. */
export function duplicateItems(list: readonly unknown[], props: JSONSchemaProps, path: string): StatusCause[] {
  const keys = props['x-kubernetes-list-type'] === 'map' ? props['x-kubernetes-list-map-keys'] : undefined;
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const picked = keys && isJsonObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
    const text = canonical(picked);
    if (!seen.has(text)) {
      seen.add(text);
      return [];
    }
    return [duplicate(`${path}[${i}]`, picked)];
  });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
