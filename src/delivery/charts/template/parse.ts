import { isBlank, type Token, type TokenType } from './lex.ts';
import type { KnownAction, Variables } from './known-actions.ts';
import { parseNumber } from './number-literal.ts';
import {
  nodeText,
  type BranchNode,
  type CommandNode,
  type ListNode,
  type OperandNode,
  type PipeNode,
  type Place,
  type Source,
  type StatementNode,
  type TemplateTree,
  type VariableNode,
} from './nodes.ts';
import { quote, unquote } from './quote.ts';
import { TokenStream } from './token-stream.ts';

/** How deep parentheses and blocks may be nested: far more than anyone writes, and safe for the stack. */
const maxNesting = 500;
const tooDeep = `blocks or parentheses are nested more than ${maxNesting} deep`;

/** How deep an action may stand that templates share: no one's parentheses then make it too deep. */
const maxShared = 100;

/** What ends a list: `{{end}}`, or `{{else}}`, perhaps with an `if` or `with` that follows at once. */
type ListEnd = { readonly type: 'end' | 'else' };

/** What the parser knows of the template around a `{{define}}`. */
interface Outer {
  readonly variables: Variables;
  readonly slots: number;
  readonly rangeDepth: number;
}

/**
 * The templates that a source defines, its own (under its own name) among them, by name. `variables` keeps what is parsed
 * for other sources, with the same functions.
 */
export function parseSource(
  source: Source,
  variables: Variables,
  hasFunction: (name: string) => boolean,
): Map<string, TemplateTree> {
  return new Parser(source, variables, hasFunction).parse();
}

/** Whether a template holds nothing but space and comments. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && isBlank(node.text));
}

/** A recursive descent parser with the structure, and the words, of Go's text/template/parse. */
class Parser {
  readonly #source: Source;
  readonly #tokens: TokenStream;
  readonly #hasFunction: (name: string) => boolean;
  readonly #trees = new Map<string, TemplateTree>();
  readonly #first: Variables;
  #variables: Variables;
  #place: Place;
  /** The action, while it may be one to remember: its text, and what was there before it. */
  #unknown: { readonly text: string; readonly variables: Variables; readonly slots: number } | undefined;
  #slots = 0;
  #rangeDepth = 0;
  #nesting = 0;

  constructor(source: Source, variables: Variables, hasFunction: (name: string) => boolean) {
    this.#source = source;
    this.#place = { source, start: 0 };
    this.#first = variables;
    this.#variables = variables;
    this.#hasFunction = hasFunction;
    this.#tokens = new TokenStream(source);
  }

  parse(): Map<string, TemplateTree> {
    const outer = this.#startTree();
    const root: ListNode = { type: 'list', nodes: [] };
    while (this.#tokens.peek().type !== 'EOF') {
      if (this.#tokens.peek().type === 'left delimiter' && this.#tokens.mayDefine()) {
        const delimiter = this.#tokens.next();
        const word = this.#tokens.nextNonSpace();
        if (word.type === 'define') {
          this.#definition();
          continue;
        }
        this.#tokens.giveBack(word, delimiter);
      }
      const node = this.#textOrAction();
      if (node.type === 'end' || node.type === 'else') this.#fail(`unexpected {{${node.type}}}`);
      root.nodes.push(node as StatementNode);
    }
    this.#endTree(this.#source.name, root, outer);
    return this.#trees;
  }

  #fail(message: string): never {
    return this.#tokens.fail(message);
  }

  /** From the start of the action. */
  #position(token: Token): number {
    return token.position - this.#place.start;
  }

  // Templates

  /** Each template has variables of its own, `$` first. */
  #startTree(): Outer {
    const outer = { variables: this.#variables, slots: this.#slots, rangeDepth: this.#rangeDepth };
    this.#variables = this.#first;
    this.#slots = 1;
    this.#rangeDepth = 0;
    return outer;
  }

  #endTree(name: string, root: ListNode, outer: Outer): void {
    const known = this.#trees.get(name);
    if (!known || isEmptyTree(known.root)) {
      this.#trees.set(name, { name, source: this.#source, root, slots: this.#slots });
    } else if (!isEmptyTree(root)) {
      this.#fail(`template: multiple definition of template ${quote(name)}`);
    }
    this.#variables = outer.variables;
    this.#slots = outer.slots;
    this.#rangeDepth = outer.rangeDepth;
  }

  #definition(): void {
    const context = 'define clause';
    const name = this.#unquoted(this.#tokens.expect(context, 'string', 'raw string'));
    this.#tokens.expect(context, 'right delimiter');
    const outer = this.#startTree();
    const { list, end } = this.#itemList();
    if (end.type !== 'end') this.#fail(`unexpected {{${end.type}}} in ${context}`);
    this.#endTree(name, list, outer);
  }

  #itemList(): { list: ListNode; end: ListEnd } {
    const list: ListNode = { type: 'list', nodes: [] };
    this.#tokens.peekNonSpace();
    if (++this.#nesting > maxNesting) this.#fail(tooDeep);
    while (this.#tokens.peekNonSpace().type !== 'EOF') {
      const node = this.#textOrAction();
      if (node.type === 'end' || node.type === 'else') {
        this.#nesting--;
        list.nodes = exact(list.nodes);
        return { list, end: node };
      }
      list.nodes.push(node as StatementNode);
    }
    this.#fail('unexpected EOF');
  }

  #textOrAction(): StatementNode | ListEnd {
    const token = this.#tokens.nextNonSpace();
    if (token.type === 'text') {
      return { type: 'text', text: token.value };
    }
    if (token.type !== 'left delimiter') this.#tokens.unexpected(token, 'input');
    this.#tokens.actionLine = token.line;
    this.#place = { source: this.#source, start: token.position };
    const node = this.#knownAction() ?? this.#action();
    this.#tokens.actionLine = 0;
    return node;
  }

  #knownAction(): StatementNode | ListEnd | undefined {
    const text = this.#nesting < maxShared ? this.#tokens.actionText() : undefined;
    const known = text === undefined ? undefined : this.#variables.known(text);
    this.#unknown = undefined;
    if (text === undefined) return undefined;
    if (!known) {
      this.#unknown = { text, variables: this.#variables, slots: this.#slots };
      return undefined;
    }
    this.#tokens.skipAction(text.length);
    switch (known.type) {
      case 'end':
      case 'else':
        return known;
      case 'action':
        return { type: 'action', place: this.#place, position: known.position, pipe: known.pipe };
      default:
        return this.#control(known.type, known.pipe);
    }
  }

  /** An action that makes variables is not the same twice. */
  #remember(action: KnownAction): void {
    const unknown = this.#unknown;
    this.#unknown = undefined;
    if (unknown?.slots !== this.#slots || unknown.variables !== this.#variables) return;
    if (!this.#tokens.endedAtFirst()) return;
    if ('pipe' in action) action.pipe.isShared = true;
    this.#variables.remember(unknown.text, action);
  }

  #action(): StatementNode | ListEnd {
    const token = this.#tokens.nextNonSpace();
    switch (token.type) {
      case 'block':
        return this.#block();
      case 'break':
      case 'continue':
        return this.#loopControl(token.type);
      case 'else': {
        // `else if` is parsed as an else that is followed by an if.
        const following = this.#tokens.peekNonSpace();
        if (following.type === 'if' || following.type === 'with') this.#unknown = undefined;
        else this.#tokens.expect('else', 'right delimiter');
        return this.#listEnd('else');
      }
      case 'end':
        this.#tokens.expect('end', 'right delimiter');
        return this.#listEnd('end');
      case 'if':
      case 'range':
      case 'with':
        return this.#control(token.type);
      case 'template':
        return this.#templateCall();
      default: {
        this.#tokens.giveBack(token);
        const position = this.#position(token);
        const pipe = this.#pipeline('command', 'right delimiter');
        this.#remember({ type: 'action', position, pipe });
        return { type: 'action', place: this.#place, position, pipe };
      }
    }
  }

  #listEnd(type: 'end' | 'else'): ListEnd {
    const end = { type };
    this.#remember(end);
    return end;
  }

  #loopControl(type: 'break' | 'continue'): StatementNode {
    const token = this.#tokens.nextNonSpace();
    if (token.type !== 'right delimiter') this.#tokens.unexpected(token, `{{${type}}}`);
    if (this.#rangeDepth === 0) this.#fail(`{{${type}}} outside {{range}}`);
    return { type };
  }

  #control(type: 'if' | 'with' | 'range', known?: PipeNode): BranchNode {
    const variables = this.#variables;
    const place = this.#place;
    const pipe = known ?? this.#pipeline(type, 'right delimiter');
    if (!known) this.#remember({ type, position: pipe.position, pipe });
    if (type === 'range') this.#rangeDepth++;
    const { list, end } = this.#itemList();
    if (type === 'range') this.#rangeDepth--;
    let elseList: ListNode | undefined;
    if (end.type === 'else') {
      const following = this.#tokens.peek().type;
      if (type !== 'range' && following === type) {
        // One {{end}} ends the whole chain.
        this.#tokens.next();
        elseList = { type: 'list', nodes: [] };
        if (++this.#nesting > maxNesting) this.#fail(tooDeep);
        elseList.nodes.push(this.#control(type));
        this.#nesting--;
      } else {
        const other = this.#itemList();
        if (other.end.type !== 'end') this.#fail(`expected end; found {{${other.end.type}}}`);
        elseList = other.list;
      }
    }
    this.#variables = variables;
    return { type, place, position: pipe.position, pipe, list, elseList };
  }

  #block(): StatementNode {
    const context = 'block clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#pipeline(context, 'right delimiter');
    const place = this.#place;
    const outer = this.#startTree();
    const { list, end } = this.#itemList();
    if (end.type !== 'end') this.#fail(`unexpected {{${end.type}}} in ${context}`);
    this.#endTree(name, list, outer);
    return { type: 'template', place, position: token.position - place.start, name, pipe };
  }

  #templateCall(): StatementNode {
    const context = 'template clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#templateName(token, context);
    let pipe: PipeNode | undefined;
    if (this.#tokens.peekNonSpace().type === 'right delimiter') this.#tokens.next();
    else pipe = this.#pipeline(context, 'right delimiter');
    return { type: 'template', place: this.#place, position: this.#position(token), name, pipe };
  }

  #templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'raw string') this.#tokens.unexpected(token, context);
    return this.#unquoted(token);
  }

  #unquoted(token: Token): string {
    return unquote(token.value) ?? this.#fail('invalid syntax');
  }

  // Pipelines

  #pipeline(context: string, end: TokenType): PipeNode {
    const start = this.#tokens.peekNonSpace();
    const pipe: PipeNode = {
      type: 'pipe',
      position: this.#position(start),
      declarations: [],
      isAssignment: false,
      commands: [],
      isShared: false,
    };
    if (++this.#nesting > maxNesting) this.#fail(tooDeep);
    const declared = this.#declarations(pipe, context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#tokens.nextNonSpace();
      if (token.type === end) {
        pipe.commands = exact(commands);
        this.#checkPipeline(pipe, context);
        // What is declared can be used only after the pipeline ran; its slots are new.
        for (const name of declared) this.#declare(pipe, name);
        this.#nesting--;
        return pipe;
      }
      if (!startsOperand(token.type)) this.#tokens.unexpected(token, context);
      this.#tokens.giveBack(token);
      commands.push(this.#command());
    }
  }

  /** Reads `$a :=`, `$a =` and, for range, `$a, $b :=`; gives back what was no declaration. */
  #declarations(pipe: PipeNode, context: string): Token[] {
    const names: Token[] = [];
    while (this.#tokens.peekNonSpace().type === 'variable') {
      const variable = this.#tokens.next();
      const after = this.#tokens.peek();
      const next = this.#tokens.peekNonSpace();
      if (next.type === 'assign' || next.type === 'declare') {
        pipe.isAssignment = next.type === 'assign';
        this.#tokens.nextNonSpace();
        names.push(variable);
        return names;
      }
      if (next.type === 'char' && next.value === ',') {
        this.#tokens.nextNonSpace();
        names.push(variable);
        if (context !== 'range' || names.length > 1) this.#fail(`too many declarations in ${context}`);
        const following = this.#tokens.peekNonSpace().type;
        if (following === 'variable') continue;
        if (following !== 'right delimiter' && following !== 'right paren') {
          this.#fail('range can only initialize variables');
        }
        return names;
      }
      if (after.type === 'space') this.#tokens.giveBack(after);
      this.#tokens.giveBack(variable);
      return names;
    }
    return names;
  }

  #declare(pipe: PipeNode, token: Token): void {
    let slot: number;
    if (pipe.isAssignment) {
      // Go finds out that there is no such variable only when it runs, and lets it be named from here on.
      const known = this.#variables.slotOf(token.value);
      slot = known ?? -1;
      if (known === undefined) this.#variables = this.#variables.with(token.value, slot);
    } else {
      slot = this.#slots++;
      this.#variables = this.#variables.with(token.value, slot);
    }
    pipe.declarations.push(this.#variable(this.#position(token), [token.value], slot));
  }

  #variable(position: number, identifiers: string[], slot: number): VariableNode {
    return { type: 'variable', position, identifiers, slot };
  }

  #checkPipeline(pipe: PipeNode, context: string): void {
    if (pipe.commands.length === 0) this.#fail(`missing value for ${context}`);
    pipe.commands.slice(1).forEach((command, i) => {
      const first = command.args[0]?.type;
      if (first === 'bool' || first === 'dot' || first === 'nil' || first === 'number' || first === 'string') {
        this.#fail(`non executable command in pipeline stage ${i + 2}`);
      }
    });
  }

  #command(): CommandNode {
    const position = this.#position(this.#tokens.peekNonSpace());
    const args: OperandNode[] = [];
    for (;;) {
      this.#tokens.peekNonSpace();
      const operand = this.#operand();
      if (operand) args.push(operand);
      const token = this.#tokens.next();
      if (token.type === 'space') continue;
      if (token.type === 'right delimiter' || token.type === 'right paren') this.#tokens.giveBack(token);
      else if (token.type !== 'pipe') this.#tokens.unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) this.#fail('empty command');
    return { type: 'command', position, args: exact(args) };
  }

  #operand(): OperandNode | undefined {
    const node = this.#term();
    if (!node || this.#tokens.peek().type !== 'field') return node;
    const position = this.#position(this.#tokens.peek());
    const fields: string[] = [];
    while (this.#tokens.peek().type === 'field') fields.push(this.#tokens.next().value.slice(1));
    switch (node.type) {
      case 'field':
        return { ...node, position, identifiers: [...node.identifiers, ...fields] };
      case 'variable':
        return this.#variable(position, [...node.identifiers, ...fields], node.slot);
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        return this.#fail(`unexpected . after term ${quote(nodeText(node))}`);
      default:
        return { type: 'chain', position, node, fields };
    }
  }

  #term(): OperandNode | undefined {
    const token = this.#tokens.nextNonSpace();
    const position = this.#position(token);
    switch (token.type) {
      case 'identifier':
        if (!this.#hasFunction(token.value)) this.#fail(`function ${quote(token.value)} not defined`);
        return { type: 'identifier', position, name: token.value };
      case 'dot':
      case 'nil':
        return { type: token.type, position };
      case 'variable': {
        const slot = this.#variables.slotOf(token.value);
        if (slot === undefined) this.#fail(`undefined variable ${quote(token.value)}`);
        return this.#variable(position, [token.value], slot);
      }
      case 'field':
        return { type: 'field', position, identifiers: [token.value.slice(1)] };
      case 'bool':
        return { type: 'bool', position, value: token.value === 'true' };
      case 'char constant':
      case 'complex':
      case 'number': {
        const number = parseNumber(token.value, token.type);
        return 'error' in number
          ? this.#fail(number.error)
          : { type: 'number', position, text: token.value, ...number };
      }
      case 'left paren':
        return this.#pipeline('parenthesized pipeline', 'right paren');
      case 'string':
      case 'raw string':
        return { type: 'string', position, quoted: token.value, text: this.#unquoted(token) };
      default:
        this.#tokens.giveBack(token);
        return undefined;
    }
  }
}

/** A list that has grown keeps room for more, as much as many small nodes take. */
function exact<T>(list: T[]): T[] {
  return list.slice();
}

function startsOperand(type: TokenType): boolean {
  switch (type) {
    case 'bool':
    case 'char constant':
    case 'complex':
    case 'dot':
    case 'field':
    case 'identifier':
    case 'number':
    case 'nil':
    case 'raw string':
    case 'string':
    case 'variable':
    case 'left paren':
      return true;
    default:
      return false;
  }
}
