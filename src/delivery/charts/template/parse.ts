import { locate, TemplateError } from './error.ts';
import { describeToken, isBlank, Lexer, type Token, type TokenType } from './lex.ts';
import { parseNumber } from './number-literal.ts';
import {
  nodeText,
  type BranchNode,
  type CommandNode,
  type ListNode,
  type OperandNode,
  type PipeNode,
  type Source,
  type StatementNode,
  type TemplateTree,
  type VariableNode,
} from './nodes.ts';
import { quote, unquote } from './quote.ts';

/** How deep parentheses and blocks may be nested: far more than anyone writes, and safe for the stack. */
const maxNesting = 500;
const tooDeep = `blocks or parentheses are nested more than ${maxNesting} deep`;

/** What ends a list: `{{end}}`, or `{{else}}`, perhaps with an `if` or `with` that follows at once. */
type ListEnd = { readonly type: 'end' | 'else'; readonly position: number };

/** What the parser knows of the template around a `{{define}}`. */
interface Outer {
  readonly scope: { name: string; slot: number }[];
  readonly slots: number;
  readonly rangeDepth: number;
}

/** The templates that a source defines, its own (under its own name) among them, by name. */
export function parseSource(source: Source, hasFunction: (name: string) => boolean): Map<string, TemplateTree> {
  return new Parser(source, hasFunction).parse();
}

/** Whether a template holds nothing but space and comments. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && isBlank(node.text));
}

/** A recursive descent parser with the structure, and the words, of Go's text/template/parse. */
class Parser {
  readonly #source: Source;
  readonly #lexer: Lexer;
  readonly #hasFunction: (name: string) => boolean;
  readonly #trees = new Map<string, TemplateTree>();
  /** Tokens that were looked at and given back, the next one last. */
  readonly #pending: Token[] = [];
  #last: Token = { type: 'text', position: 0, value: '', line: 1 };
  #scope: { name: string; slot: number }[] = [];
  #slots = 0;
  #actionLine = 0;
  #rangeDepth = 0;
  #nesting = 0;

  constructor(source: Source, hasFunction: (name: string) => boolean) {
    this.#source = source;
    this.#hasFunction = hasFunction;
    this.#lexer = new Lexer(source.text);
  }

  parse(): Map<string, TemplateTree> {
    const outer = this.#startTree();
    const root = this.#list(0);
    while (this.#peek().type !== 'EOF') {
      if (this.#peek().type === 'left delimiter') {
        const delimiter = this.#next();
        const word = this.#nextNonSpace();
        if (word.type === 'define') {
          this.#definition();
          continue;
        }
        this.#pending.push(word, delimiter);
      }
      const node = this.#textOrAction();
      if (node.type === 'end' || node.type === 'else') this.#fail(`unexpected {{${node.type}}}`);
      root.nodes.push(node as StatementNode);
    }
    this.#endTree(this.#source.name, root, outer);
    return this.#trees;
  }

  // Tokens

  #next(): Token {
    const pending = this.#pending.pop();
    if (pending) return pending;
    this.#last = this.#lexer.next();
    return this.#last;
  }

  #peek(): Token {
    const token = this.#next();
    this.#pending.push(token);
    return token;
  }

  #nextNonSpace(): Token {
    let token = this.#next();
    while (token.type === 'space') token = this.#next();
    return token;
  }

  #peekNonSpace(): Token {
    const token = this.#nextNonSpace();
    this.#pending.push(token);
    return token;
  }

  #expect(context: string, ...types: TokenType[]): Token {
    const token = this.#nextNonSpace();
    if (!types.includes(token.type)) this.#unexpected(token, context);
    return token;
  }

  #fail(message: string): never {
    const { name, text } = this.#source;
    const location = { ...locate(name, text, this.#last.position), line: this.#last.line };
    throw new TemplateError('parse', `template: ${name}:${this.#last.line}: ${message}`, location);
  }

  #unexpected(token: Token, context: string): never {
    if (token.type !== 'error') this.#fail(`unexpected ${describeToken(token)} in ${context}`);
    let extra = '';
    if (this.#actionLine !== 0 && this.#actionLine !== token.line) {
      const word = token.value.endsWith(' action') ? '' : ' in action';
      extra = `${word} started at ${this.#source.name}:${this.#actionLine}`;
    }
    this.#fail(token.value + extra);
  }

  // Templates

  /** Each template has variables of its own, `$` first. */
  #startTree(): Outer {
    const outer = { scope: this.#scope, slots: this.#slots, rangeDepth: this.#rangeDepth };
    this.#scope = [{ name: '$', slot: 0 }];
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
    this.#scope = outer.scope;
    this.#slots = outer.slots;
    this.#rangeDepth = outer.rangeDepth;
  }

  #definition(): void {
    const context = 'define clause';
    const name = this.#unquoted(this.#expect(context, 'string', 'raw string'));
    this.#expect(context, 'right delimiter');
    const outer = this.#startTree();
    const { list, end } = this.#itemList();
    if (end.type !== 'end') this.#fail(`unexpected {{${end.type}}} in ${context}`);
    this.#endTree(name, list, outer);
  }

  #list(position: number): ListNode {
    return { type: 'list', source: this.#source, position, nodes: [] };
  }

  #itemList(): { list: ListNode; end: ListEnd } {
    const list = this.#list(this.#peekNonSpace().position);
    if (++this.#nesting > maxNesting) this.#fail(tooDeep);
    while (this.#peekNonSpace().type !== 'EOF') {
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
    const token = this.#nextNonSpace();
    if (token.type === 'text') {
      return { type: 'text', source: this.#source, position: token.position, text: token.value };
    }
    if (token.type !== 'left delimiter') this.#unexpected(token, 'input');
    this.#actionLine = token.line;
    const node = this.#action();
    this.#actionLine = 0;
    return node;
  }

  #action(): StatementNode | ListEnd {
    const token = this.#nextNonSpace();
    switch (token.type) {
      case 'block':
        return this.#block();
      case 'break':
      case 'continue':
        return this.#loopControl(token.type, token.position);
      case 'else': {
        // `else if` is parsed as an else that is followed by an if.
        const following = this.#peekNonSpace();
        if (following.type === 'if' || following.type === 'with') return { type: 'else', position: following.position };
        return { type: 'else', position: this.#expect('else', 'right delimiter').position };
      }
      case 'end':
        return { type: 'end', position: this.#expect('end', 'right delimiter').position };
      case 'if':
      case 'range':
      case 'with':
        return this.#control(token.type);
      case 'template':
        return this.#templateCall();
      default: {
        this.#pending.push(token);
        const pipe = this.#pipeline('command', 'right delimiter');
        return { type: 'action', source: this.#source, position: token.position, pipe };
      }
    }
  }

  #loopControl(type: 'break' | 'continue', position: number): StatementNode {
    const token = this.#nextNonSpace();
    if (token.type !== 'right delimiter') this.#unexpected(token, `{{${type}}}`);
    if (this.#rangeDepth === 0) this.#fail(`{{${type}}} outside {{range}}`);
    return { type, source: this.#source, position };
  }

  #control(type: 'if' | 'with' | 'range'): BranchNode {
    const variables = this.#scope.length;
    const pipe = this.#pipeline(type, 'right delimiter');
    if (type === 'range') this.#rangeDepth++;
    const { list, end } = this.#itemList();
    if (type === 'range') this.#rangeDepth--;
    let elseList: ListNode | undefined;
    if (end.type === 'else') {
      const following = this.#peek().type;
      if (type !== 'range' && following === type) {
        // One {{end}} ends the whole chain.
        this.#next();
        elseList = this.#list(end.position);
        if (++this.#nesting > maxNesting) this.#fail(tooDeep);
        elseList.nodes.push(this.#control(type));
        this.#nesting--;
      } else {
        const other = this.#itemList();
        if (other.end.type !== 'end') this.#fail(`expected end; found {{${other.end.type}}}`);
        elseList = other.list;
      }
    }
    this.#scope.length = variables;
    return { type, source: this.#source, position: pipe.position, pipe, list, elseList };
  }

  #block(): StatementNode {
    const context = 'block clause';
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#pipeline(context, 'right delimiter');
    const outer = this.#startTree();
    const { list, end } = this.#itemList();
    if (end.type !== 'end') this.#fail(`unexpected {{${end.type}}} in ${context}`);
    this.#endTree(name, list, outer);
    return { type: 'template', source: this.#source, position: token.position, name, pipe };
  }

  #templateCall(): StatementNode {
    const context = 'template clause';
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    let pipe: PipeNode | undefined;
    if (this.#peekNonSpace().type === 'right delimiter') this.#next();
    else pipe = this.#pipeline(context, 'right delimiter');
    return { type: 'template', source: this.#source, position: token.position, name, pipe };
  }

  #templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'raw string') this.#unexpected(token, context);
    return this.#unquoted(token);
  }

  #unquoted(token: Token): string {
    return unquote(token.value) ?? this.#fail('invalid syntax');
  }

  // Pipelines

  #pipeline(context: string, end: TokenType): PipeNode {
    const start = this.#peekNonSpace();
    const pipe: PipeNode = {
      type: 'pipe',
      source: this.#source,
      position: start.position,
      declarations: [],
      isAssignment: false,
      commands: [],
    };
    if (++this.#nesting > maxNesting) this.#fail(tooDeep);
    const declared = this.#declarations(pipe, context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#nextNonSpace();
      if (token.type === end) {
        pipe.commands = exact(commands);
        this.#checkPipeline(pipe, context);
        // What is declared can be used only after the pipeline ran; its slots are new.
        for (const name of declared) this.#declare(pipe, name);
        this.#nesting--;
        return pipe;
      }
      if (!startsOperand(token.type)) this.#unexpected(token, context);
      this.#pending.push(token);
      commands.push(this.#command());
    }
  }

  /** Reads `$a :=`, `$a =` and, for range, `$a, $b :=`; gives back what was no declaration. */
  #declarations(pipe: PipeNode, context: string): Token[] {
    const names: Token[] = [];
    while (this.#peekNonSpace().type === 'variable') {
      const variable = this.#next();
      const after = this.#peek();
      const next = this.#peekNonSpace();
      if (next.type === 'assign' || next.type === 'declare') {
        pipe.isAssignment = next.type === 'assign';
        this.#nextNonSpace();
        names.push(variable);
        return names;
      }
      if (next.type === 'char' && next.value === ',') {
        this.#nextNonSpace();
        names.push(variable);
        if (context !== 'range' || names.length > 1) this.#fail(`too many declarations in ${context}`);
        const following = this.#peekNonSpace().type;
        if (following === 'variable') continue;
        if (following !== 'right delimiter' && following !== 'right paren') {
          this.#fail('range can only initialize variables');
        }
        return names;
      }
      if (after.type === 'space') this.#pending.push(after);
      this.#pending.push(variable);
      return names;
    }
    return names;
  }

  #declare(pipe: PipeNode, token: Token): void {
    let slot: number;
    if (pipe.isAssignment) {
      // Go finds out that there is no such variable only when it runs, and lets it be named from here on.
      const known = this.#scope.findLast(({ name }) => name === token.value);
      slot = known?.slot ?? -1;
      if (!known) this.#scope.push({ name: token.value, slot });
    } else {
      slot = this.#slots++;
      this.#scope.push({ name: token.value, slot });
    }
    pipe.declarations.push(this.#variable(token.position, [token.value], slot));
  }

  #variable(position: number, identifiers: string[], slot: number): VariableNode {
    return { type: 'variable', source: this.#source, position, identifiers, slot };
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
    const { position } = this.#peekNonSpace();
    const args: OperandNode[] = [];
    for (;;) {
      this.#peekNonSpace();
      const operand = this.#operand();
      if (operand) args.push(operand);
      const token = this.#next();
      if (token.type === 'space') continue;
      if (token.type === 'right delimiter' || token.type === 'right paren') this.#pending.push(token);
      else if (token.type !== 'pipe') this.#unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) this.#fail('empty command');
    return { type: 'command', source: this.#source, position, args: exact(args) };
  }

  #operand(): OperandNode | undefined {
    const node = this.#term();
    if (!node || this.#peek().type !== 'field') return node;
    const { position } = this.#peek();
    const fields: string[] = [];
    while (this.#peek().type === 'field') fields.push(this.#next().value.slice(1));
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
        return { type: 'chain', source: this.#source, position, node, fields };
    }
  }

  #term(): OperandNode | undefined {
    const token = this.#nextNonSpace();
    const source = this.#source;
    const { position } = token;
    switch (token.type) {
      case 'identifier':
        if (!this.#hasFunction(token.value)) this.#fail(`function ${quote(token.value)} not defined`);
        return { type: 'identifier', source, position, name: token.value };
      case 'dot':
      case 'nil':
        return { type: token.type, source, position };
      case 'variable': {
        const known = this.#scope.findLast(({ name }) => name === token.value);
        if (!known) this.#fail(`undefined variable ${quote(token.value)}`);
        return this.#variable(position, [token.value], known.slot);
      }
      case 'field':
        return { type: 'field', source, position, identifiers: [token.value.slice(1)] };
      case 'bool':
        return { type: 'bool', source, position, value: token.value === 'true' };
      case 'char constant':
      case 'complex':
      case 'number': {
        const number = parseNumber(token.value, token.type);
        return 'error' in number
          ? this.#fail(number.error)
          : { type: 'number', source, position, text: token.value, ...number };
      }
      case 'left paren':
        return this.#pipeline('parenthesized pipeline', 'right paren');
      case 'string':
      case 'raw string':
        return { type: 'string', source, position, quoted: token.value, text: this.#unquoted(token) };
      default:
        this.#pending.push(token);
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
