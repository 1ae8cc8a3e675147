import { compilePipeline, type Evaluate } from './evaluate.ts';
import { breakLoop, continueLoop, goOn, type Execution, type Statement, type Template } from './execution.ts';
import { printText } from './format.ts';
import type { ActionNode, BranchNode, ListNode, StatementNode, TemplateNode, TemplateTree } from './nodes.ts';
import { quote } from './quote.ts';
import type { Scope } from './scope.ts';
import { GoInteger, GoStruct, isFunction, isTrue, mapGet, sortedKeys, typeOf, type GoMap } from './values.ts';

/** Turns a tree into closures, once; they run as often as the template does. */
export function compileTemplate(tree: TemplateTree, scope: Scope): Template {
  const { name, source, slots } = tree;
  return { name, source, slots, run: compileList(tree.root, scope) };
}

function compileList(list: ListNode, scope: Scope): Statement {
  const statements = list.nodes.map((node) => compileStatement(node, scope));
  const [first, second] = statements;
  if (!first) return () => goOn;
  if (!second) return first;
  return (x, dot) => {
    for (const statement of statements) {
      const signal = statement(x, dot);
      if (signal !== goOn) return signal;
    }
    return goOn;
  };
}

function compileStatement(node: StatementNode, scope: Scope): Statement {
  switch (node.type) {
    case 'text': {
      const { text } = node;
      return (x) => {
        x.write(text);
        return goOn;
      };
    }
    case 'action':
      return compileAction(node, compilePipeline(node.pipe, scope));
    case 'break':
      return () => breakLoop;
    case 'continue':
      return () => continueLoop;
    case 'if':
      return compileIf(node, scope);
    case 'with':
      return compileWith(node, scope);
    case 'range':
      return compileRange(node, scope);
    case 'template':
      return compileInvocation(node, scope);
  }
}

function compileAction(node: ActionNode, evaluate: Evaluate): Statement {
  const { place } = node;
  if (node.pipe.declarations.length > 0) {
    return (x, dot) => {
      x.step();
      x.place = place;
      evaluate(x, dot);
      return goOn;
    };
  }
  return (x, dot) => {
    x.step();
    x.place = place;
    const value = evaluate(x, dot);
    x.node = node;
    if (typeof value === 'string') x.write(value);
    else if (isFunction(value)) x.fail(`can't print a value of type ${typeOf(value)}`);
    else x.write(value === undefined ? '<no value>' : printText(value));
    return goOn;
  };
}

function compileIf(node: BranchNode, scope: Scope): Statement {
  const { place } = node;
  const condition = compilePipeline(node.pipe, scope);
  const list = compileList(node.list, scope);
  const otherwise = node.elseList && compileList(node.elseList, scope);
  return (x, dot) => {
    x.step();
    x.place = place;
    if (isTrue(condition(x, dot))) return list(x, dot);
    return otherwise ? otherwise(x, dot) : goOn;
  };
}

function compileWith(node: BranchNode, scope: Scope): Statement {
  const { place } = node;
  const evaluate = compilePipeline(node.pipe, scope);
  const list = compileList(node.list, scope.within({ dotIsElement: false }));
  const otherwise = node.elseList && compileList(node.elseList, scope);
  return (x, dot) => {
    x.step();
    x.place = place;
    const value = evaluate(x, dot);
    if (isTrue(value)) return list(x, value);
    return otherwise ? otherwise(x, dot) : goOn;
  };
}

type Turn = (index: unknown, element: unknown) => boolean;

function compileRange(node: BranchNode, scope: Scope): Statement {
  const { place } = node;
  const { declarations } = node.pipe;
  const evaluate = compilePipeline(
    declarations.length === 0 ? node.pipe : { ...node.pipe, declarations: [], isShared: false },
    scope,
  );
  const elements = declarations.map(({ slot }) => slot);
  const list = compileList(node.list, scope.within({ elements, dotIsElement: true }));
  const otherwise = node.elseList && compileList(node.elseList, scope);
  const elementSlot = declarations.at(-1)?.slot;
  const indexSlot = declarations.length > 1 ? declarations[0]?.slot : undefined;
  const undefinedVariable = declarations.find(({ slot }) => slot < 0);
  return (x, dot) => {
    x.step();
    x.place = place;
    const value = evaluate(x, dot);
    if (undefinedVariable) x.fail(`undefined variable: ${undefinedVariable.identifiers[0]}`);
    const variables = x.variables;
    // What `else` finds in them, and what stays in those that were there before when there is no turn.
    for (const { slot } of declarations) variables[slot] = value;
    const turns = iterate(x, value, (index, element) => {
      x.step();
      if (elementSlot !== undefined) variables[elementSlot] = element;
      if (indexSlot !== undefined) variables[indexSlot] = index;
      return list(x, element) !== breakLoop;
    });
    return turns === 0 && otherwise ? otherwise(x, dot) : goOn;
  };
}

/** Gives each element to `turn` until it says stop; how many there were. */
function iterate(x: Execution, value: unknown, turn: Turn): number {
  if (value == null) return 0;
  if (Array.isArray(value)) {
    const { length } = value;
    for (let i = 0; i < length; i++) if (!turn(BigInt(i), value[i] ?? null)) break;
    return length;
  }
  if (value instanceof Uint8Array) {
    for (let i = 0; i < value.length; i++) {
      if (!turn(BigInt(i), new GoInteger('uint8', BigInt(value[i] as number)))) break;
    }
    return value.length;
  }
  if (typeof value === 'bigint' || value instanceof GoInteger) return iterateInteger(value, turn);
  if (typeof value !== 'object' || value instanceof GoStruct || isFunction(value)) {
    // What a string holds may be a secret.
    return x.fail(`range can't iterate over ${typeof value === 'string' ? 'a string' : printText(value)}`);
  }
  const keys = sortedKeys(value as GoMap);
  for (const key of keys) if (!turn(key, mapGet(value as GoMap, key) ?? null)) break;
  return keys.length;
}

/** `range 5` (Go 1.22): 0 to 4. */
function iterateInteger(value: bigint | GoInteger, turn: Turn): number {
  const end = typeof value === 'bigint' ? value : value.value;
  const type = typeof value === 'bigint' ? undefined : value.type;
  let i = 0n;
  for (; i < end; i++) {
    const index = type ? new GoInteger(type, i) : i;
    if (!turn(index, index)) return 1;
  }
  return Number(i);
}

function compileInvocation(node: TemplateNode, scope: Scope): Statement {
  const evaluate = node.pipe && compilePipeline(node.pipe, scope);
  const { name, place } = node;
  return (x, dot) => {
    x.place = place;
    x.node = node;
    const template = x.set.find(name);
    if (!template) return x.fail(`template ${quote(name)} not defined`);
    x.invoke(template, evaluate ? evaluate(x, dot) : undefined);
    return goOn;
  };
}
