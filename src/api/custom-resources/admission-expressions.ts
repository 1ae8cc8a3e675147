import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { isJsonObject, type JsonObject } from '../plain-json.ts';
import { registerAuthorizer } from './cel-authorizer.ts';
import { registerLibrary } from './cel-library.ts';
import { CelPatch, jsonOf, registerObjects, withoutMessages } from './cel-objects.ts';
import { celProblem } from './cel-problem.ts';
import { celPrograms, type CelPrograms } from './cel-programs.ts';
import { celValue } from './cel-values.ts';

/** What an expression of a webhook's or policy's conditions is evaluated with; names that are left out are null. */
export interface AdmissionVariables {
  object?: unknown;
  oldObject?: unknown;
  request?: unknown;
  params?: unknown;
  namespaceObject?: unknown;
  /** Asks the cluster's authorizers, as the user of the request. */
  authorizer?: unknown;
  /** Values that earlier expressions of the same policy came to, by name, as CEL has them. */
  variables?: Map<string, unknown>;
}

const names = ['object', 'oldObject', 'request', 'params', 'namespaceObject', 'authorizer', 'variables'] as const;

type VariableTypes = Partial<Record<(typeof names)[number], string>>;

function furnish(environment: Environment): void {
  furnishTyped(environment, { variables: 'dyn' });
}

/** The names and functions of admission; without a type, each but `variables` is of any. */
export function furnishTyped(environment: Environment, types: VariableTypes): void {
  for (const name of names) {
    const type = types[name] ?? (name === 'variables' ? undefined : 'dyn');
    if (type !== undefined) environment.registerVariable(name, type);
  }
  registerLibrary(environment);
  registerAuthorizer(environment);
}

const judging = celPrograms(furnish);
const mutating = celPrograms((environment) => {
  furnish(environment);
  registerObjects(environment);
}, withoutMessages);

/** What an expression must come to; those of mutations may make objects and patches. */
export type ExpressionType = 'bool' | 'string' | 'dyn' | 'Object' | 'list<JSONPatch>' | 'mutation variable';

/** Why an expression cannot be one that comes to `type`; undefined for one that can. */
export function admissionExpressionProblem(text: string, type: ExpressionType): string | undefined {
  const isMutation = type === 'Object' || type === 'list<JSONPatch>' || type === 'mutation variable';
  try {
    const programs = isMutation ? mutating : judging;
    const checked = programs.check(text);
    const isRewritten = isMutation && withoutMessages(text) !== text;
    if (!checked.valid)
      return `compilation failed: ${celProblem(text, checked.error, { isRewritten, hasFunction: programs.hasFunction })}`;
    if (isOfType(checked.type ?? 'dyn', type)) return undefined;
    return `compilation failed: must evaluate to ${type}`;
  } catch (error) {
    return `compilation failed: ERROR: <input>: ${(error as Error).message.split('\n', 1)[0] ?? ''}`;
  }
}

function isOfType(actual: string, type: ExpressionType): boolean {
  if (type === 'dyn' || type === 'mutation variable' || actual === 'dyn' || actual === type) return true;
  // An empty list, and one of items that are known when it is evaluated.
  return type === 'list<JSONPatch>' && ['list', 'list<dyn>', 'list<T>'].includes(actual);
}

/** What an expression comes to, as CEL has it. Rejects with what went wrong in it. */
export function evaluateAdmission(text: string, values: AdmissionVariables): Promise<unknown> {
  return evaluate(judging, text, values);
}

/** As {@link evaluateAdmission}, in the language of mutations, which has objects and patches. */
export function evaluateForMutation(text: string, values: AdmissionVariables): Promise<unknown> {
  return evaluate(mutating, text, values);
}

/** The apply configuration that an expression comes to, without apiVersion and kind. Rejects for what is none. */
export async function evaluateConfiguration(text: string, values: AdmissionVariables): Promise<JsonObject> {
  const configuration = jsonOf(await evaluate(mutating, text, values), 'Object');
  if (!isJsonObject(configuration)) {
    throw new Error('unsupported return type from ApplyConfiguration expression');
  }
  return configuration;
}

/** The JSON patch (RFC 6902) that an expression comes to. Rejects for what is none. */
export async function evaluatePatch(text: string, values: AdmissionVariables): Promise<JsonObject[]> {
  const operations = await evaluate(mutating, text, values);
  if (!Array.isArray(operations) || !operations.every((each) => each instanceof CelPatch)) {
    throw new Error('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  }
  return operations.map(({ fields }) => {
    return Object.fromEntries([...fields].map(([name, value]) => [name, jsonOf(value)]));
  });
}

async function evaluate(programs: CelPrograms, text: string, values: AdmissionVariables): Promise<unknown> {
  const { authorizer = null, variables = new Map<string, unknown>(), ...json } = values;
  const context: Record<string, unknown> = { authorizer, variables };
  for (const name of ['object', 'oldObject', 'request', 'params', 'namespaceObject'] as const) {
    context[name] = celValue(json[name] ?? null, undefined);
  }
  try {
    return await programs.of(text)(context);
  } catch (error) {
    throw new Error((error as Error).message.split('\n', 1)[0] ?? '', { cause: error });
  }
}
