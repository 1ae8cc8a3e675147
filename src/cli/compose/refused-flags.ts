import { type Command, Option } from 'commander';
import { CliError } from '../errors.ts';

/** Flags of docker compose for which there is nothing here, with why, by command; '' are those of `compose` itself. */
const refusedFlags: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    '--dry-run': 'use `timonel compose config`, or `convert` and `timonel apply --dry-run=server`',
  },
  build: {
    '--builder <name>': 'images of a project are built by buildah',
    '--check': 'the builder has no checks of Dockerfiles',
    '-m, --memory <bytes>': 'the builder has no limit of its own',
    '--print': 'the builder knows no bake files',
    '--provenance <value>': 'the builder makes no attestations',
    '--sbom <value>': 'the builder makes no attestations',
  },
  config: {
    '--lock-image-digests': 'nodes resolve tags when they pull',
    '--resolve-image-digests': 'nodes resolve tags when they pull',
  },
  events: { '--since <time>': 'events are told as they happen; kubectl get events has the last hour' },
};

/** Commands of docker compose for which there is nothing here, with why. */
const refusedCommands: Readonly<Record<string, string>> = {
  alpha: 'experiments of docker compose are its own',
  bridge: 'use `timonel compose convert`',
  commit: 'nodes make no images of containers: build one from a Dockerfile, or use `timonel compose export`',
  publish: 'projects are not kept in registries: use `timonel compose convert --chart` and `timonel chart push`',
};

/** Gives the commands the flags that docker compose has and that cannot be honoured, each with an error of its own. */
export function addRefusedFlags(compose: Command): void {
  for (const [name, flags] of Object.entries(refusedFlags)) {
    const command = name === '' ? compose : compose.commands.find((each) => each.name() === name);
    if (!command) throw new Error(`there is no command ${name}`);
    for (const [flag, why] of Object.entries(flags)) {
      const option = new Option(flag, why).hideHelp();
      command.addOption(option);
      command.on(`option:${option.name()}`, () => {
        throw new CliError(`compose ${name} ${option.long} is not there: ${why}`.replace('  ', ' '), { exitCode: 2 });
      });
    }
  }
  for (const [name, why] of Object.entries(refusedCommands)) {
    compose
      .command(name, { hidden: true })
      .argument('[word...]')
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        throw new CliError(`compose ${name} is not there: ${why}`, { exitCode: 2 });
      });
  }
}
