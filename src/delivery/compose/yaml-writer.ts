import { resolvePlain } from './yaml-scalar.ts';

/** Writes a value as the YAML library of Docker's tools does: two spaces, lists indented, quotes only where needed. */
export function writeYaml(value: unknown): string {
  const lines: string[] = [];
  if (isEmptyContainer(value) || !isContainer(value)) return `${flowOrScalar(value, 0)}\n`;
  writeBlock(value, 0, lines);
  return `${lines.join('\n')}\n`;
}

function writeBlock(value: object, indent: number, lines: string[]): void {
  const pad = ' '.repeat(indent);
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      if (!isContainer(item) || isEmptyContainer(item)) {
        lines.push(`${pad}- ${flowOrScalar(item, indent + 2)}`);
        continue;
      }
      const inner: string[] = [];
      writeBlock(item, indent + 2, inner);
      inner[0] = `${pad}- ${(inner[0] ?? '').slice(indent + 2)}`;
      lines.push(...inner);
    }
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const name = scalar(key, indent, true);
    if (isContainer(inner) && !isEmptyContainer(inner)) {
      lines.push(`${pad}${name}:`);
      writeBlock(inner, indent + 2, lines);
    } else lines.push(`${pad}${name}: ${flowOrScalar(inner, indent + 2)}`);
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isEmptyContainer(value: unknown): boolean {
  return isContainer(value) && (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0);
}

function flowOrScalar(value: unknown, indent: number): string {
  if (isContainer(value)) return Array.isArray(value) ? '[]' : '{}';
  if (value === null || value === undefined) return 'null';
  return typeof value === 'string' ? scalar(value, indent, false) : numberText(value);
}

function numberText(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  return String(value);
}

/** Words that YAML 1.1 takes for booleans, and numbers in base 60: quoted for its readers. */
const oldWords = /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;
const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ].*)?$/;

function scalar(text: string, indent: number, isKey: boolean): string {
  if (text === '') return '""';
  if (typeof resolvePlain(text) !== 'string' || oldWords.test(text) || base60.test(text) || timestamp.test(text)) {
    return doubleQuoted(text);
  }
  // Special characters: those that no other style can show.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff\ufffe\uffff]|\r/.test(text)) return doubleQuoted(text);
  if (text.includes('\n')) return isKey || !isLiteral(text) ? doubleQuoted(text) : literal(text, indent);
  return isPlain(text) ? text : singleOrDouble(text);
}

/** YAML's rules for a plain scalar in block context, as libyaml's emitter analyses a text. */
function isPlain(text: string): boolean {
  if (/^[\s]|[\s]$/.test(text) || text.includes('\t')) return false;
  if (/^(?:---|\.\.\.)/.test(text)) return false;
  if (/^[#,[\]{}&*!|>'"%@`]/.test(text)) return false;
  if (/^[-?:](?:\s|$)/.test(text) || text === '-' || text === '?') return false;
  return !/: |:$| #/.test(text);
}

function singleOrDouble(text: string): string {
  return text.includes('\t') ? doubleQuoted(text) : `'${text.replaceAll("'", "''")}'`;
}

/** A block shows no space at the end of a line. */
function isLiteral(text: string): boolean {
  return !/ \n/.test(text) && !text.endsWith(' ');
}

function literal(text: string, indent: number): string {
  const pad = ' '.repeat(indent);
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const hint = /^[ \n]/.test(text) ? '2' : '';
  const body = text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line === '' ? '' : pad + line));
  return [`|${hint}${chomp}`, ...body].join('\n');
}

const escapes: Record<string, string> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\xa0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function doubleQuoted(text: string): string {
  const inner = Array.from(text, (character) => {
    const known = escapes[character];
    if (known) return known;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `\\x${hex(code, 2)}`;
    return code === 0xfeff || code === 0xfffe || code === 0xffff ? `\\u${hex(code, 4)}` : character;
  });
  return `"${inner.join('')}"`;
}

function hex(code: number, width: number): string {
  return code.toString(16).toUpperCase().padStart(width, '0');
}
