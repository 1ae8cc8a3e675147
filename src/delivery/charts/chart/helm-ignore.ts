import { ChartError } from './chart.ts';
import { shellPattern } from './shell-pattern.ts';

/** Whether `.helmignore` takes a file or directory out of a chart. Paths are from the chart's root, with slashes. */
export type IgnoreRules = (path: string, isDirectory: boolean) => boolean;

interface Rule {
  negated: boolean;
  directoryOnly: boolean;
  /** The pattern is for the whole path, not for the last part alone. */
  whole: boolean;
  matches: (text: string) => boolean;
}

/** Hidden files among the templates are never part of a chart. */
const defaults = 'templates/.?*';

/**
 * Reads a `.helmignore` (Helm documentation, "The .helmignore File"): shell patterns, one a line, in order; the first
 * that matches decides, and a negated one takes out what it does not match. Double stars are not known.
 */
export function parseIgnoreRules(text: string): IgnoreRules {
  const rules = [...text.split(/\r?\n/), defaults].flatMap(parseRule);
  return (path, isDirectory) => {
    if (path === '' || path === '.') return false;
    const base = path.slice(path.lastIndexOf('/') + 1);
    for (const { negated, directoryOnly, whole, matches } of rules) {
      const isMatch = matches(whole ? path : base);
      if (negated) {
        if ((directoryOnly && !isDirectory) || !isMatch) return true;
      } else if (isMatch && (!directoryOnly || isDirectory)) return true;
    }
    return false;
  };
}

function parseRule(line: string): Rule[] {
  let pattern = line.trim();
  if (pattern === '' || pattern.startsWith('#')) return [];
  if (pattern.includes('**')) throw new ChartError('.helmignore: double-star (**) syntax is not supported');
  const negated = pattern.startsWith('!');
  if (negated) pattern = pattern.slice(1);
  const directoryOnly = pattern.endsWith('/');
  if (directoryOnly) pattern = pattern.slice(0, -1);
  const whole = pattern.includes('/');
  if (pattern.startsWith('/')) pattern = pattern.slice(1);
  const matches = shellPattern(pattern);
  if (!matches) throw new ChartError(`.helmignore: syntax error in pattern ${line.trim()}`);
  return [{ negated, directoryOnly, whole, matches }];
}
