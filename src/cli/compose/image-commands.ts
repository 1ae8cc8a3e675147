import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';

/** The commands about images, and `watch`, which builds them. */
export function addImageCommands(compose: Command): void {
  compose
    .command('build')
    .argument('[service...]')
    .description("build services' images and give them to every node")
    .addOption(new Option('--build-arg <name=value>', 'build argument').argParser(collect).default([], ''))
    .option('--no-cache', 'build every step anew')
    .option('--pull', 'ask the registry for base images')
    .option('--push', 'push them then')
    .option('-q, --quiet', 'say nothing of the steps')
    .option('--ssh <agent>', 'default, or NAME=SOCKET')
    .option('--with-dependencies', 'also what services depend on')
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./build.ts')).build(services, command.optsWithGlobals()),
    );
  compose
    .command('push')
    .argument('[service...]')
    .description('push the images that services build')
    .option('--ignore-push-failures', 'go on with the others')
    .option('--include-deps', 'also what services depend on')
    .option('-q, --quiet', 'accepted for docker compose scripts')
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./build.ts')).push(services, command.optsWithGlobals()),
    );
  compose
    .command('pull')
    .argument('[service...]')
    .description('bring images from registries to every node')
    .option('--ignore-pull-failures', 'go on with the others')
    .option('--ignore-buildable', 'leave out images that can be built')
    .option('--include-deps', 'also what services depend on')
    .addOption(new Option('--policy <policy>', 'which').choices(['missing', 'always']))
    .option('-q, --quiet', 'accepted for docker compose scripts')
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./build.ts')).pull(services, command.optsWithGlobals()),
    );
  compose
    .command('images')
    .argument('[service...]')
    .description('list the images of containers')
    .option('-q, --quiet', 'their digests only')
    .addOption(new Option('--format <format>', 'output format').choices(['table', 'json']).default('table'))
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./images.ts')).images(services, command.optsWithGlobals()),
    );
  compose
    .command('watch')
    .argument('[service...]')
    .description('rebuild and sync services when their files change')
    .option('--no-up', 'do not build and start services first')
    .option('--quiet', 'say nothing of builds')
    .addOption(new Option('--prune', 'accepted for docker compose scripts').hideHelp())
    .action(async (services: string[], _: unknown, command: Command) =>
      (await import('./watch.ts')).watch(services, command.optsWithGlobals()),
    );
}
