import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { ComposeError } from './compose-error.ts';
import { carry, isMapping, type Mapping, mark, markTag, type MergeTag, type Position, type Value } from './tree.ts';
import { resolvePlain } from './yaml-scalar.ts';

/** What a file may hold: far above any real one, far below what would take the machine's memory. */
const limits = { bytes: 16 << 20, nodes: 250_000, depth: 64 };

/**
 * Reads the documents of a Compose file (there may be several: later ones override earlier ones). Aliases and merge
 * keys are resolved, positions noted. Throws {@link ComposeError} with the line of what is wrong.
 */
export function parseComposeYaml(text: string, file: string): Mapping[] {
  if (text.length > limits.bytes) throw new ComposeError(`${file} is larger than ${limits.bytes >> 20} MiB`);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter: lines,
    logLevel: 'silent',
    prettyErrors: false,
    keepSourceTokens: false,
  });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      const position = { file, line: lines.linePos(error.pos[0]).line };
      const [, key] = /^\s*(.*?)\s*(?::\s|$)/m.exec(text.slice(error.pos[0])) ?? [];
      const isTwice = error.code === 'DUPLICATE_KEY' && key;
      throw new ComposeError(isTwice ? `the key ${key} is there twice` : error.message, { position });
    }
    const value = new Reader(document, file, lines).read();
    if (value === null) return [];
    if (!isMapping(value)) {
      throw new ComposeError('top-level object must be a mapping', { position: { file, line: 1 } });
    }
    return [value];
  });
}

class Reader {
  readonly #document: Document<ParsedNode>;
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, Node>();
  /** What is being read: an alias to one of them is a circle. */
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(document: Document<ParsedNode>, file: string, lines: LineCounter) {
    this.#document = document;
    this.#file = file;
    this.#lines = lines;
  }

  read(): Value {
    const { contents } = this.#document;
    return contents ? this.#valueOf(contents, 0) : null;
  }

  #valueOf(node: Node, depth: number): Value {
    if (depth > limits.depth) throw this.#error(node, `nested deeper than ${limits.depth} levels`);
    // Counted as often as aliases show it: a few lines can stand for billions of nodes.
    this.#nodes++;
    if (this.#nodes > limits.nodes) {
      throw this.#error(node, `the file stands for more than ${limits.nodes} values (aliases within aliases?)`);
    }
    if (isAlias(node)) return this.#valueOf(this.#target(node), depth + 1);
    const { anchor } = node as { anchor?: string };
    if (anchor) this.#anchors.set(anchor, node);
    if (isScalar(node)) return scalarOf(node);
    this.#open.add(node);
    const value = isMap(node) ? this.#mapping(node, depth) : isSeq(node) ? this.#list(node, depth) : null;
    this.#open.delete(node);
    return value;
  }

  #target(alias: Alias): Node {
    const target = this.#anchors.get(alias.source);
    if (!target) throw this.#error(alias, `unknown anchor '${alias.source}' referenced`);
    if (this.#open.has(target)) throw this.#error(alias, `anchor '${alias.source}' value contains itself`);
    return target;
  }

  #list(node: YAMLSeq, depth: number): Value[] {
    const list: Value[] = [];
    for (const item of node.items as Node[]) {
      mark(list, list.length, this.#position(item));
      this.#noteTag(list, list.length, item);
      list.push(item === null ? null : this.#valueOf(item, depth + 1));
    }
    return list;
  }

  #mapping(node: YAMLMap, depth: number): Mapping {
    const mapping: Mapping = {};
    const merged: Mapping[] = [];
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const key = this.#keyOf(pair.key);
      if (key === '<<' && isPlain(pair.key)) {
        merged.push(...this.#mergeSources(pair, depth));
        continue;
      }
      if (key === '__proto__') throw this.#error(pair.key, `'${key}' cannot be a key`);
      mark(mapping, key, this.#position(pair.key));
      if (pair.value) this.#noteTag(mapping, key, pair.value);
      mapping[key] = pair.value ? this.#valueOf(pair.value, depth + 1) : null;
    }
    return merged.length === 0 ? mapping : withDefaults(mapping, merged, this.#position(node));
  }

  #mergeSources(pair: Pair<Node, Node | null>, depth: number): Mapping[] {
    const value = pair.value ? this.#valueOf(pair.value, depth + 1) : null;
    const sources = Array.isArray(value) ? value : [value];
    return sources.map((source) => {
      if (!isMapping(source)) throw this.#error(pair.key, 'map merge requires map or sequence of maps as the value');
      return source;
    });
  }

  #keyOf(node: Node): string {
    if (isAlias(node)) return this.#keyOf(this.#target(node));
    if (!isScalar(node)) throw this.#error(node, 'a key must be a scalar');
    const key = String(node.value);
    const value = scalarOf(node);
    if (typeof value !== 'string')
      throw this.#error(node, `a key must be a text: put ${key || 'an empty one'} in quotes`);
    return key;
  }

  #noteTag(container: Mapping | Value[], key: string | number, node: Node): void {
    const tag = (node as { tag?: string }).tag;
    if (tag === '!reset' || tag === '!override') markTag(container, key, tag.slice(1) as MergeTag);
  }

  #position(node: Node): Position {
    return { file: this.#file, line: this.#lines.linePos(node.range?.[0] ?? 0).line };
  }

  #error(node: Node, message: string): ComposeError {
    return new ComposeError(message, { position: this.#position(node) });
  }
}

function isPlain(node: Node): boolean {
  return isScalar(node) && node.type === 'PLAIN';
}

function scalarOf(node: Scalar): Value {
  const text = typeof node.value === 'string' ? node.value : '';
  const { tag = '' } = node;
  if (tag === 'tag:yaml.org,2002:str') return text;
  if (/^tag:yaml\.org,2002:(?:int|float|bool|null)$/.test(tag)) return resolvePlain(text);
  return node.type === 'PLAIN' || node.type === undefined ? resolvePlain(text) : text;
}

/** `<<`: what the mapping itself says wins, then the sources in their order. */
function withDefaults(own: Mapping, sources: readonly Mapping[], position: Position): Mapping {
  const all: Mapping = {};
  for (const source of sources) {
    for (const [key, value] of Object.entries(source)) {
      if (key in all || key in own) continue;
      all[key] = value;
      mark(all, key, position);
    }
  }
  for (const [key, value] of Object.entries(own)) carry(all, key, value, own, key);
  return all;
}
