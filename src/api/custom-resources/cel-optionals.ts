import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';

/** What of the engine's macros is used here: they see an expression's parts before they are evaluated. */
interface Node {
  readonly op: string;
  readonly args: unknown;
}
interface Context {
  forkWithVariable(name: string, type: unknown): Context;
  reuse(parent: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}
interface Checker {
  check(node: Node, context: Context): unknown;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: Node, context: Context): unknown;
}
interface Macro {
  readonly receiver: Node;
  readonly expression: Node;
  readonly variable: string;
  inner: Context | undefined;
}

function variableOf(node: Node): string {
  if (node.op !== 'id') throw new Error('the first argument must be a name');
  return node.args as string;
}

/**
 * `optMap(x, …)` and `optFlatMap(x, …)`: what an expression makes of an optional's value, where it has one (CEL's
 * extension of optional values). Expressions wait for nothing here.
 */
function macro(wrap: (value: unknown) => unknown): (given: { args: Node[]; receiver: Node }) => object {
  return ({ args, receiver }) => ({
    receiver,
    variable: variableOf(args[0] as Node),
    expression: args[1] as Node,
    inner: undefined,
    typeCheck(checker: Checker, self: Macro, context: Context): unknown {
      checker.check(self.receiver, context);
      self.inner = context.forkWithVariable(self.variable, checker.getType('dyn'));
      checker.check(self.expression, self.inner);
      return checker.getType('optional');
    },
    evaluate(evaluator: Evaluator, self: Macro, context: Context): unknown {
      const optional = evaluator.run(self.receiver, context);
      if (!(optional instanceof Optional)) throw new Error('optMap and optFlatMap are of optional values');
      if (!optional.hasValue()) return Optional.none();
      const inner = (self.inner as Context).reuse(context).setIterValue(optional.value(), evaluator);
      return wrap(evaluator.run(self.expression, inner));
    },
  });
}

export function registerOptionals(environment: Environment): void {
  environment
    .registerFunction(
      'optional.optMap(ast, ast): optional<dyn>',
      macro((value) => Optional.of(value)),
    )
    .registerFunction(
      'optional.optFlatMap(ast, ast): optional<dyn>',
      macro((value) => value),
    );
}
