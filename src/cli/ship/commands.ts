import { Argument, type Command, Option } from 'commander';

/** Flags of every command that works on a shipped app. */
function addWhere(command: Command): Command {
  return command
    .option('-f, --file <path>', 'what is shipped, and how (default: timonel.yaml)')
    .option('--context <name>', "the cluster, by the kubeconfig's context (default: the current one)")
    .option('--kubeconfig <path>', 'the kubeconfig (default: $KUBECONFIG, ~/.kube/config)')
    .option('-n, --namespace <name>', "namespace of the release (default: the file's, else the context's)");
}

export function addShipCommands(program: Command, version: string): void {
  const ship = addWhere(program.command('ship'))
    .description('test, build, push, deploy, verify; back to the last good release when that fails')
    .option('--plan', 'show what would be done and what would change, and do nothing')
    .addOption(new Option('--watch', 'ship again whenever a file changes, until Ctrl-C').conflicts('plan'))
    .option('--skip-tests', 'run no tests, and say so in the record')
    .option('--abandon-pending', 'go on although another operation is marked as under way')
    .addOption(new Option('--builder <builder>', 'who builds').choices(['buildah', 'docker']).default('buildah'))
    .action(async (flags) => (await import('./ship.ts')).ship(flags));
  addWhere(ship.command('history'))
    .description('show the revisions of the app: who shipped what commit with which images and tests')
    .addOption(new Option('-o, --output <format>', 'print data in this format').choices(['json']))
    .action(async (_, command: Command) => (await import('./history.ts')).history(flagsOf(ship, command)));
  addWhere(ship.command('rollback'))
    .argument('[revision]', 'which one of the history (default: the last good one before the newest)')
    .description('bring the app back to an earlier revision')
    .action(async (revision, _, command: Command) =>
      (await import('./rollback.ts')).rollback(revision, flagsOf(ship, command)),
    );
  program
    .command('kustomize')
    .argument('[directory]', 'with a kustomization.yaml', '.')
    .description('print the objects of a kustomization, as `kubectl kustomize` does')
    .action(async (directory) => (await import('./kustomize.ts')).kustomize(directory));
  program
    .command('init')
    .argument('[directory]', 'the project', '.')
    .option('--force', 'write over files that are there')
    .description('look at a project, and write timonel.yaml, a Dockerfile if there is none, and a chart')
    .action(async (directory, flags) => (await import('./init.ts')).init(directory, flags));
  program
    .command('ci')
    .addArgument(new Argument('<system>').choices(['github', 'gitlab']))
    .option('--force', 'write over the file that is there')
    .description('write the pipeline file that ships what is merged')
    .action(async (system, flags) => (await import('./init.ts')).ci(system, flags, version));
}

/** Flags may stand before the subcommand and after it. */
function flagsOf<T extends object>(ship: Command, command: Command): T {
  return { ...ship.opts<T>(), ...command.opts<T>() };
}
