import { type Command, Option } from 'commander';
import { collect } from './arguments.ts';

/** Has no default: what is mandatory must be missing at first. */
const names = (value: string, previous: string[] | undefined): string[] => collect(value, previous ?? []);

export function addBuildCommand(program: Command): void {
  const many = (flags: string, description: string): Option =>
    new Option(flags, description).argParser(collect).default([], '');
  program
    .command('build')
    .argument('[directory]', 'build context, with a Dockerfile', '.')
    .addOption(
      new Option('-t, --tag <name>', 'name of the image; may come more than once')
        .argParser(names)
        .makeOptionMandatory(),
    )
    .option('-f, --file <path>', 'Dockerfile, - for standard input (default: DIRECTORY/Dockerfile)')
    .addOption(many('--build-arg <name=value>', 'build argument (a name alone: from the environment)'))
    .option('--target <stage>', 'build up to this stage')
    .addOption(many('--secret <secret>', 'id=NAME,src=FILE or id=NAME,env=VARIABLE: for RUN --mount=type=secret'))
    .addOption(many('--ssh <agent>', 'default, or NAME=SOCKET: for RUN --mount=type=ssh'))
    .addOption(many('--platform <platform>', 'as linux/arm64; several (or a,b) make an image of all of them'))
    .addOption(many('--label <name=value>', 'label of the image'))
    .addOption(many('--add-host <host:address>', 'a line for /etc/hosts while building'))
    .addOption(many('--build-context <name=directory>', 'a further context, for COPY --from=NAME'))
    .addOption(many('--cache-from <image>', 'where to take layers from'))
    .addOption(many('--cache-to <image>', 'where to keep layers'))
    .option('--network <mode>', 'network of RUN: host, none')
    .option('--no-cache', 'build every step anew')
    .addOption(
      new Option('--pull [policy]', 'ask the registry for base images (default: missing)').choices([
        'always',
        'missing',
        'never',
      ]),
    )
    .addOption(new Option('--builder <builder>', 'who builds').choices(['auto', 'buildah', 'docker']).default('auto'))
    .option('-q, --quiet', 'print the name of the image alone')
    .addOption(new Option('--name <name>', 'which cluster').default('dev').env('TIMONEL_CLUSTER'))
    .description('build an image and give it to every node, with no push')
    .action(async (directory, options) => (await import('./build.ts')).build(directory, options));
}
