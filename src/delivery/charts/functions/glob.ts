/**
 * Patterns of `.Files.Glob`, as github.com/gobwas/glob has them with `/` as separator: `*` and `?` stop at it, `**` does
 * not, `[a-z]`, `[!a]`, `{one,two}`, and `\` before what is meant literally. All ways to match are followed at once, so that
 * no pattern takes more than its length times the text's.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const machine = new GlobCompiler(pattern).compile();
  return (text) => runs(machine, text);
}

type Step = (c: string) => boolean;
/** A state reads one character that its step allows, or goes on without reading. */
interface State {
  step: Step | undefined;
  next: number[];
}

class GlobCompiler {
  readonly #pattern: string;
  readonly #states: State[] = [{ step: undefined, next: [] }];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  compile(): readonly State[] {
    const end = this.#sequence(0, false);
    // The last state is where a match ends.
    this.#link(end, this.#state());
    return this.#states;
  }

  #state(step?: Step): number {
    return this.#states.push({ step, next: [] }) - 1;
  }

  #link(from: number, to: number): number {
    this.#states[from]?.next.push(to);
    return to;
  }

  /** From a state to the state after it; within braces it ends at `,` or `}`. */
  #sequence(from: number, inBraces: boolean): number {
    let state = from;
    while (this.#at < this.#pattern.length) {
      const c = this.#pattern[this.#at] as string;
      if (inBraces && (c === ',' || c === '}')) break;
      this.#at++;
      state = this.#element(c, state);
    }
    return state;
  }

  #element(c: string, state: number): number {
    switch (c) {
      case '*': {
        const crosses = this.#pattern[this.#at] === '*';
        if (crosses) this.#at++;
        const loop = this.#link(state, this.#state());
        this.#link(this.#link(loop, this.#state(crosses ? () => true : (x) => x !== '/')), loop);
        return this.#link(loop, this.#state());
      }
      case '?':
        return this.#read(state, (x) => x !== '/');
      case '[':
        return this.#read(state, this.#characters());
      case '{':
        return this.#alternatives(state);
      case '\\':
        return this.#read(state, equals(this.#pattern[this.#at++] ?? '\\'));
      default:
        return this.#read(state, equals(c));
    }
  }

  #read(state: number, step: Step): number {
    return this.#link(this.#link(state, this.#state(step)), this.#state());
  }

  #alternatives(state: number): number {
    const end = this.#state();
    for (;;) {
      this.#link(this.#sequence(this.#link(state, this.#state()), true), end);
      const c = this.#pattern[this.#at++];
      if (c !== ',') {
        if (c === undefined) throw new Error('unclosed brace in pattern');
        return end;
      }
    }
  }

  #characters(): Step {
    const close = this.#pattern.indexOf(']', this.#at + 1);
    if (close < 0) throw new Error('unclosed bracket in pattern');
    let body = this.#pattern.slice(this.#at, close);
    this.#at = close + 1;
    const isNegated = body.startsWith('!');
    if (isNegated) body = body.slice(1);
    const range = /^(.)-(.)$/su.exec(body);
    const isIn = range
      ? (c: string): boolean => c >= (range[1] as string) && c <= (range[2] as string)
      : (c: string): boolean => body.includes(c);
    return isNegated ? (c) => !isIn(c) : isIn;
  }
}

function equals(c: string): Step {
  return (x) => x === c;
}

/** All states that can be reached without reading. */
function closure(machine: readonly State[], states: Iterable<number>): Set<number> {
  const reached = new Set(states);
  for (const state of reached) {
    const { step, next } = machine[state] as State;
    if (!step) for (const each of next) reached.add(each);
  }
  return reached;
}

function runs(machine: readonly State[], text: string): boolean {
  let current = closure(machine, [0]);
  for (const c of text) {
    const after = [...current].flatMap((state) => {
      const { step, next } = machine[state] as State;
      return step?.(c) ? next : [];
    });
    if (after.length === 0) return false;
    current = closure(machine, after);
  }
  return current.has(machine.length - 1);
}
