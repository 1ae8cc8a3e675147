import type { Evaluate } from './evaluate.ts';
import type { FunctionMap } from './function.ts';
import type { PipeNode } from './nodes.ts';

/** What surrounds an expression at compile time. */
export class Scope {
  readonly functions: FunctionMap;
  /** Slots of variables, and whether dot, hold elements of a list or map: Go sees interfaces there, not what is in them. */
  readonly elementSlots: ReadonlySet<number>;
  readonly dotIsElement: boolean;
  /** Pipelines that several templates have, compiled in this scope. */
  readonly compiled = new Map<PipeNode, Evaluate>();
  /** Scopes of the same functions. */
  readonly #all: Map<string, Scope>;

  /** That of a template's statements. */
  static of(functions: FunctionMap): Scope {
    return new Scope(functions, new Set(), false, new Map());
  }

  private constructor(
    functions: FunctionMap,
    elementSlots: ReadonlySet<number>,
    dotIsElement: boolean,
    all: Map<string, Scope>,
  ) {
    this.functions = functions;
    this.elementSlots = elementSlots;
    this.dotIsElement = dotIsElement;
    this.#all = all;
  }

  /** That of a block in this one: the same object for all blocks that are alike. `elements`: more slots that hold some. */
  within({ elements = [], dotIsElement }: { elements?: readonly number[]; dotIsElement: boolean }): Scope {
    const slots = elements.length === 0 ? this.elementSlots : new Set([...this.elementSlots, ...elements]);
    const key = `${dotIsElement} ${[...slots].toSorted((a, b) => a - b).join()}`;
    let scope = this.#all.get(key);
    if (!scope) this.#all.set(key, (scope = new Scope(this.functions, slots, dotIsElement, this.#all)));
    return scope;
  }
}
