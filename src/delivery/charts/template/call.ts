import { endsExecution, validate } from './assign.ts';
import { LimitReached } from './error.ts';
import type { Execution } from './execution.ts';
import type { GoFunction, ParameterType } from './function.ts';
import type { CommandNode, OperandNode } from './nodes.ts';

interface Call {
  readonly name: string;
  readonly method: GoFunction | undefined;
  /** What an error of the function is said to be at. */
  readonly node: CommandNode | OperandNode;
  readonly args: readonly OperandNode[];
  /** Compiles an argument for a parameter's type. */
  readonly compile: (node: OperandNode, type: ParameterType) => (x: Execution, dot: unknown) => unknown;
  /** Whether the value of the command before comes as the last argument. */
  readonly hasFinal: boolean;
}

/** A call of a function or method: the number of arguments and their types are checked by Go's rules. */
export function compileCall(call: Call): (x: Execution, dot: unknown, final?: unknown) => unknown {
  const { name, method, args, compile, hasFinal } = call;
  if (!method) return (x) => x.fail(`"${name}" is not a defined function`);
  const { parameters, variadic } = method;
  const count = args.length + (hasFinal ? 1 : 0);
  const fixed = variadic ? parameters.length - 1 : parameters.length;
  if (variadic ? count < fixed : count !== fixed) {
    const want = variadic ? `at least ${fixed} got ${args.length}` : `${fixed} got ${count}`;
    return (x) => x.fail(`wrong number of args for ${name}: want ${want}`);
  }
  const typeAt = (i: number): ParameterType => parameters[Math.min(i, parameters.length - 1)] as ParameterType;
  const compiled = args.map((arg, i) => compile(arg, typeAt(i)));
  const finalType = typeAt(args.length);
  const valuesOf = hasFinal ? argumentsAndFinal(compiled, finalType) : argumentsOf(compiled);
  return (x, dot, final) => {
    x.step();
    const result = run(x, call, valuesOf(x, dot, final));
    if (typeof result === 'string') x.produce(result.length);
    else if (Array.isArray(result)) x.produceParts(result.length);
    return result;
  };
}

type Evaluate = (x: Execution, dot: unknown) => unknown;
type Values = (x: Execution, dot: unknown, final: unknown) => unknown[];

/** Lists that are as long as they are from the start take a fraction of the time and space of those that grow. */
function argumentsOf(compiled: readonly Evaluate[]): Values {
  const [first, second, third] = compiled;
  if (!first) return () => [];
  if (!second) return (x, dot) => [first(x, dot)];
  if (!third) return (x, dot) => [first(x, dot), second(x, dot)];
  return (x, dot) => compiled.map((evaluate) => evaluate(x, dot));
}

function argumentsAndFinal(compiled: readonly Evaluate[], type: ParameterType): Values {
  const [first, second] = compiled;
  if (!first) return (x, _, final) => [validate(x, final, type)];
  if (!second) return (x, dot, final) => [first(x, dot), validate(x, final, type)];
  return (x, dot, final) => [...compiled.map((evaluate) => evaluate(x, dot)), validate(x, final, type)];
}

function run(x: Execution, call: Call, values: unknown[]): unknown {
  const { template, place } = x;
  try {
    return (call.method as GoFunction).call(values, x);
  } catch (error) {
    const isLimit = error instanceof LimitReached;
    if (!isLimit && (endsExecution(error) || !(error instanceof Error))) throw error;
    x.template = template;
    x.place = place;
    x.node = call.node;
    if (isLimit) throw x.exceeded(error.message);
    return x.fail(`error calling ${call.name}: ${error.message}`, error);
  }
}
