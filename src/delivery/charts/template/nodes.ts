import { quote } from './quote.ts';

/** The tree of a parsed template. */

/** A source file, shared by the templates that it defines. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** Where an action is. Templates share the nodes in it, so that those know only where they are in the action. */
export interface Place {
  readonly source: Source;
  /** In UTF-16 units of the source's text. */
  readonly start: number;
}

interface NodeBase {
  /** In UTF-16 units from the start of the action. */
  readonly position: number;
}

interface StatementBase extends NodeBase {
  readonly place: Place;
}

export interface NumberNode extends NodeBase {
  readonly type: 'number';
  readonly text: string;
  /** Its value where it can be one. */
  readonly integer: bigint | undefined;
  readonly float: number | undefined;
  /** Whether it is written as a float. */
  readonly isFloat: boolean;
}

export interface VariableNode extends NodeBase {
  readonly type: 'variable';
  /** `$name`, then fields. */
  readonly identifiers: readonly string[];
  readonly slot: number;
}

export interface CommandNode extends NodeBase {
  readonly type: 'command';
  readonly args: readonly OperandNode[];
}

export interface PipeNode extends NodeBase {
  readonly type: 'pipe';
  readonly declarations: VariableNode[];
  isAssignment: boolean;
  commands: readonly CommandNode[];
  /** Whether it is part of several trees. */
  isShared: boolean;
}

export interface ChainNode extends NodeBase {
  readonly type: 'chain';
  readonly node: OperandNode;
  readonly fields: string[];
}

export interface FieldNode extends NodeBase {
  readonly type: 'field';
  readonly identifiers: readonly string[];
}

export interface IdentifierNode extends NodeBase {
  readonly type: 'identifier';
  readonly name: string;
}

export interface StringNode extends NodeBase {
  readonly type: 'string';
  readonly quoted: string;
  readonly text: string;
}

export interface BoolNode extends NodeBase {
  readonly type: 'bool';
  readonly value: boolean;
}

export type OperandNode =
  | NumberNode
  | VariableNode
  | PipeNode
  | ChainNode
  | FieldNode
  | IdentifierNode
  | StringNode
  | BoolNode
  | (NodeBase & { readonly type: 'dot' })
  | (NodeBase & { readonly type: 'nil' });

export interface BranchNode extends StatementBase {
  readonly type: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}

export interface TemplateNode extends StatementBase {
  readonly type: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

export interface ListNode {
  readonly type: 'list';
  nodes: StatementNode[];
}

export interface ActionNode extends StatementBase {
  readonly type: 'action';
  readonly pipe: PipeNode;
}

export type StatementNode =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'break' | 'continue' }
  | ActionNode
  | BranchNode
  | TemplateNode;

/** What may be evaluated, and fail. */
export type EvaluatedNode = ActionNode | TemplateNode | OperandNode | CommandNode;

type AnyNode = StatementNode | OperandNode | CommandNode | ListNode;

/** What `{{define}}`, `{{block}}` or a file gives. */
export interface TemplateTree {
  readonly name: string;
  readonly source: Source;
  readonly root: ListNode;
  /** How many variables it needs, `$` included. */
  readonly slots: number;
}

/** A node as Go's error messages write it. */
export function nodeText(node: AnyNode): string {
  switch (node.type) {
    case 'number':
      return node.text;
    case 'variable':
      return node.identifiers.join('.');
    case 'field':
      return node.identifiers.map((id) => `.${id}`).join('');
    case 'chain': {
      const inner = nodeText(node.node);
      return `${node.node.type === 'pipe' ? `(${inner})` : inner}.${node.fields.join('.')}`;
    }
    case 'identifier':
      return node.name;
    case 'string':
      return node.quoted;
    case 'bool':
      return String(node.value);
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'command':
      return node.args.map((arg) => (arg.type === 'pipe' ? `(${nodeText(arg)})` : nodeText(arg))).join(' ');
    case 'pipe':
      return pipeText(node);
    default:
      return statementText(node);
  }
}

function pipeText(node: PipeNode): string {
  const commands = node.commands.map(nodeText).join(' | ');
  if (node.declarations.length === 0) return commands;
  const sign = node.isAssignment ? '=' : ':=';
  return `${node.declarations.map(nodeText).join(', ')} ${sign} ${commands}`;
}

function statementText(node: StatementNode | ListNode): string {
  switch (node.type) {
    case 'text':
      return node.text;
    case 'action':
      return `{{${pipeText(node.pipe)}}}`;
    case 'break':
    case 'continue':
      return `{{${node.type}}}`;
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe ? ` ${pipeText(node.pipe)}` : ''}}}`;
    case 'list':
      return node.nodes.map(nodeText).join('');
    case 'if':
    case 'with':
    case 'range': {
      const otherwise = node.elseList ? `{{else}}${nodeText(node.elseList)}` : '';
      return `{{${node.type} ${pipeText(node.pipe)}}}${nodeText(node.list)}${otherwise}{{end}}`;
    }
  }
}
