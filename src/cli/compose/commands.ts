import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { acceptBooleanValues } from './boolean-values.ts';
import { addContainerCommands } from './container-commands.ts';
import { addImageCommands } from './image-commands.ts';
import type { ProgressMode } from './progress.ts';
import { addRefusedFlags } from './refused-flags.ts';

/** Flags of `timonel compose` itself: which project, on which cluster. */
export interface ComposeFlags {
  file?: string[];
  projectName?: string;
  projectDirectory?: string;
  profile?: string[];
  envFile?: string[];
  context?: string;
  kubeconfig?: string;
  lenient?: boolean;
  progress?: ProgressMode;
  allResources?: boolean;
}

/** `timonel compose`, with the flags of docker compose. */
export function addComposeCommands(program: Command): void {
  const compose = program
    .command('compose')
    .description('run a Compose project on a cluster as docker compose does')
    .enablePositionalOptions()
    .version(`Timonel Compose version ${program.version() ?? ''}`, '-v, --version', 'show the version')
    .option('-f, --file <file>', 'Compose file (repeatable; - is standard input)', collect, [])
    .option('-p, --project-name <name>', 'project name')
    .option('--profile <name>', 'a profile to enable (repeatable)', collect, [])
    .option('--env-file <file>', 'an alternate environment file (repeatable)', collect, [])
    .option('--project-directory <path>', "working directory (default: the first Compose file's)")
    .option('--context <name>', 'context of the kubeconfig (default: the current one)')
    .option('--kubeconfig <file>', 'the kubeconfig (default: $KUBECONFIG, ~/.kube/config)')
    .option('--lenient', 'what a cluster cannot honour is a warning')
    .addOption(
      new Option('--progress <type>', 'how progress is shown')
        .choices(['auto', 'tty', 'plain', 'json', 'quiet'])
        .default('auto'),
    )
    .option('--all-resources', 'also networks, volumes, secrets and configs that no service uses')
    .addOption(new Option('--verbose', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('--ansi <when>', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('--parallel <count>', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('--compatibility', 'accepted for docker compose scripts').hideHelp());
  addReadingCommands(compose);
  addContainerCommands(compose);
  addImageCommands(compose);
  addRefusedFlags(compose);
  acceptBooleanValues(compose);
}

function addReadingCommands(compose: Command): void {
  compose
    .command('config')
    .argument('[service...]')
    .description('parse, resolve and print the project in canonical form')
    .addOption(new Option('--format <format>', 'output format (default: yaml)').choices(['yaml', 'json']))
    .option('-q, --quiet', 'only check the configuration')
    .option('--services', 'print the service names')
    .option('--volumes', 'print the volume names')
    .option('--networks', 'print the network names')
    .option('--profiles', 'print the profile names')
    .option('--images', 'print the image names')
    .option('--models', 'print the model names')
    .option('--hash <services>', 'print the config hash of services (comma-separated, or *)')
    .option('--variables', 'print the variables of the files and their defaults')
    .option('--environment', 'print the environment used for interpolation')
    .option('--no-interpolate', 'leave variables as they are')
    .option('--no-normalize', 'leave out defaults')
    .option('--no-path-resolution', 'leave paths as they are')
    .option('--no-consistency', 'leave out the check for consistency')
    .option('--no-env-resolution', 'leave env files out of the environment')
    .option('-o, --output <file>', 'save to a file')
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./config.ts')).config(services, command.optsWithGlobals()),
    );
  compose
    .command('version')
    .description('print the version')
    .option('--short', 'the number alone')
    .addOption(new Option('-f, --format <format>', 'output format').choices(['pretty', 'json']).default('pretty'))
    .action((flags: { short?: boolean; format: 'pretty' | 'json' }, command: Command) => {
      const version = rootOf(command).version() ?? '';
      const long = flags.format === 'json' ? JSON.stringify({ version }) : `Timonel Compose version ${version}`;
      process.stdout.write(`${flags.short ? version : long}\n`);
    });
  compose
    .command('convert')
    .argument('[service...]')
    .description('print the Kubernetes objects of the project, or write a chart')
    .addOption(new Option('--format <format>', 'output format').choices(['yaml', 'json']).default('yaml'))
    .option('--chart <directory>', 'write a chart instead')
    .option('-o, --output <file>', 'save to a file')
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./convert.ts')).convert(services, command.optsWithGlobals()),
    );
}

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command;
}
