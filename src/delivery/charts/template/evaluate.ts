import { validate } from './assign.ts';
import type { Execution } from './execution.ts';
import { canBeNil, parameterName, type FunctionMap, type ParameterType } from './function.ts';
import { compileCall } from './call.ts';
import { fieldOf, MethodFound } from './field.ts';
import {
  nodeText,
  type ChainNode,
  type CommandNode,
  type FieldNode,
  type IdentifierNode,
  type NumberNode,
  type OperandNode,
  type PipeNode,
  type VariableNode,
} from './nodes.ts';
import { quote } from './quote.ts';
import type { Scope } from './scope.ts';
import { isTrue } from './values.ts';

/** An expression, compiled. */
export type Evaluate = (x: Execution, dot: unknown) => unknown;
/** A command of a pipeline, compiled: it also gets the value of the command before it, if there is one. */
type EvaluateCommand = (x: Execution, dot: unknown, final?: unknown) => unknown;

/** Compiles a pipeline; its value is stored in the variables that it declares or assigns. */
export function compilePipeline(pipe: PipeNode, scope: Scope): Evaluate {
  if (!pipe.isShared) return compileAnew(pipe, scope);
  let known = scope.compiled.get(pipe);
  if (!known) scope.compiled.set(pipe, (known = compileAnew(pipe, scope)));
  return known;
}

function compileAnew(pipe: PipeNode, scope: Scope): Evaluate {
  const commands = pipe.commands.map((command, i) => compileCommand(command, scope, i > 0));
  const evaluate = chainCommands(pipe, commands);
  if (pipe.declarations.length === 0) return evaluate;
  const { declarations } = pipe;
  return (x, dot) => {
    const value = evaluate(x, dot);
    for (const variable of declarations) {
      if (variable.slot < 0) x.fail(`undefined variable: ${nodeText(variable)}`);
      x.variables[variable.slot] = value;
    }
    return value;
  };
}

function chainCommands(pipe: PipeNode, commands: EvaluateCommand[]): Evaluate {
  const first = commands[0] as EvaluateCommand;
  if (commands.length === 1) {
    return (x, dot) => {
      x.node = pipe;
      return first(x, dot) ?? undefined;
    };
  }
  return (x, dot) => {
    x.node = pipe;
    let value: unknown;
    for (const command of commands) value = command(x, dot, value) ?? undefined;
    return value;
  };
}

function compileCommand(command: CommandNode, scope: Scope, hasFinal: boolean): EvaluateCommand {
  const first = command.args[0] as OperandNode;
  switch (first.type) {
    case 'field':
      return compileField(first, command.args, scope, hasFinal);
    case 'chain':
      return compileChain(first, command.args, scope, hasFinal);
    case 'identifier':
      return compileFunction(first, command, command.args, scope, hasFinal);
    case 'variable':
      return compileVariable(first, command.args, scope, hasFinal);
    case 'pipe': {
      if (command.args.length > 1 || hasFinal) return notAFunction(first);
      return compilePipeline(first, scope);
    }
    default: {
      if (command.args.length > 1 || hasFinal) {
        return at(first, notAFunction(first));
      }
      if (first.type === 'nil') {
        return (x) => {
          x.node = first;
          x.fail('nil is not a command');
        };
      }
      return compileLiteral(first);
    }
  }
}

function at(node: OperandNode, evaluate: EvaluateCommand): EvaluateCommand {
  return (x, dot, final) => {
    x.node = node;
    return evaluate(x, dot, final);
  };
}

function notAFunction(node: OperandNode): EvaluateCommand {
  return (x) => x.fail(`can't give argument to non-function ${nodeText(node)}`);
}

/** A constant, or dot, where any type will do. */
function compileLiteral(node: OperandNode): Evaluate {
  switch (node.type) {
    case 'dot':
      return (x, dot) => {
        x.node = node;
        return dot;
      };
    case 'bool':
      return constant(node, node.value);
    case 'string':
      return constant(node, node.text);
    case 'number':
      return idealConstant(node);
    default:
      return (x) => x.fail(`can't evaluate command ${quote(nodeText(node))}`);
  }
}

function constant(node: OperandNode, value: unknown): Evaluate {
  return (x) => {
    x.node = node;
    return value;
  };
}

/** A number's type is by its syntax where nothing asks for one: float64 when it looks like one, else int. */
function idealConstant(node: NumberNode): Evaluate {
  if (node.isFloat) return constant(node, node.float);
  const integer = node.integer as bigint;
  if (integer < 2n ** 63n) return constant(node, integer);
  return (x) => {
    x.node = node;
    x.fail(`${node.text} overflows int`);
  };
}

function compileField(
  node: FieldNode,
  args: readonly OperandNode[] | undefined,
  scope: Scope,
  hasFinal: boolean,
): EvaluateCommand {
  const resolve = compileFieldChain(node, node.identifiers, args, scope, hasFinal, scope.dotIsElement);
  return (x, dot, final) => {
    x.node = node;
    return resolve(x, dot, dot, final);
  };
}

function compileChain(
  node: ChainNode,
  args: readonly OperandNode[] | undefined,
  scope: Scope,
  hasFinal: boolean,
): EvaluateCommand {
  if (node.node.type === 'nil') {
    return (x) => {
      x.node = node;
      x.fail(`indirection through explicit nil in ${nodeText(node)}`);
    };
  }
  const base = compileArgument(node.node, 'value', scope);
  const resolve = compileFieldChain(node, node.fields, args, scope, hasFinal, false);
  return (x, dot, final) => {
    x.node = node;
    return resolve(x, dot, base(x, dot), final);
  };
}

function compileVariable(
  node: VariableNode,
  args: readonly OperandNode[] | undefined,
  scope: Scope,
  hasFinal: boolean,
): EvaluateCommand {
  const { slot } = node;
  if (slot < 0) {
    return (x) => {
      x.node = node;
      x.fail(`undefined variable: ${node.identifiers[0]}`);
    };
  }
  if (node.identifiers.length === 1) {
    if ((args && args.length > 1) || hasFinal) return at(node, notAFunction(node));
    return (x) => {
      x.node = node;
      return x.variables[slot];
    };
  }
  const fields = node.identifiers.slice(1);
  const resolve = compileFieldChain(node, fields, args, scope, hasFinal, scope.elementSlots.has(slot));
  return (x, dot, final) => {
    x.node = node;
    return resolve(x, dot, x.variables[slot], final);
  };
}

type Resolve = (x: Execution, dot: unknown, receiver: unknown, final: unknown) => unknown;

/** `.a.b.c`, the last of which may be a method with arguments. */
function compileFieldChain(
  node: OperandNode,
  fields: readonly string[],
  args: readonly OperandNode[] | undefined,
  scope: Scope,
  hasFinal: boolean,
  isElement: boolean,
): Resolve {
  const last = fields.length - 1;
  const hasArgs = hasFinal || (args !== undefined && args.length > 1);
  const callMethod = compileMethodCall(node, args?.slice(1) ?? [], scope, hasFinal);
  const callInner = compileMethodCall(node, [], scope, false);
  return (x, dot, receiver, final) => {
    let value = receiver;
    for (let i = 0; i < last; i++) {
      value = fieldOf(x, value, fields[i] as string, isElement || i > 0, false);
      if (value instanceof MethodFound) value = callInner(value)(x, dot);
    }
    const field = fieldOf(x, value, fields[last] as string, isElement || last > 0, hasArgs);
    return field instanceof MethodFound ? callMethod(field)(x, dot, final) : field;
  };
}

/** Methods are known only when the template runs: the call is compiled then, once for each method met. */
function compileMethodCall(node: OperandNode, args: readonly OperandNode[], scope: Scope, hasFinal: boolean) {
  let known: WeakMap<object, EvaluateCommand> | undefined;
  return ({ name, method }: MethodFound): EvaluateCommand => {
    // Most fields are no methods.
    known ??= new WeakMap();
    let call = known.get(method);
    if (!call)
      known.set(method, (call = compileCall({ name, method, node, args, compile: argumentsIn(scope), hasFinal })));
    return call;
  };
}

function compileFunction(
  node: IdentifierNode,
  command: CommandNode | IdentifierNode,
  args: readonly OperandNode[],
  scope: Scope,
  hasFinal: boolean,
): EvaluateCommand {
  const { name } = node;
  const method = scope.functions[name] as FunctionMap[string];
  const rest = args.slice(1);
  const call =
    name === 'and' || name === 'or'
      ? compileShortCircuit(name, rest, scope, hasFinal)
      : compileCall({ name, method, node: command, args: rest, compile: argumentsIn(scope), hasFinal });
  return (x, dot, final) => {
    x.node = node;
    return call(x, dot, final);
  };
}

/** `and` and `or` evaluate no more arguments than they need. */
function compileShortCircuit(
  name: 'and' | 'or',
  args: readonly OperandNode[],
  scope: Scope,
  hasFinal: boolean,
): EvaluateCommand {
  if (args.length + (hasFinal ? 1 : 0) === 0) {
    return (x) => x.fail(`wrong number of args for ${name}: want at least 1 got 0`);
  }
  const compiled = args.map((arg) => compileArgument(arg, 'value', scope));
  const decisive = name === 'or';
  return (x, dot, final) => {
    let value: unknown;
    for (const arg of compiled) {
      value = arg(x, dot);
      if (isTrue(value) === decisive) return value;
    }
    return hasFinal ? final : value;
  };
}

function argumentsIn(scope: Scope): (node: OperandNode, type: ParameterType) => Evaluate {
  return (node, type) => compileArgument(node, type, scope);
}

/** An argument of a function, of the type of its parameter. */
function compileArgument(node: OperandNode, type: ParameterType, scope: Scope): Evaluate {
  switch (node.type) {
    case 'nil':
      if (canBeNil(type)) return constant(node, type === 'value' ? undefined : null);
      return (x) => {
        x.node = node;
        x.fail(`cannot assign nil to ${parameterName(type)}`);
      };
    case 'dot':
    case 'field':
    case 'variable':
    case 'pipe':
    case 'identifier':
    case 'chain': {
      const evaluate = compileOperand(node, scope);
      if (type === 'value') return evaluate;
      if (type === 'any') return (x, dot) => evaluate(x, dot) ?? null;
      return (x, dot) => validate(x, evaluate(x, dot), type);
    }
    default:
      return compileConstantArgument(node, type);
  }
}

function compileOperand(node: OperandNode, scope: Scope): Evaluate {
  switch (node.type) {
    case 'field':
      return compileField(node, undefined, scope, false);
    case 'variable':
      return compileVariable(node, undefined, scope, false);
    case 'chain':
      return compileChain(node, undefined, scope, false);
    case 'identifier':
      return compileFunction(node, node, [], scope, false);
    case 'pipe':
      return compilePipeline(node, scope);
    default:
      return compileLiteral(node);
  }
}

/** A constant as an argument: its type must be the parameter's, but numbers adapt. */
function compileConstantArgument(node: OperandNode, type: ParameterType): Evaluate {
  switch (type) {
    case 'any':
    case 'value':
      return compileLiteral(node);
    case 'string':
      if (node.type === 'string') return constant(node, node.text);
      return expected('string', node);
    case 'bool':
      if (node.type === 'bool') return constant(node, node.value);
      return expected('bool', node);
    case 'int':
    case 'int64': {
      const integer = node.type === 'number' ? node.integer : undefined;
      if (integer === undefined || integer >= 2n ** 63n) return expected('integer', node);
      return constant(node, type === 'int' ? Number(integer) : integer);
    }
    case 'uint32': {
      const integer = node.type === 'number' ? node.integer : undefined;
      if (integer === undefined || integer < 0n) return expected('unsigned integer', node);
      return constant(node, Number(BigInt.asUintN(32, integer)));
    }
    case 'float64':
      if (node.type === 'number' && node.float !== undefined) return constant(node, node.float);
      return expected('float', node);
    default:
      return (x) => {
        x.node = node;
        x.fail(`can't handle ${nodeText(node)} for arg of type ${parameterName(type)}`);
      };
  }
}

function expected(what: string, node: OperandNode): Evaluate {
  return (x) => {
    x.node = node;
    x.fail(`expected ${what}; found ${nodeText(node)}`);
  };
}
