import { dirname, resolve } from 'node:path';

/** The tidy test's checks, as functions of a text, so that they can themselves be tested. */
export interface SourceText {
  /** Absolute path. */
  file: string;
  text: string;
}

const controlWords = /^\s*(?:\}\s*)?(?:if|else|for|while|switch|catch|try|finally|do|with)\b/;
/** A line that opens a body: the end of a head of a function, a method or an arrow function. */
const bodyOpener = /(?:=>|\)|\): .*|\bfunction\b.*) \{$/;

/**
 * The functions, methods and arrow functions of a formatted source that have more lines than `most`. Goes by
 * indentation: the formatter puts the end of a body at the column of its head. Suites of tests are lists, not
 * functions, and a test's table of cases does not count.
 */
export function longFunctions(text: string, most: number): { line: number; lines: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    if (!bodyOpener.test(line) || controlWords.test(line)) return [];
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    const opens = headOf(lines, at, indent);
    const head = lines[opens] ?? '';
    const end = lines.findIndex((other, i) => i > at && other.startsWith(`${indent}}`));
    const isSuite = lines.slice(at + 1, end).some((other) => /^ *(?:it|describe)\b/.test(other));
    if (controlWords.test(head) || isSuite) return [];
    const start = /^\s*it\.each\b/.test(head) ? at : opens;
    const length = end - start + 1;
    return length > most ? [{ line: start + 1, lines: length }] : [];
  });
}

/** Where the head of a body begins: parameters may stand on lines of their own. */
function headOf(lines: readonly string[], at: number, indent: string): number {
  if (!/^\s*[)}\]>]/.test(lines[at] ?? '')) return at;
  const before = lines.slice(0, at);
  const opens = before.findLastIndex(
    (line) => line.startsWith(indent) && /^[^\s)}\]>]/.test(line.slice(indent.length)),
  );
  return opens < 0 ? at : opens;
}

const declaration =
  /^export (?:declare )?(?:default )?(?:async )?(?:abstract )?(?:function\*?|const|let|class|interface|type) (\w+)/gm;
const clause = /^export (?:type )?\{([^}]*)\}(?: from '([^']+)')?/gm;

/** The names that a file exports. */
function exportsOf(text: string): string[] {
  const listed = [...text.matchAll(clause)].flatMap((match) => namesOf(match[1] ?? '').map(({ outside }) => outside));
  return [...[...text.matchAll(declaration)].map((match) => match[1] as string), ...listed];
}

/** Which names of which files a file uses: `file name`, and `file *` for those it takes whole. */
function usesOf({ file, text }: SourceText): string[] {
  const at = (path: string): string => resolve(dirname(file), path);
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const named = [...code.matchAll(/^(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']+)'/gm)];
  const whole = [...code.matchAll(/^import \* as (\w+) from '(\.[^']+)'/gm)];
  const passedOn = [...code.matchAll(/^export \*(?: as \w+)? from '(\.[^']+)'/gm)];
  const lazy = [...code.matchAll(/import\('(\.[^']+)'\)/g)];
  const words = new Set(lazy.length > 0 ? code.match(/\w+/g) : []);
  return [
    ...named.flatMap(([, names, path]) => namesOf(names ?? '').map(({ inside }) => `${at(path as string)} ${inside}`)),
    ...whole.flatMap(([, alias, path]) =>
      [...code.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, 'g'))].map((use) => `${at(path as string)} ${use[1]}`),
    ),
    ...passedOn.map((match) => `${at(match[1] as string)} *`),
    // A file loaded when it is needed: any word of the importing file may be the name it takes.
    ...lazy.flatMap((match) => [...words].map((word) => `${at(match[1] as string)} ${word}`)),
  ];
}

function namesOf(list: string): { inside: string; outside: string }[] {
  return list
    .split(',')
    .map((part) => part.trim().replace(/^type /, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [inside = '', outside = inside] = part.split(' as ');
      return { inside, outside };
    });
}

/**
 * Exports of `files` that no file of `users` imports. Two may stay all the same: a type that its own file says again,
 * since it is part of what the file's other exports take or give; and what its own file uses and one of `tests` pins down.
 */
export function deadExports(options: {
  files: readonly SourceText[];
  users: readonly SourceText[];
  tests?: readonly SourceText[];
}): string[] {
  const { files, users, tests = [] } = options;
  const used = new Set(users.flatMap(usesOf));
  const tested = new Set(tests.flatMap(usesOf));
  return files.flatMap(({ file, text }) =>
    exportsOf(text)
      .filter((name) => !used.has(`${file} ${name}`) && !used.has(`${file} *`))
      .filter((name) => !(usesItself(text, name) && (isType(text, name) || tested.has(`${file} ${name}`))))
      .map((name) => `${file} exports ${name}`),
  );
}

function usesItself(text: string, name: string): boolean {
  return (
    [
      ...codeLines(text)
        .join('\n')
        .matchAll(new RegExp(`\\b${name}\\b`, 'g')),
    ].length > 1
  );
}

function isType(text: string, name: string): boolean {
  return new RegExp(`^export (?:interface|type) ${name}\\b`, 'm').test(text);
}

const impure =
  /(?<![\w)\]]\.)\b(?:setTimeout|setInterval)\(|\b(?:Date\.now\(|new Date\(\)|Math\.random\(|randomUUID\(|performance\.now\()|\{[^}]*\bset(?:Timeout|Interval)\b[^}]*\} from 'node:timers/;

/** The lines (from 1) that read the machine's clock or randomness, or set its timers. A socket's own timeout is none. */
export function impureLines(text: string): number[] {
  return codeLines(text).flatMap((line, i) => (impure.test(line) ? [i + 1] : []));
}

/** Lines without their comments, strings left as they are: enough to look for calls. */
function codeLines(text: string): string[] {
  const blank = (comment: string): string => comment.replace(/[^\n]/g, '');
  return text
    .replace(/\/\*\*?[\s\S]*?\*\//g, blank)
    .split('\n')
    .map((line) => line.replace(/(^|\s)\/\/.*$/, ''));
}
