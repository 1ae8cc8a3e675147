import { endsExecution, validate } from './assign.ts';
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

/** A list's elements take room, too. */
const bytesOfElement = 8;

/** A call of a function or method: the number of arguments and their types are checked by Go's rules. */
export function compileCall(call: Call): (x: Execution, dot: unknown, final: unknown) => unknown {
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
  const { length } = compiled;
  return (x, dot, final) => {
    x.step();
    const values: unknown[] = [];
    for (let i = 0; i < length; i++) values.push((compiled[i] as (typeof compiled)[0])(x, dot));
    if (hasFinal) values.push(validate(x, final, finalType));
    const result = run(x, call, values);
    if (typeof result === 'string') x.produce(result.length);
    else if (Array.isArray(result)) x.produce(result.length * bytesOfElement);
    return result;
  };
}

function run(x: Execution, call: Call, values: unknown[]): unknown {
  const { template } = x;
  try {
    return (call.method as GoFunction).call(values, x);
  } catch (error) {
    if (endsExecution(error) || !(error instanceof Error)) throw error;
    x.template = template;
    x.node = call.node;
    return x.fail(`error calling ${call.name}: ${error.message}`, error);
  }
}
