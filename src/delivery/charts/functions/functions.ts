import type { FunctionMap } from '../template/function.ts';
import { goFunction } from '../template/function.ts';
import { kindOf, typeOf } from '../template/values.ts';
import { helmFunctions, type HelmOptions } from './helm.ts';
import { deepEqual, dictFunctions, isEmpty, listFunctions } from './lists.ts';
import { numberFunctions } from './numbers.ts';
import { stringFunctions } from './strings.ts';

/** All functions of Helm's templates: Sprig's without `env` and `expandenv`, and Helm's own. */
export function chartFunctions(options: HelmOptions): FunctionMap {
  return {
    ...stringFunctions,
    ...listFunctions,
    ...dictFunctions,
    ...numberFunctions,
    ...flowFunctions,
    ...helmFunctions(options),
  };
}

const flowFunctions: FunctionMap = {
  default: goFunction(['any', '...any'], (fallback, ...given) =>
    given.length === 0 || isEmpty(given[0]) ? fallback : given[0],
  ),
  empty: goFunction(['any'], isEmpty),
  coalesce: goFunction(['...any'], (...values) => values.find((value) => !isEmpty(value)) ?? null),
  all: goFunction(['...any'], (...values) => !values.some(isEmpty)),
  any: goFunction(['...any'], (...values) => values.some((value) => !isEmpty(value))),
  ternary: goFunction(['any', 'any', 'bool'], (yes, no, condition) => (condition ? yes : no)),
  typeOf: goFunction(['any'], typeOf),
  typeIs: goFunction(['string', 'any'], (name, value) => typeOf(value) === name),
  typeIsLike: goFunction(['string', 'any'], (name, value) => typeOf(value) === name || typeOf(value) === `*${name}`),
  kindOf: goFunction(['any'], kindOf),
  kindIs: goFunction(['string', 'any'], (name, value) => kindOf(value) === name),
  deepEqual: goFunction(['any', 'any'], deepEqual),
};
