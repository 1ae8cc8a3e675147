import type { Execution } from './execution.ts';
import { descriptionOf, GoInteger, GoStruct, isMap, type GoMap } from './values.ts';

/** Go types of parameters, and what a function gets for each. `int` comes as a number, nil maps and slices as null. */
interface ParameterTypes {
  any: unknown;
  /** As `any`, but no value (undefined) is told from nil (null), as with Go's reflect.Value. */
  value: unknown;
  string: string;
  int: number;
  int64: bigint;
  float64: number;
  bool: boolean;
  map: GoMap | null;
  list: unknown[] | null;
  strings: string[] | null;
  bytes: Uint8Array | null;
  function: GoFunction | null;
  time: GoStruct;
  certificate: GoStruct;
  uint32: number;
}

export type ParameterType = keyof ParameterTypes;
type Variadic = `...${ParameterType}`;

type Arguments<P extends readonly (ParameterType | Variadic)[]> = P extends readonly [infer H, ...infer T]
  ? H extends ParameterType
    ? [ParameterTypes[H], ...(T extends readonly (ParameterType | Variadic)[] ? Arguments<T> : [])]
    : H extends `...${infer V extends ParameterType}`
      ? ParameterTypes[V][]
      : never
  : [];

/** A function or method that templates can call; Go's rules for arguments are applied before `call`. */
export interface GoFunction {
  readonly parameters: readonly ParameterType[];
  /** The last parameter takes any number of arguments. */
  readonly variadic: boolean;
  readonly call: (args: unknown[], execution: Execution) => unknown;
}

export type FunctionMap = Readonly<Record<string, GoFunction>>;

/** All of several maps, later ones first. Not a spread: with hundreds of keys that takes V8 as long as a whole rendering. */
export function mergeFunctions(...maps: readonly FunctionMap[]): FunctionMap {
  return Object.assign(Object.create(null), ...maps) as FunctionMap;
}

/** `goFunction(['string', '...any'], (format, ...rest) => …)`. A thrown Error is the error that the function returns. */
export function goFunction<const P extends readonly (ParameterType | Variadic)[]>(
  parameters: P,
  body: (...args: Arguments<P>) => unknown,
): GoFunction {
  const known = signature(parameters);
  return { ...known, call: spreading(body as unknown as Body, known.variadic ? Infinity : parameters.length) };
}

type Body = (...args: unknown[]) => unknown;

/** Spreading a list takes V8 longer than what most functions do. */
function spreading(body: Body, count: number): GoFunction['call'] {
  switch (count) {
    case 1:
      return (args) => body(args[0]);
    case 2:
      return (args) => body(args[0], args[1]);
    case 3:
      return (args) => body(args[0], args[1], args[2]);
    default:
      return (args) => body(...args);
  }
}

/** A function that also needs the execution that calls it: its templates, its budgets. */
export function executionFunction<const P extends readonly (ParameterType | Variadic)[]>(
  parameters: P,
  body: (execution: Execution, ...args: Arguments<P>) => unknown,
): GoFunction {
  const call = body as unknown as (execution: Execution, ...args: unknown[]) => unknown;
  return { ...signature(parameters), call: (args, execution) => call(execution, ...args) };
}

function signature(parameters: readonly (ParameterType | Variadic)[]): Omit<GoFunction, 'call'> {
  const variadic = parameters.at(-1)?.startsWith('...') ?? false;
  return { parameters: parameters.map((p) => p.replace('...', '') as ParameterType), variadic };
}

const typeNames: Readonly<Record<ParameterType, string>> = {
  any: 'interface {}',
  value: 'reflect.Value',
  string: 'string',
  int: 'int',
  int64: 'int64',
  float64: 'float64',
  bool: 'bool',
  map: 'map[string]interface {}',
  list: '[]interface {}',
  strings: '[]string',
  bytes: '[]uint8',
  function: 'func',
  time: 'time.Time',
  certificate: 'sprig.certificate',
  uint32: 'uint32',
};

export function parameterName(type: ParameterType): string {
  return typeNames[type];
}

/** Whether nil can be given to a parameter of this type. */
export function canBeNil(type: ParameterType): boolean {
  return (
    type === 'any' || type === 'value' || type === 'map' || type === 'list' || type === 'strings' || type === 'bytes'
  );
}

/** Whether a value (not nil) can be given as this type as it is. */
export function isAssignable(value: unknown, type: ParameterType): boolean {
  switch (type) {
    case 'any':
    case 'value':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'bigint';
    case 'int64':
      return value instanceof GoInteger && value.type === 'int64';
    case 'float64':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'map':
      return isMap(value) && descriptionOf(value)?.element === undefined;
    case 'list':
      return Array.isArray(value) && descriptionOf(value)?.element === undefined;
    case 'strings':
      return Array.isArray(value) && descriptionOf(value)?.element === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'function':
      return false;
    case 'time':
      return value instanceof GoStruct && value.type === 'time.Time';
    case 'certificate':
      return value instanceof GoStruct && value.type === 'sprig.certificate';
    case 'uint32':
      return value instanceof GoInteger && value.type === 'uint32';
  }
}

/** What the function's body gets for an assignable value. */
export function argumentOf(value: unknown, type: ParameterType): unknown {
  if (type === 'int') return Number(value);
  if (type === 'uint32') return Number((value as { value: bigint }).value);
  return type === 'int64' ? (value as { value: bigint }).value : value;
}
