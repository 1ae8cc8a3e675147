import { celPrograms } from './cel-programs.ts';
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

const programs = celPrograms((environment) => {
  for (const name of names) environment.registerVariable(name, 'dyn');
  registerLibrary(environment);
  registerAuthorizer(environment);
});

/** Why an expression cannot be one that comes to `type`; undefined for one that can. */
export function admissionExpressionProblem(text: string, type: 'bool' | 'string' | 'dyn'): string | undefined {
  try {
    const checked = programs.environment().check(text);
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
    return await programs.of(text)(context);
  } catch (error) {
    throw new Error((error as Error).message.split('\n', 1)[0] ?? '', { cause: error });
  }
}
