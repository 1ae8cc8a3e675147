import { type Command, CommanderError } from 'commander';
import { CliError } from '../errors.ts';

/** What follows the name of a command, in the words of Helm's documentation. */
const usages: Readonly<Record<string, string>> = {
  install: '[NAME] [CHART]',
  upgrade: '[RELEASE] [CHART]',
  template: '[NAME] [CHART]',
  rollback: '<RELEASE> [REVISION]',
  uninstall: 'RELEASE_NAME [...]',
  test: '[RELEASE]',
  list: '',
  status: 'RELEASE_NAME',
  history: 'RELEASE_NAME',
  get: 'RELEASE_NAME',
  create: 'NAME',
  lint: 'PATH',
  package: '[CHART_PATH] [...]',
  verify: 'PATH',
  show: '[CHART]',
  pull: '[chart URL | repo/chartname] [...]',
  push: '[chart] [remote]',
  dependency: 'CHART',
  'repo add': '[NAME] [URL]',
  'repo update': '[REPO1 [REPO2 ...]]',
  'repo remove': '[REPO1 [REPO2 ...]]',
  'repo index': '[DIR]',
  search: '[KEYWORD]',
  registry: '[host]',
  version: '',
  env: '',
};

/** The usage of a command, and how it complains. */
export function speakAsHelm(chart: Command): void {
  complainAsHelm(chart);
  for (const command of chart.commands) {
    for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
      const usage = usages[`${command.name()} ${leaf.name()}`] ?? usages[command.name()];
      if (usage !== undefined) leaf.usage([usage, '[flags]'].filter((word) => word !== '').join(' '));
    }
  }
}

/**
 * Complaints about a command line as Helm has them (`pkg/cmd/require/args.go`, and those of spf13/cobra and pflag), since
 * scripts and people look for these words. Helm ends with 1, whatever was wrong.
 */
function complainAsHelm(command: Command): void {
  const isGroup = command.commands.length > 0;
  command.showHelpAfterError(false).configureOutput({
    outputError: () => undefined,
    // Who names a group alone asks what there is.
    ...(isGroup && { writeErr: (text) => void process.stdout.write(text) }),
  });
  command.exitOverride((error) => {
    if (error.exitCode === 0) throw error;
    if (error.code === 'commander.help') throw new CommanderError(0, error.code, error.message);
    throw new CliError(complaint(command, error));
  });
  for (const inner of command.commands) complainAsHelm(inner);
}

/** `timonel chart repo add` */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function complaint(command: Command, { code, message }: CommanderError): string {
  const named = /'(.*?)'/s.exec(message)?.[1] ?? '';
  switch (code) {
    case 'commander.missingArgument':
    case 'commander.excessArguments':
      return `"${pathOf(command)}" ${wantedArguments(command, code)}\n\nUsage:  ${pathOf(command)} ${command.usage()}`;
    case 'commander.unknownCommand': {
      const meant = /\(Did you mean (?:one of )?(.*)\?\)/.exec(message)?.[1];
      const suggestion = meant ? `\n\nDid you mean this?\n\t${meant.split(', ').join('\n\t')}\n` : '';
      return `unknown command "${named}" for "${pathOf(command)}"${suggestion}\nRun '${pathOf(command)} --help' for usage.`;
    }
    case 'commander.unknownOption': {
      const suggestion = /\n\(Did you mean .*\?\)/.exec(message)?.[0] ?? '';
      if (named.startsWith('--')) return `unknown flag: ${named.replace(/=.*$/s, '')}${suggestion}`;
      return `unknown shorthand flag: '${named.slice(1, 2)}' in ${named}`;
    }
    case 'commander.optionMissingArgument': {
      const [short = '', long = short] = named.replace(/ [<[].*$/, '').split(', ');
      return `flag needs an argument: ${long}`;
    }
    case 'commander.invalidArgument': {
      const [, flags = '', given = '', why = ''] =
        /^error: option '(.*?)(?: [<[].*?)?' argument '(.*)' is invalid\. ?(.*)$/s.exec(message) ?? [];
      return `invalid argument ${JSON.stringify(given)} for "${flags}" flag: ${why}`;
    }
    default:
      return message.replace(/^error: /, '');
  }
}

function wantedArguments({ registeredArguments }: Command, code: string): string {
  const least = registeredArguments.filter(({ required }) => required).length;
  const isOpen = registeredArguments.some(({ variadic }) => variadic);
  const most = registeredArguments.length;
  const count = (number: number): string => `${number} argument${number === 1 ? '' : 's'}`;
  if (most === 0) return 'accepts no arguments';
  if (isOpen || least < most)
    return least === 0 || code === 'commander.excessArguments'
      ? `accepts at most ${count(most)}`
      : `requires at least ${count(least)}`;
  return `requires ${count(least)}`;
}
