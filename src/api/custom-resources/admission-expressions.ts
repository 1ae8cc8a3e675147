import { Environment } from '@marcbachmann/cel-js';
import { registerAuthorizer } from './cel-authorizer.ts';
import { registerLibrary } from './cel-library.ts';
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

type Program = (context: Record<string, unknown>) => unknown;

let environment: Environment | undefined;

/** Made when the first expression is met. */
function expressions(): Environment {
  if (environment) return environment;
  environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  for (const name of names) environment.registerVariable(name, 'dyn');
  registerLibrary(environment);
  registerAuthorizer(environment);
  return environment;
}

const programs = new Map<string, Program>();
const programLimit = 5000;

function programOf(text: string): Program {
  const known = programs.get(text);
  if (known) return known;
  const parsed = expressions().parse(text);
  if (programs.size >= programLimit) programs.clear();
  programs.set(text, parsed);
  return parsed;
}

/** Why an expression cannot be one that comes to `type`; undefined for one that can. */
export function admissionExpressionProblem(text: string, type: 'bool' | 'string' | 'dyn'): string | undefined {
  try {
    const checked = expressions().check(text);
    if (!checked.valid) return compilationFailure(checked.error?.message);
    const { type: actual } = checked;
    if (type === 'dyn' || actual === type || actual === 'dyn') return undefined;
    return `compilation failed: must evaluate to ${type}`;
  } catch (error) {
    return compilationFailure((error as Error).message);
  }
}

function compilationFailure(message = ''): string {
  return `compilation failed: ERROR: <input>: ${message.split('\n', 1)[0] ?? ''}`;
}

/** What an expression comes to, as CEL has it. Rejects with what went wrong in it. */
export async function evaluateAdmission(text: string, values: AdmissionVariables): Promise<unknown> {
  const { authorizer = null, variables = new Map<string, unknown>(), ...json } = values;
  const context: Record<string, unknown> = { authorizer, variables };
  for (const name of ['object', 'oldObject', 'request', 'params', 'namespaceObject'] as const) {
    context[name] = celValue(json[name] ?? null, undefined);
  }
  try {
    return await programOf(text)(context);
  } catch (error) {
    throw new Error((error as Error).message.split('\n', 1)[0] ?? '', { cause: error });
  }
}
