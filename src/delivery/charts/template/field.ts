import type { Execution } from './execution.ts';
import type { GoFunction } from './function.ts';
import { descriptionOf, GoInteger, GoStruct, isFunction, typeOf, zeroOf, type GoMap } from './values.ts';

/** A name that is a method's: who asked for the field calls it. */
export class MethodFound {
  readonly name: string;
  readonly method: GoFunction;
  constructor(name: string, method: GoFunction) {
    this.name = name;
    this.method = method;
  }
}

/**
 * `receiver.name`: a method, a struct's field or a map's element, in this order. `isElement` tells that Go sees an interface
 * there, which only its errors show.
 */
export function fieldOf(x: Execution, receiver: unknown, name: string, isElement: boolean, hasArgs: boolean): unknown {
  if (typeof receiver !== 'object' || receiver === null) return fieldOfScalar(x, receiver, name, isElement);
  if (receiver instanceof GoStruct) return fieldOfStruct(x, receiver, name, isElement, hasArgs);
  const description = descriptionOf(receiver);
  const method = description?.methods;
  if (method && Object.hasOwn(method, name)) return new MethodFound(name, method[name] as GoFunction);
  if (Array.isArray(receiver) || receiver instanceof Uint8Array || receiver instanceof GoInteger) {
    return noField(x, receiver, name, isElement);
  }
  if (isFunction(receiver)) return noField(x, receiver, name, isElement);
  if (hasArgs) x.fail(`${name} is not a method but has arguments`);
  if (Object.hasOwn(receiver, name)) return (receiver as GoMap)[name] ?? null;
  switch (x.missingKey) {
    case 'default':
      return undefined;
    case 'zero':
      return zeroOf(description?.element);
    case 'error':
      return x.fail(`map has no entry for key "${name}"`);
  }
}

function fieldOfScalar(x: Execution, receiver: unknown, name: string, isElement: boolean): unknown {
  if (receiver === undefined) {
    if (x.missingKey === 'error') x.fail(`nil data; no entry for key "${name}"`);
    return undefined;
  }
  if (receiver === null) x.fail(`nil pointer evaluating interface {}.${name}`);
  return noField(x, receiver, name, isElement);
}

function fieldOfStruct(x: Execution, receiver: GoStruct, name: string, isElement: boolean, hasArgs: boolean): unknown {
  if (Object.hasOwn(receiver.methods, name)) {
    return new MethodFound(name, receiver.methods[name] as GoFunction);
  }
  if (!Object.hasOwn(receiver.fields, name)) return noField(x, receiver, name, isElement);
  if (hasArgs) x.fail(`${name} has arguments but cannot be invoked as function`);
  return receiver.fields[name] ?? null;
}

function noField(x: Execution, receiver: unknown, name: string, isElement: boolean): never {
  const type = isElement ? 'interface {}' : typeOf(receiver);
  x.fail(`can't evaluate field ${name} in type ${type}`);
}
