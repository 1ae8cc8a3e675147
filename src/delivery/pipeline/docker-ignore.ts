/** Whether a path of a build context (relative, with slashes) is kept out of it. */
export interface IgnoreRules {
  ignores(path: string): boolean;
  /** Whether something below an ignored directory may be let in again. */
  hasExceptions: boolean;
}

/**
 * Reads a `.dockerignore` (https://docs.docker.com/build/concepts/context/#dockerignore-files): Go's path patterns from
 * the root of the context, `**` for any number of directories, `!` for exceptions, the last line that matches counts. A
 * line that names a directory names all that is in it.
 */
export function parseIgnore(text: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line) => ruleOf(line));
  return {
    hasExceptions: rules.some(({ isException }) => isException),
    ignores: (path) => rules.findLast(({ expression }) => expression.test(path))?.isException === false,
  };
}

function ruleOf(line: string): { expression: RegExp; isException: boolean }[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const isException = trimmed.startsWith('!');
  const pattern = clean(isException ? trimmed.slice(1).trim() : trimmed);
  if (pattern === '' || pattern === '.') return [];
  return [{ expression: new RegExp(`^${translate(pattern)}(?:/.*)?$`, 's'), isException }];
}

/** Go's path.Clean, without the leading slash. */
function clean(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

function translate(pattern: string): string {
  let out = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] as string;
    if (char === '*' && pattern[at + 1] === '*') {
      while (pattern[at + 1] === '*') at++;
      if (pattern[at + 1] === '/') {
        at++;
        out += '(?:.*/)?';
      } else out += '.*';
    } else if (char === '*') out += '[^/]*';
    else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) out += '\\[';
      else {
        out += `[${pattern
          .slice(at + 1, end)
          .replaceAll('\\', '\\\\')
          .replace(/^!/, '^')}]`;
        at = end;
      }
    } else if (char === '\\' && at + 1 < pattern.length) out += escaped(pattern[++at] as string);
    else out += escaped(char);
  }
  return out;
}

function escaped(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
}
