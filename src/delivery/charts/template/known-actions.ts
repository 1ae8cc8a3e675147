import type { PipeNode } from './nodes.ts';

/** An action that was parsed before, by what parsing it once more would give. */
export type KnownAction =
  | { readonly type: 'end' | 'else' }
  | {
      readonly type: 'action' | 'if' | 'with' | 'range';
      /** Of its first word, from the start of the action. */
      readonly position: number;
      readonly pipe: PipeNode;
    };

/** How many actions are kept of all that templates share. */
const maxActions = 20_000;

/**
 * The variables that can be named somewhere in a template, as a list whose last one comes first. What an action means
 * depends on nothing else: templates of a chart hold the same actions again and again, and each is parsed once.
 */
export class Variables {
  readonly #name: string;
  readonly #slot: number;
  readonly #outer: Variables | undefined;
  readonly #first: Variables;
  readonly #inner = new Map<string, Variables>();
  readonly #actions = new Map<string, KnownAction>();
  /** Of all that begin with the same one. */
  #kept = 0;

  /** Those that every template begins with: `$`. */
  static first(): Variables {
    return new Variables('$', 0, undefined);
  }

  private constructor(name: string, slot: number, outer: Variables | undefined) {
    this.#name = name;
    this.#slot = slot;
    this.#outer = outer;
    this.#first = outer ? outer.#first : this;
  }

  /** These, and one more: the same object each time. */
  with(name: string, slot: number): Variables {
    const key = `${slot} ${name}`;
    const known = this.#inner.get(key);
    if (known) return known;
    const inner = new Variables(name, slot, this);
    if (this.#first.#kept < maxActions) this.#inner.set(key, inner);
    return inner;
  }

  /** The slot of the last one of that name; undefined when there is none. */
  slotOf(name: string): number | undefined {
    if (this.#name === name) return this.#slot;
    let outer = this.#outer;
    while (outer && outer.#name !== name) outer = outer.#outer;
    return outer ? outer.#slot : undefined;
  }

  /** `text` is all between the delimiters, the sign for trimming on the right among it. */
  known(text: string): KnownAction | undefined {
    return this.#actions.get(text);
  }

  remember(text: string, action: KnownAction): void {
    if (this.#first.#kept >= maxActions) return;
    this.#first.#kept++;
    this.#actions.set(text, action);
  }
}
