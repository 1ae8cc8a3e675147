import { RE2JS } from 're2js';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { describe, strings } from '../template/values.ts';
import { checkLength } from './text.ts';

/** Regular expressions in Go's dialect, RE2: their time grows with the text alone, whatever the expression. */

const compiled = new Map<string, RE2JS>();

/** @throws Error in Go's words */
function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  checkPatternLength(pattern);
  // The library leaves out what Go shows of it: nothing.
  if (/^(?:[^\\]|\\[^])*\\$/.test(pattern)) {
    throw new Error('error parsing regexp: trailing backslash at end of expression: ``');
  }
  const regex = RE2JS.compile(pattern);
  if (compiled.size >= 500) compiled.clear();
  compiled.set(pattern, regex);
  return regex;
}

function checkPatternLength(pattern: string): void {
  if (pattern.length > 100_000) throw new Error('error parsing regexp: expression is too long');
}

function mustCompile(pattern: string): RE2JS {
  try {
    return compile(pattern);
  } catch (error) {
    throw new Error(`regexp: Compile(${quotePattern(pattern)}): ${(error as Error).message}`, { cause: error });
  }
}

function quotePattern(pattern: string): string {
  return pattern.includes('`') ? JSON.stringify(pattern) : `\`${pattern}\``;
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly group: (nameOrNumber: string) => string;
}

/** All matches, at most `limit` of them when that is not negative; an empty one right after another does not count. */
function* matchesOf(regex: RE2JS, text: string, limit: number): Generator<Match> {
  const matcher = regex.matcher(text);
  const names = regex.namedGroups();
  const groups = regex.groupCount();
  let previousEnd = -1;
  for (let count = 0; limit < 0 || count < limit;) {
    if (!matcher.find()) return;
    const [start, end] = [matcher.start(), matcher.end()];
    if (start === end && start === previousEnd) continue;
    previousEnd = end;
    count++;
    const group = (name: string): string => {
      const number = /^\d+$/.test(name) ? Number(name) : names[name];
      return number === undefined || number > groups ? '' : (matcher.group(number) ?? '');
    };
    yield { start, end, group };
  }
}

function find(regex: RE2JS, text: string): string {
  for (const { start, end } of matchesOf(regex, text, 1)) return text.slice(start, end);
  return '';
}

function findAll(regex: RE2JS, text: string, limit: number): string[] {
  const found = Array.from(matchesOf(regex, text, limit), ({ start, end }) => text.slice(start, end));
  return found.length === 0 ? describe(found, { type: '[]string', element: 'string', isNil: true }) : strings(found);
}

function replaceAll(regex: RE2JS, text: string, replacement: (match: Match) => string): string {
  let out = '';
  let at = 0;
  for (const match of matchesOf(regex, text, -1)) {
    out += text.slice(at, match.start) + replacement(match);
    checkLength(out.length);
    at = match.end;
  }
  return out + text.slice(at);
}

/** `$1`, `${1}`, `$name`, `${name}` and `$$`; a name is as long as it can be, and what is no group is empty. */
function expand(template: string, match: Match): string {
  let length = 0;
  return template.replace(/\$(?:\$|\{(\w+)\}|([\p{L}\p{Nd}_]+))/gu, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare;
    const text = name === undefined ? '$' : match.group(name);
    checkLength((length += text.length));
    return text;
  });
}

function split(regex: RE2JS, text: string, limit: number): string[] {
  if (limit === 0) return describe([], { type: '[]string', element: 'string' });
  if (regex.pattern() !== '' && text === '') return strings(['']);
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  for (const match of matchesOf(regex, text, limit)) {
    if (limit > 0 && parts.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(start, end));
    start = match.end;
  }
  if (end !== text.length) parts.push(text.slice(start));
  return strings(parts);
}

function withMust(name: string, make: (get: (pattern: string) => RE2JS) => FunctionMap[string]): FunctionMap {
  return { [name]: make(mustCompile), [`must${name[0]?.toUpperCase()}${name.slice(1)}`]: make(compile) };
}

export const regexFunctions: FunctionMap = {
  ...withMust('regexFind', (get) => goFunction(['string', 'string'], (pattern, text) => find(get(pattern), text))),
  ...withMust('regexFindAll', (get) =>
    goFunction(['string', 'string', 'int'], (pattern, text, limit) => findAll(get(pattern), text, limit)),
  ),
  ...withMust('regexReplaceAll', (get) =>
    goFunction(['string', 'string', 'string'], (pattern, text, template) =>
      replaceAll(get(pattern), text, (match) => expand(template, match)),
    ),
  ),
  ...withMust('regexReplaceAllLiteral', (get) =>
    goFunction(['string', 'string', 'string'], (pattern, text, literal) =>
      replaceAll(get(pattern), text, () => literal),
    ),
  ),
  ...withMust('regexSplit', (get) =>
    goFunction(['string', 'string', 'int'], (pattern, text, limit) => split(get(pattern), text, limit)),
  ),
  mustRegexMatch: goFunction(['string', 'string'], (pattern, text) => compile(pattern).matcher(text).find()),
  // Sprig drops the error.
  regexMatch: goFunction(['string', 'string'], (pattern, text) => {
    try {
      return compile(pattern).matcher(text).find();
    } catch {
      return false;
    }
  }),
};
