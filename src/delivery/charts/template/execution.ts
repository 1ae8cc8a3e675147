import type { Clock } from '../../../base/clock.ts';
import { locate, TemplateError } from './error.ts';
import { nodeText, type EvaluatedNode, type Place, type Source } from './nodes.ts';
import { quote } from './quote.ts';

/** What one execution may use; each has a default that no real chart comes near. */
export interface Limits {
  /** Actions, calls and turns of loops. */
  readonly steps: number;
  /** What steps may take in all: some go through much. */
  readonly milliseconds: number;
  /**
   * UTF-16 units of output, and elements of lists and maps, eight units each; what templates that are included and
   * functions give counts, too.
   */
  readonly outputLength: number;
  /** Templates within templates. */
  readonly depth: number;
}

export const defaultLimits: Limits = {
  steps: 5_000_000,
  milliseconds: 30_000,
  outputLength: 64 * 1024 * 1024,
  depth: 1000,
};

/** Elements of lists and maps take room, too. */
const unitsOfPart = 8;
/** How many steps there are between two looks at the time. */
const stepsBetweenLooks = 16;

/** What was used of the limits: give the same one to all executions of a rendering, and they share the limits. */
export class Usage {
  steps = 0;
  produced = 0;
  readonly #monotonic: (() => number) | undefined;
  readonly #startedAt: number;
  #untilLook = stepsBetweenLooks;

  /** Without a clock there is all the time in the world. */
  constructor(clock?: Pick<Clock, 'monotonic'>) {
    this.#monotonic = clock && (() => clock.monotonic());
    this.#startedAt = clock?.monotonic() ?? 0;
  }

  /** Whether it took longer than that; looks at the time now and then. */
  isLongerThan(milliseconds: number): boolean {
    if (!this.#monotonic || --this.#untilLook > 0) return false;
    this.#untilLook = stepsBetweenLooks;
    return this.#monotonic() - this.#startedAt > milliseconds;
  }
}

/** What a template does after a statement: goes on, or leaves the turn or the loop around it. */
export type Signal = 0 | 1 | 2;
export const goOn = 0;
export const breakLoop = 1;
export const continueLoop = 2;

export type Statement = (x: Execution, dot: unknown) => Signal;

/** A template, compiled. */
export interface Template {
  readonly name: string;
  readonly source: Source;
  /** How many variables it has; `$` is the first. */
  readonly slots: number;
  readonly run: Statement;
}

/** Where an execution finds templates: `parseText` serves `tpl`. */
export interface TemplateLookup {
  find(name: string): Template | undefined;
  /** A set that has all of this one's templates and those that `text` defines, the text itself under `name`. */
  parseText(name: string, text: string): TemplateLookup;
}

export type MissingKey = 'default' | 'zero' | 'error';

/** One run of a template: its output, its variables, and what it used of its budgets. */
export class Execution {
  readonly missingKey: MissingKey;
  /** What a function of the embedder's may want to know, such as the chart's context. */
  set: TemplateLookup;
  out = '';
  /** The variables of the template that runs. */
  variables: unknown[] = [];
  template: Template;
  /** What is being evaluated, and in which action, for errors. */
  node: EvaluatedNode | undefined;
  place: Place | undefined;
  depth = 0;
  /** What maps and lists are as YAML, until one is changed: many objects of a chart have the same resources or labels. */
  readonly yaml = new Map<object, string>();
  /** How often each template is being included at the moment. */
  readonly included = new Map<string, number>();
  readonly #limits: Limits;
  readonly #usage: Usage;

  constructor(set: TemplateLookup, template: Template, missingKey: MissingKey, limits: Limits, usage: Usage) {
    this.set = set;
    this.template = template;
    this.missingKey = missingKey;
    this.#limits = limits;
    this.#usage = usage;
  }

  write(text: string): void {
    this.out += text;
    this.produce(text.length);
  }

  /** Accounts for text that was made, printed or not. */
  produce(length: number): void {
    this.#usage.produced += length;
    if (this.#usage.produced > this.#limits.outputLength) {
      throw this.exceeded(`more than ${this.#limits.outputLength} characters of output`);
    }
  }

  /** Accounts for elements of lists and maps that were made. */
  produceParts(count: number): void {
    this.produce(count * unitsOfPart);
  }

  step(): void {
    const { steps, milliseconds } = this.#limits;
    if (++this.#usage.steps > steps) throw this.exceeded(`more than ${steps} steps`);
    if (this.#usage.isLongerThan(milliseconds)) throw this.exceeded(`more than ${milliseconds / 1000} seconds`);
  }

  /** What takes as long as many steps counts as many. */
  spend(steps: number): void {
    this.#usage.steps += steps;
    this.step();
  }

  /** Ends the execution because of what it used; no function turns this into a value or another error. */
  exceeded(what: string, cause?: Error): TemplateError {
    return this.#error('limit', what, cause);
  }

  /** The error for a stack that overflowed, and where: that tells which template calls itself; or for a text of too many. */
  overflow(cause: RangeError): TemplateError {
    const isText = cause.message === 'Invalid string length';
    return this.exceeded(isText ? 'a text is too long' : 'exceeded maximum template depth', cause);
  }

  /** Ends the execution with an error at the current node, in Go's form. */
  fail(message: string, cause?: unknown): never {
    throw this.#error('execute', message, cause);
  }

  #error(phase: 'execute' | 'limit', message: string, cause?: unknown): TemplateError {
    const { node, place: action, template } = this;
    if (!node || !action) return new TemplateError(phase, `template: ${template.name}: ${message}`, undefined, cause);
    const location = locate(action.source.name, action.source.text, action.start + node.position);
    const place = `${location.name}:${location.line}:${location.column}`;
    const at = `executing ${quote(template.name)} at <${nodeText(node)}>`;
    return new TemplateError(phase, `template: ${place}: ${at}: ${message}`, location, cause);
  }

  /** Runs a template with variables of its own; its output goes where the caller's goes. */
  invoke(template: Template, dot: unknown): void {
    this.step();
    if (this.depth >= this.#limits.depth) {
      throw this.exceeded(`exceeded maximum template depth (${this.#limits.depth})`);
    }
    const { variables, template: caller } = this;
    this.depth++;
    this.template = template;
    this.variables = newVariables(template.slots, dot);
    template.run(this, dot);
    this.variables = variables;
    this.template = caller;
    this.depth--;
  }

  /** What a template gives, as a string. After an error the execution is over, so that nothing needs to be restored. */
  capture(template: Template, dot: unknown): string {
    const { out, node, place } = this;
    this.out = '';
    this.invoke(template, dot ?? undefined);
    const captured = this.out;
    this.out = out;
    this.node = node;
    this.place = place;
    return captured;
  }

  /** Runs `body` with other templates to be found. */
  within<T>(set: TemplateLookup, body: () => T): T {
    const outer = this.set;
    this.set = set;
    const result = body();
    this.set = outer;
    return result;
  }
}

function newVariables(slots: number, dot: unknown): unknown[] {
  if (slots === 1) return [dot];
  const variables: unknown[] = [];
  variables.length = slots;
  variables[0] = dot;
  return variables;
}
