import { builtins } from './builtins.ts';
import { hasRawBytes } from './bytes.ts';
import { compileTemplate } from './compile.ts';
import { LimitReached, TemplateError } from './error.ts';
import {
  defaultLimits,
  Execution,
  Usage,
  type Limits,
  type MissingKey,
  type Template,
  type TemplateLookup,
} from './execution.ts';
import { mergeFunctions, type FunctionMap } from './function.ts';
import { Variables } from './known-actions.ts';
import type { TemplateTree } from './nodes.ts';
import { isEmptyTree, parseSource } from './parse.ts';
import { quote } from './quote.ts';
import { Scope } from './scope.ts';

/**
 * Go's text/template language with Helm's rules. What JavaScript values stand for which Go values is told in values.ts;
 * what a chart's context needs to be:
 *
 * - values are JSON-like objects, numbers in them float64; a `bigint` is an int (`.Release.Revision: 1n`);
 * - `.Chart` and `.Capabilities` are `GoStruct`, whose fields have Go's names (`.Chart.AppVersion`), and whose methods are
 *   `GoFunction`; a slice or map with methods (`.Capabilities.APIVersions.Has`) is an array or object with `describe(…)`;
 * - `.Files` is made by `chartFiles` (functions/files.ts).
 *
 * Maps are changed in place by `set`, `unset` and `merge`, as in Helm: give each rendering its own copy of the values.
 */

export interface TemplateSource {
  /** `mychart/templates/deployment.yaml`, the name under which it is executed, included and told in errors. */
  readonly name: string;
  readonly text: string;
}

interface ExecuteOptions {
  /** What a map's missing key gives: no value, the zero of the map's elements (Helm's), or an error (strict). */
  readonly missingKey?: MissingKey;
  readonly limits?: Partial<Limits>;
  /** What other executions used already. */
  readonly usage?: Usage;
}

/**
 * Parses templates in the order given; of two with the same name the later one counts, unless it is empty.
 * @throws TemplateError with name, line and column
 */
export function parseTemplates(sources: readonly TemplateSource[], functions: FunctionMap): TemplateSet {
  const set = new TemplateSet(mergeFunctions(builtins, functions));
  for (const source of sources) set.add(source);
  return set;
}

/** Templates that know each other. */
class TemplateSet implements TemplateLookup {
  readonly #scope: Scope;
  readonly #variables: Variables;
  readonly #parent: TemplateSet | undefined;
  readonly #trees = new Map<string, TemplateTree>();
  readonly #compiled = new Map<string, Template>();
  /** What `tpl` parsed, by name and text: charts give it the same text again and again. */
  readonly #texts = new Map<string, TemplateSet>();

  constructor(functions: FunctionMap, parent?: TemplateSet) {
    this.#scope = parent ? parent.#scope : Scope.of(functions);
    this.#variables = parent ? parent.#variables : Variables.first();
    this.#parent = parent;
  }

  add(source: TemplateSource): void {
    const { functions } = this.#scope;
    const trees = parseSource(source, this.#variables, (name) => Object.hasOwn(functions, name));
    for (const [name, tree] of trees) {
      if (isEmptyTree(tree.root) && this.#has(name)) continue;
      this.#trees.set(name, tree);
      this.#compiled.delete(name);
    }
  }

  #has(name: string): boolean {
    if (this.#trees.has(name)) return true;
    return this.#parent ? this.#parent.#has(name) : false;
  }

  find(name: string): Template | undefined {
    const compiled = this.#compiled.get(name);
    if (compiled) return compiled;
    const tree = this.#trees.get(name);
    if (!tree) return this.#parent?.find(name);
    const template = compileTemplate(tree, this.#scope);
    this.#compiled.set(name, template);
    return template;
  }

  parseText(name: string, text: string): TemplateLookup {
    const known = this.#texts.get(text);
    if (known) return known;
    const set = new TemplateSet(this.#scope.functions, this);
    set.add({ name, text });
    if (this.#texts.size < maxTexts) this.#texts.set(text, set);
    return set;
  }

  /**
   * Executes a template. `data` is its dot and its `$`.
   * @throws TemplateError in Go's words, with the place; phase `limit` when a budget is used up
   */
  execute(name: string, data: unknown, options: ExecuteOptions = {}): string {
    const template = this.find(name);
    if (!template) {
      throw new TemplateError('execute', `template: no template ${quote(name)} associated with template "gotpl"`);
    }
    const limits = { ...defaultLimits, ...options.limits };
    const x = new Execution(this, template, options.missingKey ?? 'default', limits, options.usage ?? new Usage());
    try {
      x.invoke(template, data ?? undefined);
    } catch (error) {
      if (error instanceof LimitReached) throw x.exceeded(error.message);
      throw error instanceof RangeError ? x.overflow(error) : error;
    }
    // What is no text cannot be part of a manifest.
    return hasRawBytes(x.out) ? x.out.replace(/[\udc80-\udcff]/gu, '\ufffd') : x.out;
  }
}

/** How many texts of `tpl` are kept. */
const maxTexts = 1000;
