import {
  Composer,
  isCollection,
  isMap as yamlMap,
  isScalar,
  LineCounter,
  Parser,
  visit,
  type Document,
  type Node,
  type ScalarTag,
} from 'yaml';
import { emptyMap, isMap, mapSet } from '../template/values.ts';
import { structuralProblem } from './yaml-problem.ts';
import { resolveScalar } from './yaml-scalar.ts';

/** All of YAML, by the `yaml` library made to read as go-yaml does: see `yaml-read.ts`. */

/** How many nodes aliases may stand for, so that a small text cannot make a large value. */
const maxAliases = 1000;
const maxDepth = 500;

const goScalar: ScalarTag = {
  tag: 'tag:yaml.org,2002:plain',
  default: true,
  test: { test: (text: string) => resolveScalar(text) !== undefined } as unknown as RegExp,
  resolve: (text) => jsonNumberOf(resolveScalar(text)),
};

function jsonNumberOf(value: ReturnType<typeof resolveScalar>): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

function explicit(name: string, resolve: (text: string, fail: (message: string) => void) => unknown): ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, resolve };
}

const typedTags: ScalarTag[] = (['bool', 'int', 'float', 'null'] as const).map((name) =>
  explicit(name, (text, fail) => {
    const value = resolveScalar(text);
    if (value === undefined) fail(`cannot decode !!str \`${text}\` as a !!${name}`);
    return jsonNumberOf(value);
  }),
);
const binary = explicit('binary', (text) => Buffer.from(text, 'base64').toString('utf8'));
const timestamp = explicit('timestamp', (text) => text);

/** How long a text may be, in UTF-16 units; a whole cluster's objects are less. */
const maxLength = 8 * 1024 * 1024;
/** How many flow collections, or block collections, may be in each other. */
const maxOpen = 1000;

/** What libyaml's reader stops at. */
const unreadable = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd]/;

/** Refuses at once what would take the parser long. */
function checkSize(text: string): void {
  if (text.length > maxLength)
    throw new Error(`error converting YAML to JSON: yaml: longer than ${maxLength} characters`);
  if (hasDeepFlow(text) || hasDeepBlocks(text)) {
    throw new Error(`error converting YAML to JSON: yaml: exceeded max depth of ${maxOpen}`);
  }
}

function hasDeepFlow(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) depth++;
    else if ((c === 0x5d || c === 0x7d) && depth > 0) depth--;
    if (depth > maxOpen) return true;
  }
  return false;
}

/** Each column that a line begins at, or an item or a complex key in it (`- - x`), is one collection more. */
function hasDeepBlocks(text: string): boolean {
  const columns: number[] = [];
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    let at = afterSpaces(text, start);
    if (at >= end) continue;
    while (columns.length > 0 && (columns.at(-1) as number) >= at - start) columns.pop();
    columns.push(at - start);
    while (/[-?] /.test(text.slice(at, at + 2)) && columns.length <= maxOpen) {
      at = afterSpaces(text, at + 1);
      columns.push(at - start);
    }
    if (columns.length > maxOpen) return true;
  }
  return false;
}

function afterSpaces(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === 0x20) at++;
  return at;
}

/**
 * Reads the first document of a text. With `endsOpen`, a block that the text ends in has no line break of its own, as in
 * libyaml; whole objects are better read as if it were there.
 * Error in go-yaml's words where they are known
 */
export function readWholeYaml(text: string, { endsOpen = false } = {}): unknown {
  checkSize(text);
  if (unreadable.test(text)) throw new Error('error converting YAML to JSON: yaml: control characters are not allowed');
  const lines = new LineCounter();
  const composer = new Composer({
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
    customTags: (tags) => [
      ...tags.filter((tag) => typeof tag === 'object' && /:(?:map|seq|str|merge)$/.test(tag.tag)),
      goScalar,
      ...typedTags,
      binary,
      timestamp,
    ],
  });
  const [document] = composer.compose(new Parser(lines.addNewLine).parse(text));
  if (!document) return null;
  check(text, document, lines);
  if (endsOpen) closeBlocks(document, text.length);
  return plain(valueOf(document), 0);
}

function closeBlocks(document: Document.Parsed | Document, end: number): void {
  visit(document, {
    Scalar(_, node) {
      const isOpen = node.type?.startsWith('BLOCK_') === true && (node.range?.[1] ?? 0) >= end;
      if (isOpen && typeof node.value === 'string') node.value = node.value.replace(/\n$/, '');
    },
  });
}

/** The first anchor that an alias names in vain. */
function unknownAnchor(document: Document.Parsed | Document): string | undefined {
  let name: string | undefined;
  visit(document, {
    Alias(_, node) {
      if (!node.resolve(document)) name ??= node.source;
    },
  });
  return name;
}

function valueOf(document: Document.Parsed | Document): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases, mapAsMap: false });
  } catch (error) {
    const { message } = error as Error;
    const anchor = /Unresolved alias|Merge sources/.test(message) ? unknownAnchor(document) : undefined;
    const what =
      anchor !== undefined
        ? `unknown anchor '${anchor}' referenced`
        : message.startsWith('Merge sources')
          ? 'map merge requires map or sequence of maps as the value'
          : 'document contains excessive aliasing';
    throw new Error(`error converting YAML to JSON: yaml: ${what}`, { cause: error });
  }
}

/** A document's end before anything has begun, which go-yaml refuses. */
const endsAtOnce = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*\.\.\.(?:\s|$)/;

function check(text: string, document: Document.Parsed | Document, lines: LineCounter): void {
  const [error] = document.errors;
  if (!error) {
    if (endsAtOnce.test(text)) checkStructure(text);
    return checkKeys(document, text);
  }
  checkStructure(text);
  // A key that goes over lines is wrong where it ends.
  const { line } = lines.linePos(error.pos[error.code === 'BLOCK_AS_IMPLICIT_KEY' ? 1 : 0]);
  const { problem, isParsers } = explain(error.code, error.message);
  // The parser, unlike the scanner, counts from 0; neither names the first line.
  const shown = isParsers ? line - 1 : line === 1 ? 0 : line;
  throw new Error(`error converting YAML to JSON: yaml: ${shown > 0 ? `line ${shown}: ` : ''}${problem}`);
}

function checkStructure(text: string): void {
  const found = structuralProblem(text);
  if (found !== undefined) throw new Error(`error converting YAML to JSON: yaml: ${found}`);
}

/** Of letters, digits, `_` and `-`; YAML 1.2 allows more. */
const anchorName = /^[\w-]+$/;

/**
 * What the library reads and go-yaml does not: keys of nothing, as where a template's `{{ .name }}: x` found no name, and
 * names of anchors. A key that is a collection is most often a template's action that lost its quotes: `{{ x }}`.
 */
function checkKeys(node: Document.Parsed | Document | Node, text: string): void {
  visit(node, {
    Node(_, { anchor }) {
      if (anchor !== undefined && !anchorName.test(anchor)) checkStructure(text);
    },
    Alias(_, { source }) {
      if (!anchorName.test(source)) checkStructure(text);
    },
    Pair(_, { key }) {
      if (isNothing(key)) {
        checkStructure(text);
        throw new Error('error converting YAML to JSON: Unsupported map key of type: %!s(<nil>), key: <nil>');
      }
      if (!isCollection(key)) return;
      // The innermost is found first.
      checkKeys(key, text);
      const isNamed = yamlMap(key) && key.items.every((pair) => isScalar(pair.key) && isNothing(pair.value));
      // Of what is in it, names alone: values may be secrets.
      const names = isNamed
        ? key.items.map((pair) => `${JSON.stringify(String(pair.key))}:interface {}(nil)`)
        : ['...'];
      const type = yamlMap(key) ? 'map[interface {}]interface {}' : '[]interface {}';
      throw new Error(`error converting YAML to JSON: yaml: invalid map key: ${type}{${names.join(', ')}}`);
    },
  });
}

function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

interface Problem {
  readonly problem: string;
  /** Whether go-yaml's parser finds it, not its scanner. */
  readonly isParsers?: boolean;
}

function explain(code: string, message: string): Problem {
  if (message.includes('end with a ]')) return { problem: "did not find expected ',' or ']'", isParsers: true };
  if (message.includes('end with a }')) return { problem: "did not find expected ',' or '}'", isParsers: true };
  if (code === 'TAB_AS_INDENT' || message.includes('cannot start with')) {
    return { problem: 'found character that cannot start any token' };
  }
  if (message.includes('closing') && message.includes('quote')) return { problem: 'found unexpected end of stream' };
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || /[Nn]ested mappings|compact mappings/.test(message)) {
    return { problem: 'mapping values are not allowed in this context' };
  }
  if (code === 'BAD_INDENT' || code === 'MISSING_CHAR')
    return { problem: 'did not find expected key', isParsers: true };
  return { problem: message };
}

/** Maps without a prototype, lists as they are. */
function plain(value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new Error(`yaml: values are nested more than ${maxDepth} deep`);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const text = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
    throw new Error(`error converting YAML to JSON: json: unsupported value: ${text}`);
  }
  if (Array.isArray(value)) return value.map((element) => plain(element, depth + 1));
  if (!isMap(value)) return value ?? null;
  const map = emptyMap();
  for (const key of Object.keys(value)) mapSet(map, key, plain(value[key], depth + 1));
  return map;
}
