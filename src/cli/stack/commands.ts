import { type Command, InvalidArgumentError, Option } from 'commander';
import { collect } from '../arguments.ts';
import { CliError } from '../errors.ts';
import { acceptBooleanValues } from '../compose/boolean-values.ts';
import { addCreate } from './create-command.ts';
import { refusedFlags } from './service-settings.ts';
import { addHealthOptions } from './health-options.ts';

/** `timonel stack` and `timonel service`, for who comes from Swarm. */
export function addStackCommands(program: Command): void {
  const stack = program.command('stack').description('Compose files as stacks, with the commands of Docker Swarm');
  withWhere(stack.command('deploy'))
    .description('bring a stack to what a Compose file says')
    .argument('<name>')
    .requiredOption('-c, --compose-file <file>', 'Compose file (repeatable; - is standard input)', collect)
    .option('--prune', 'remove services that the file has no more')
    .addOption(new Option('-d, --detach [true|false]', 'do not wait until it runs').default(false))
    .option('--lenient', 'warn of what cannot be honoured')
    .addOption(new Option('-q, --quiet', 'accepted for scripts of Docker').hideHelp())
    .addOption(
      new Option('--resolve-image <when>', 'accepted for scripts of Docker')
        .choices(['always', 'changed', 'never'])
        .hideHelp(),
    )
    .addOption(new Option('--with-registry-auth', 'accepted for scripts of Docker: logins are always used').hideHelp())
    .action(async (name, options) => (await import('./deploy.ts')).deploy(name, options));
  stack
    .command('config')
    .description('print the file that the given ones come to, as `compose config` does')
    .requiredOption('-c, --compose-file <file>', 'Compose file (repeatable; - is standard input)', collect)
    .option('--skip-interpolation', 'leave variables as they are')
    .action(async (options) => (await import('./deploy.ts')).printConfig(options));
  withFormat(withWhere(stack.command('ls')))
    .description('list the stacks')
    .action(async (options) => (await import('./stacks.ts')).listStacks(options));
  withListing(stack.command('services'))
    .description('list the services of a stack')
    .argument('<stack>')
    .action(async (name, options) => (await import('./stacks.ts')).listServices(name, options));
  withListing(stack.command('ps'))
    .description('list the tasks of a stack')
    .argument('<stack>')
    .action(async (name, options) => (await import('./stacks.ts')).listTasks({ stack: name }, options));
  withWhere(stack.command('rm'))
    .description('remove stacks; their volumes stay')
    .argument('<stacks...>')
    .addOption(new Option('-d, --detach [true|false]', 'accepted for scripts of Docker').hideHelp())
    .action(async (names, options) => (await import('./deploy.ts')).remove(names, options));
  acceptBooleanValues(stack);
  addServiceCommands(program);
}

function addServiceCommands(program: Command): void {
  const service = program
    .command('service')
    .description('services of stacks, with the commands of Docker Swarm')
    .enablePositionalOptions();
  withListing(service.command('ls'))
    .description('list the services of all stacks')
    .action(async (options) => (await import('./stacks.ts')).listServices(undefined, options));
  withListing(service.command('ps'))
    .description('list the tasks of services')
    .argument('<services...>')
    .action(async (services, options) => (await import('./stacks.ts')).listTasks({ services }, options));
  withDetach(service.command('scale'))
    .description('set how many containers services have')
    .argument('<pairs...>', 'SERVICE=REPLICAS')
    .action(async (pairs, options) => (await import('./services.ts')).scale(pairs, options));
  addCreate(service, withDetach);
  addUpdate(service);
  withDetach(service.command('rollback'))
    .description('go back to what a service was before its last update')
    .argument('<service>')
    .action(async (name, options) => (await import('./services.ts')).rollback(name, options));
  withWhere(service.command('rm'))
    .description('remove services')
    .argument('<services...>')
    .action(async (names, options) => (await import('./services.ts')).removeServices(names, options));
  withWhere(service.command('inspect'))
    .description("print what services are, as Docker's JSON")
    .argument('<services...>')
    .option('-f, --format <template>', 'a Go template for each; pretty')
    .option('--pretty', 'for people')
    .action(async (names, options) => (await import('./service-inspect.ts')).inspect(names, options));
  withWhere(service.command('logs'))
    .description('print the logs of a service')
    .argument('<service>')
    .option('-f, --follow', 'go on as the logs grow')
    .option('-n, --tail <lines>', 'only the last lines')
    .option('--since <duration>', 'only what is newer than 5s, 2m or 3h')
    .option('-t, --timestamps', 'begin lines with their time')
    .option('--raw', 'lines as they are')
    .addOption(new Option('--details', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('--no-resolve', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('--no-task-ids', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('--no-trunc', 'accepted for scripts of Docker').hideHelp())
    .action(async (name, options) => (await import('./service-logs.ts')).logs(name, options));
  acceptBooleanValues(service);
}

function addUpdate(service: Command): void {
  const update = withDetach(service.command('update'))
    .description('change a service; the old version serves until the new one does')
    .argument('<service>')
    .option('--image <image>', 'the image')
    .option('--replicas <count>', 'how many containers')
    .option('--force', 'new containers, though nothing has changed')
    .option('--args <command>', "the command's arguments")
    .option('--env-add <name=value>', 'set a variable (repeatable)', collect, [])
    .option('--env-rm <name>', 'take a variable away (repeatable)', collect, [])
    .option('--label-add <name=value>', 'set a label of the service (repeatable)', collect, [])
    .option('--label-rm <name>', 'take a label away (repeatable)', collect, [])
    .option('--limit-cpu <cpus>', 'processors at most; 0: no limit')
    .option('--limit-memory <bytes>', 'memory at most; 0: no limit')
    .option('--reserve-cpu <cpus>', 'processors that a node must have free')
    .option('--reserve-memory <bytes>', 'memory that a node must have free')
    .option('--entrypoint <command>', "instead of the image's entrypoint")
    .option('-u, --user <numbers>', 'UID[:GID]')
    .option('-w, --workdir <path>', 'directory')
    .option('--hostname <name>', "the containers' host name")
    .option('--read-only', 'a root file system that nobody writes to')
    .addOption(new Option('--no-read-only').hideHelp())
    .option('-t, --tty', 'with a terminal')
    .addOption(new Option('--no-tty').hideHelp())
    .option('--cap-add <capability>', 'a capability to add (repeatable)', collect, [])
    .option('--cap-drop <capability>', 'a capability to drop (repeatable)', collect, [])
    .option('--group-add <number>', 'a further group (repeatable)', collect, [])
    .option('--group-rm <number>', 'take a further group away (repeatable)', collect, [])
    .option('--host-add <host:ip>', 'a line of /etc/hosts (repeatable)', collect, [])
    .option('--host-rm <host>', 'take a host away (repeatable)', collect, [])
    .option('--container-label-add <name=value>', 'set a label of the containers (repeatable)', collect, [])
    .option('--container-label-rm <name>', 'take a label of the containers away (repeatable)', collect, [])
    .option('--stop-grace-period <duration>', 'how long containers may take to end')
    .option('--publish-add <port>', 'publish a port: 8080:80, or published=8080,target=80 (repeatable)', collect, [])
    .option('--publish-rm <port>', 'publish a port of the containers no more (repeatable)', collect, [])
    .option('--mount-add <mount>', 'type=volume,source=NAME,target=PATH (repeatable)', collect, [])
    .option('--mount-rm <path>', 'take away what is mounted there (repeatable)', collect, [])
    .option('--secret-add <secret>', 'NAME, or source=NAME,target=FILE (repeatable)', collect, [])
    .option('--secret-rm <name>', 'take a secret away (repeatable)', collect, [])
    .option('--config-add <config>', 'NAME, or source=NAME,target=PATH (repeatable)', collect, [])
    .option('--config-rm <name>', 'take a config away (repeatable)', collect, [])
    .option('--constraint-add <constraint>', 'only on such nodes: node.labels.disk==ssd (repeatable)', collect, [])
    .option('--constraint-rm <constraint>', 'take a constraint away (repeatable)', collect, [])
    .option('--update-delay <duration>', 'how long a new container is looked at before the next')
    .option('--update-order <order>', 'start-first or stop-first')
    .option('--update-parallelism <count>', 'how many containers are changed at once; 0: all')
    .option('--rollback', 'go back to what it was before its last update')
    .addOption(new Option('--no-resolve-image', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('-q, --quiet', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('--with-registry-auth', 'accepted for scripts of Docker: logins are always used').hideHelp())
    .action(async (name, options) => (await import('./services.ts')).update(name, options));
  addHealthOptions(update);
  addSettings(update);
}

function addSettings(update: Command): void {
  update
    .option('--limit-pids <count>', 'processes at most; 0: no limit')
    .option('--ulimit-add <limit>', 'TYPE=SOFT[:HARD] (repeatable)', collect)
    .option('--ulimit-rm <type>', 'take a limit away (repeatable)', collect)
    .option('--oom-score-adj <number>', 'how soon it ends when memory is short')
    .option('--restart-condition <condition>', 'none, on-failure or any')
    .option('--restart-max-attempts <count>', 'how often it is started again')
    .option('--init', 'an init process that reaps others')
    .addOption(new Option('--no-init').hideHelp())
    .option('--sysctl-add <name=value>', 'a setting of the kernel (repeatable)', collect)
    .option('--sysctl-rm <name>', 'take a setting away (repeatable)', collect)
    .option('--dns-add <address>', 'a name server (repeatable)', collect)
    .option('--dns-rm <address>', 'take a name server away (repeatable)', collect)
    .option('--dns-search-add <domain>', 'a domain that names are looked up in (repeatable)', collect)
    .option('--dns-search-rm <domain>', 'take a domain away (repeatable)', collect)
    .option('--dns-option-add <option>', 'an option of resolv.conf (repeatable)', collect)
    .option('--dns-option-rm <option>', 'take an option away (repeatable)', collect)
    .option('--network-add <network>', 'be in this network as well (repeatable)', collect)
    .option('--network-rm <network>', 'be in this network no more (repeatable)', collect);
  for (const [flag, why] of Object.entries(refusedFlags)) {
    const [name = ''] = flag.split(' ');
    const refuse = (): never => {
      throw new InvalidArgumentError(`--${name} is not there: ${why}.`);
    };
    update.addOption(new Option(`--${flag}`).argParser(refuse).hideHelp());
  }
}

/** What `docker node` has beside what nodes of a machine can do. */
export function addSwarmNodeCommands(node: Command): void {
  withWhere(node.command('inspect'))
    .description("print what nodes are, as Docker's JSON")
    .argument('<nodes...>')
    .option('-f, --format <template>', 'a Go template for each; pretty')
    .option('--pretty', 'for people')
    .action(async (names, options) => (await import('./node-inspect.ts')).inspectNodes(names, options));
  for (const verb of ['promote', 'demote']) {
    node
      .command(verb, { hidden: true })
      .argument('<nodes...>')
      .action(() => {
        throw new CliError(`nodes are not ${verb}d: the control plane is a process of its own, on no node`, {
          hint: 'Whether a node takes work: timonel node update --availability active|pause|drain NODE',
        });
      });
  }
}

function withWhere(command: Command): Command {
  return command
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig file');
}

/** What every list of services or tasks takes. */
export function withListing(command: Command): Command {
  return withFormat(withWhere(command))
    .option('-q, --quiet', 'ids only')
    .option('-f, --filter <filter>', 'KEY=VALUE (repeatable)', collect, [])
    .option('--no-trunc', 'ids in full')
    .addOption(new Option('--no-resolve', 'accepted for scripts of Docker').hideHelp());
}

function withFormat(command: Command): Command {
  return command.option('--format <format>', 'table, json, a Go template, or "table TEMPLATE"');
}

function withDetach(command: Command): Command {
  return withWhere(command).option('-d, --detach', 'do not wait until it runs');
}
