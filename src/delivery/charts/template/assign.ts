import { LimitReached, TemplateError } from './error.ts';
import type { Execution } from './execution.ts';
import { argumentOf, canBeNil, isAssignable, parameterName, type ParameterType } from './function.ts';
import { Pause } from './pause.ts';
import { typeOf } from './values.ts';

/** Go's assignability, at run time. */
export function validate(x: Execution, value: unknown, type: ParameterType): unknown {
  if (value == null) {
    if (type === 'value') return value;
    // A nil that a field or an element holds is an interface, not a nil map or list; what a pipeline gives is no value.
    if (type === 'any' || (value === undefined && canBeNil(type))) return null;
    if (value === undefined) x.fail(`invalid value; expected ${parameterName(type)}`);
    x.fail(`wrong type for value; expected ${parameterName(type)}; got interface {}`);
  }
  if (!isAssignable(value, type)) {
    x.fail(`wrong type for value; expected ${parameterName(type)}; got ${typeOf(value)}`);
  }
  return argumentOf(value, type);
}

/** Whether an error must not become part of another: budgets, and a stack that overflows, end everything. */
export function endsExecution(error: unknown): boolean {
  if (error instanceof TemplateError) return error.phase === 'limit';
  return error instanceof LimitReached || error instanceof RangeError || error instanceof Pause;
}
