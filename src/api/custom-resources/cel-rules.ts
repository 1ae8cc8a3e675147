import { Optional } from '@marcbachmann/cel-js';
import { duplicate, forbidden, invalidValue, required } from '../field-errors.ts';
import { isJsonObject, jsonEquals } from '../plain-json.ts';
import type { ValidationRule } from '../types/apiextensions-v1.ts';
import type { StatusCause } from '../types/meta-v1.ts';
import { registerLibrary } from './cel-library.ts';
import { celProblem } from './cel-problem.ts';
import { celPrograms } from './cel-programs.ts';
import { celValue } from './cel-values.ts';
import { childPath, childSchema, type StructuralSchema } from './structural-schema.ts';
import { itemWithKeys } from './validate-value.ts';

const programs = celPrograms((environment) => {
  environment.registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  registerLibrary(environment);
});

/** Why an expression cannot be a rule; undefined for one that can. `type` is what it must come to. */
export function expressionProblem(text: string, type: 'bool' | 'string'): string | undefined {
  try {
    const checked = programs.check(text);
    if (!checked.valid) return `compilation failed: ${celProblem(text, checked.error, programs)}`;
    const { type: actual } = checked;
    if (actual !== type && actual !== 'dyn')
      return `compilation failed: must evaluate to ${type === 'bool' ? 'a bool' : 'a string'}`;
    return undefined;
  } catch (error) {
    return `compilation failed: ERROR: <input>:${firstLine((error as Error).message)}`;
  }
}

function firstLine(text = ''): string {
  return ` ${text.split('\n', 1)[0] ?? ''}`;
}

/** A rule that compares with the state before is one for updates only. */
export function isTransitionRule({ rule }: ValidationRule): boolean {
  return /\boldSelf\b/.test(rule);
}

/**
 * Causes for every rule (x-kubernetes-validations) that does not hold in `value` or below it. `old` is the value that
 * this one is the successor of, if there is one; what did not change is judged by its rules only where they compare.
 */
export function checkRules(value: unknown, schema: StructuralSchema, path: string, old?: unknown): StatusCause[] {
  if (!schema.hasExtensions || value === null || value === undefined) return [];
  const causes = (schema.props['x-kubernetes-validations'] ?? []).flatMap((rule) => {
    const cause = checkRule(rule, schema, { value, old, path });
    return cause ? [cause] : [];
  });
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items?.hasExtensions) return causes;
    const keys = schema.props['x-kubernetes-list-map-keys'];
    const before = Array.isArray(old) && schema.props['x-kubernetes-list-type'] === 'map' ? old : undefined;
    const more = value.map((item, i) =>
      checkRules(item, items, `${path}[${i}]`, before && keys && itemWithKeys(before, item, keys)),
    );
    return [...causes, ...more.flat()];
  }
  if (!isJsonObject(value)) return causes;
  for (const key in value) {
    const child = childSchema(schema, key);
    if (!child?.hasExtensions) continue;
    // An entry of a map is named as an item is: `spec.labels[a]`, other than where its schema is broken.
    const at = schema.properties.has(key) ? childPath(path, key) : `${path}[${key}]`;
    causes.push(...checkRules(value[key], child, at, isJsonObject(old) ? old[key] : undefined));
  }
  return causes;
}

interface Judged {
  value: unknown;
  old: unknown;
  path: string;
}

function checkRule(rule: ValidationRule, schema: StructuralSchema, judged: Judged): StatusCause | undefined {
  const { value, old, path } = judged;
  const compares = isTransitionRule(rule);
  if (compares && old === undefined && !rule.optionalOldSelf) return undefined;
  if (!compares && old !== undefined && jsonEquals(value, old)) return undefined;
  const context: Record<string, unknown> = { self: celValue(value, schema) };
  if (compares) {
    const before = old === undefined ? undefined : celValue(old, schema);
    context.oldSelf = rule.optionalOldSelf ? (before === undefined ? Optional.none() : Optional.of(before)) : before;
  }
  const shown = schema.type || 'string';
  try {
    if (programs.of(rule.rule)(context) === true) return undefined;
  } catch (error) {
    const reason = firstLine((error as Error).message).trim();
    return invalidValue(path, shown, `rule evaluation error: ${reason} evaluating rule: ${rule.message ?? rule.rule}`);
  }
  const text = messageOf(rule, context);
  const at = rule.fieldPath === undefined ? path : `${path}${path === '' ? rule.fieldPath.slice(1) : rule.fieldPath}`;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(at, text);
    case 'FieldValueRequired':
      return required(at, text);
    case 'FieldValueDuplicate':
      return duplicate(at, shown);
    default:
      return invalidValue(at, shown, text);
  }
}

function messageOf(rule: ValidationRule, context: Record<string, unknown>): string {
  if (rule.messageExpression !== undefined) {
    try {
      const text = programs.of(rule.messageExpression)(context);
      if (typeof text === 'string' && text.trim() !== '' && !text.includes('\n')) return text.trim();
    } catch {
      // The plain message serves where the expression fails.
    }
  }
  return rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
}
