import type { Command } from 'commander';

const values: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  '1': true,
  '0': false,
  t: true,
  f: false,
};

/**
 * Takes `--flag=false` and `--flag=true` for flags without a value, as every command of docker does (`--menu=false`).
 * What comes after a command that is run (`exec`, `run`) is that command's.
 */
export function acceptBooleanValues(command: Command): void {
  for (const inner of command.commands) {
    const parse = inner.parseOptions.bind(inner);
    inner.parseOptions = (words) => parse(withPlainFlags(inner, words));
    acceptBooleanValues(inner);
  }
}

function withPlainFlags(command: Command, words: readonly string[]): string[] {
  const hasArguments = command.registeredArguments.some(({ variadic }) => variadic);
  const isPassingOn = hasArguments && (command as { _passThroughOptions?: boolean })._passThroughOptions === true;
  const end = words.findIndex((word, i) => word === '--' || (isPassingOn && isOperand(command, words, i)));
  const own = end < 0 ? words : words.slice(0, end);
  return [...own.flatMap((word) => plainFlag(command, word)), ...(end < 0 ? [] : words.slice(end))];
}

function isOperand(command: Command, words: readonly string[], index: number): boolean {
  if (words[index]?.startsWith('-')) return false;
  const word = words[index - 1];
  const before = command.options.find(({ short, long }) => word !== undefined && (word === short || word === long));
  return !before?.required;
}

function plainFlag(command: Command, word: string): string[] {
  const [, flag = '', text = ''] = /^(--[\w-]+)=(\w+)$/.exec(word) ?? [];
  const option = command.options.find(({ long }) => long === flag);
  const value = values[text.toLowerCase()];
  if (!option || option.required || option.optional || value === undefined) return [word];
  if (value) return [flag];
  const negative = `--no-${flag.slice(2)}`;
  return command.options.some(({ long }) => long === negative) ? [negative] : [];
}
