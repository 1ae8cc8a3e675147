import { Command } from 'commander';
import { examples } from './examples.ts';

const documentation = '\nDocumentation: docs/ in the package, and `timonel help COMMAND`.';

/** The command line without its commands. */
export function programFrame(version: string): Command {
  return (
    new Command('timonel')
      .description('A whole Kubernetes on one machine: multi-node clusters with real containers, in about a second.')
      .version(version, '-V, --version', 'print the version')
      .showSuggestionAfterError()
      // What stands behind a command is that command's: `chart pull … --version 1.2.3`, `compose -f FILE logs -f`.
      .enablePositionalOptions()
      // Settings are handed on to subcommands when those are made.
      .exitOverride()
      .helpCommand(false)
  );
}

/** With what help ends with; when all commands are there. */
export function withHelp(program: Command): Command {
  addHints(program, 'timonel');
  return program.addHelpText('after', documentation);
}

/** Help ends with examples, and every complaint about a command line with where the help is. */
function addHints(command: Command, path: string): void {
  // Helm's commands complain as Helm's do.
  if (!path.startsWith('timonel chart')) command.showHelpAfterError(`How to use it: ${path} --help`);
  const lines = examples[path];
  if (lines) command.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'));
  for (const inner of command.commands) addHints(inner, `${path} ${inner.name()}`);
}
