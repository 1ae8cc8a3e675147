import { compileJsonPath, type JsonPath, type JsonPathOptions } from '../../api/json-path.ts';
import { encodeJson } from '../charts/functions/json.ts';

/** A text with `{…}` in it, filled in from a document. */
export type JsonPathTemplate = (document: unknown) => string;

type Part = { kind: 'text'; text: string } | { kind: 'path'; path: JsonPath; isAbsolute: boolean } | RangePart;

interface RangePart {
  kind: 'range';
  path: JsonPath;
  isAbsolute: boolean;
  body: Part[];
}

/**
 * Compiles a template of kubectl's JSONPath: text, `{.path}`, `{"text\n"}`, `{range .path}…{end}` (Kubernetes
 * documentation, "JSONPath Support"). Values of one path are divided by spaces; objects and lists are JSON; a missing
 * field gives nothing. Throws Error for a template that is none; the template may throw IndexError (see `options`).
 */
export function compileJsonPathTemplate(text: string, options: JsonPathOptions = {}): JsonPathTemplate {
  const { parts, rest } = parseParts(tokens(text), { isInRange: false, options });
  if (rest.length > 0) throw new Error('not in range, nothing to end');
  return (document) => render(parts, document, document);
}

/** A single path, with or without braces and a leading dot: of `--sort-by`, custom columns and `wait`. */
export function compileRelaxedPath(text: string): JsonPath {
  const inner = /^\{(.*)\}$/s.exec(text.trim())?.[1] ?? text.trim();
  return compileJsonPath(
    rooted(inner.startsWith('.') || inner.startsWith('[') || inner.startsWith('$') ? inner : `.${inner}`),
  );
}

type Token = { kind: 'text'; text: string } | { kind: 'action'; text: string };

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{', at);
    if (open < 0) break;
    if (open > at) found.push({ kind: 'text', text: text.slice(at, open) });
    const close = closingBrace(text, open);
    found.push({ kind: 'action', text: text.slice(open + 1, close).trim() });
    at = close + 1;
  }
  if (at < text.length) found.push({ kind: 'text', text: text.slice(at) });
  return found;
}

function closingBrace(text: string, open: number): number {
  let quote = '';
  for (let i = open + 1; i < text.length; i++) {
    const letter = text[i] as string;
    if (quote !== '') {
      if (letter === '\\') i++;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '}') return i;
  }
  throw new Error('unclosed action');
}

function parseParts(
  list: readonly Token[],
  { isInRange, options }: { isInRange: boolean; options: JsonPathOptions },
): { parts: Part[]; rest: readonly Token[] } {
  const parts: Part[] = [];
  let rest = list;
  for (let token = rest[0]; token; token = rest[0]) {
    rest = rest.slice(1);
    if (token.kind === 'text') parts.push(token);
    else if (token.text === 'end') {
      if (!isInRange) throw new Error('not in range, nothing to end');
      return { parts, rest };
    } else if (/^range\s/.test(token.text)) {
      const inner = parseParts(rest, { isInRange: true, options });
      parts.push({ kind: 'range', ...pathOf(token.text.slice('range'.length).trim(), options), body: inner.parts });
      rest = inner.rest;
    } else parts.push(...action(token.text, options));
  }
  if (isInRange) throw new Error('unterminated range');
  return { parts, rest };
}

/** Paths and quoted texts, one after another. */
function action(text: string, options: JsonPathOptions): Part[] {
  const parts: Part[] = [];
  let rest = text;
  while (rest !== '') {
    const literal = /^(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)')\s*/s.exec(rest);
    if (literal) {
      parts.push({ kind: 'text', text: unescaped(literal[1] ?? literal[2] ?? '') });
      rest = rest.slice(literal[0].length);
      continue;
    }
    const end = endOfPath(rest);
    parts.push({ kind: 'path', ...pathOf(rest.slice(0, end), options) });
    rest = rest.slice(end).trimStart();
  }
  return parts;
}

/** Blanks inside brackets belong to the path. */
function endOfPath(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '[') depth++;
    else if (text[i] === ']') depth--;
    else if (depth === 0 && /\s/.test(text[i] as string)) return i;
  }
  return text.length;
}

function unescaped(text: string): string {
  const known: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => known[letter] ?? letter);
}

function pathOf(text: string, options: JsonPathOptions): { path: JsonPath; isAbsolute: boolean } {
  return { path: compileJsonPath(rooted(text), options), isAbsolute: text.startsWith('$') };
}

function rooted(text: string): string {
  const path = text.replace(/^[@$]/, '');
  return path === '.' ? '' : path;
}

function render(parts: readonly Part[], current: unknown, root: unknown): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const values = part.path(part.isAbsolute ? root : current);
      if (part.kind === 'path') return values.map(valueText).join(' ');
      const items = values.flatMap((value) => (values.length === 1 && Array.isArray(value) ? value : [value]));
      return items.map((item) => render(part.body, item, root)).join('');
    })
    .join('');
}

/** As a person reads a value: texts without quotes, the rest as JSON. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '' : encodeJson(value);
}
