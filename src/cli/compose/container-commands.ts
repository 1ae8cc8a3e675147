import { type Command, InvalidArgumentError, Option } from 'commander';
import { collect } from '../arguments.ts';

/** Seconds, whole ones, and zero as well. */
function wholeSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number of seconds.');
}

const many = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(collect).default([], '');
const grace = (): Option =>
  new Option('-t, --timeout <seconds>', 'how long containers may take to end').argParser(wholeSeconds);
const index = (): Option => new Option('--index <number>', "which of a service's containers").argParser(wholeSeconds);
const format = (): Option =>
  new Option('--format <format>', 'output format').choices(['table', 'json']).default('table');
const rowFormat = (): Option =>
  new Option('--format <format>', 'table, json, a Go template, or "table TEMPLATE"').default('table');
const quiet = (description: string): Option => new Option('-q, --quiet', description);

type Services = (services: string[], flags: unknown, command: Command) => Promise<void>;

/** The commands about containers. */
export function addContainerCommands(compose: Command): void {
  addUpAndDown(compose);
  addReports(compose);
  addUsage(compose);
  addSessions(compose);
  addLifecycle(compose);
}

function addUpAndDown(compose: Command): void {
  const up = compose
    .command('up')
    .argument('[service...]')
    .description('create and start containers')
    .option('-d, --detach', 'leave them running and return')
    .option('--wait', 'wait until services are running or healthy; implies --detach')
    .addOption(new Option('--wait-timeout <seconds>', 'how long at most').argParser(wholeSeconds))
    .option('--abort-on-container-exit', 'stop all when one container ends')
    .option('--abort-on-container-failure', 'stop all when one container fails')
    .option('--exit-code-from <service>', "exit as this service's container does; stops all then")
    .addOption(many('--attach <service>', 'show the logs of these services only'))
    .addOption(many('--no-attach <service>', 'do not show the logs of these services'))
    .option('--attach-dependencies', 'show the logs of what the named services depend on as well')
    .addOption(new Option('--menu', 'accepted for docker compose scripts').hideHelp())
    .option('--no-color', 'prefixes without colours')
    .option('--no-log-prefix', 'lines without a prefix')
    .option('--timestamps', 'lines with their times')
    .option('-w, --watch', 'watch files, as `compose watch` does')
    .option('--no-start', 'create them only');
  addMaking(up).action((async (services, _, command) =>
    (await import('./up.ts')).up(services, command.optsWithGlobals())) satisfies Services);
  const create = compose
    .command('create')
    .argument('[service...]')
    .description('create containers without waiting for them');
  addMaking(create).action((async (services, _, command) =>
    (await import('./up.ts')).create(services, command.optsWithGlobals())) satisfies Services);
  compose
    .command('scale')
    .argument('<service=number...>')
    .description('how many containers services are to have')
    .option('--no-deps', 'leave out what services depend on')
    .action(async (scale: string[], _: unknown, command: Command) =>
      (await import('./up.ts')).scale(scale, command.optsWithGlobals()),
    );
  compose
    .command('down')
    .argument('[service...]')
    .description('stop and remove containers and networks')
    .option('-v, --volumes', 'remove named volumes as well')
    .addOption(
      new Option('--rmi <type>', 'forget images: all, or those without a name of their own').choices(['all', 'local']),
    )
    .option('--remove-orphans', 'accepted for docker compose scripts: everything of the project goes')
    .addOption(grace())
    .action((async (services, _, command) =>
      (await import('./up.ts')).down(services, command.optsWithGlobals())) satisfies Services);
}

/** What `up` and `create` share. */
function addMaking(command: Command): Command {
  return command
    .option('--build', 'build images first')
    .option('--no-build', 'build nothing, though an image is missing')
    .addOption(many('--scale <service=number>', 'how many containers of a service'))
    .option('--force-recreate', 'make containers anew, though nothing has changed')
    .option('--no-recreate', 'leave containers that are there as they are')
    .option('--remove-orphans', 'remove containers of services that the file does not have')
    .addOption(new Option('--pull <policy>', 'when nodes pull images').choices(['always', 'missing', 'never', 'build']))
    .option('--quiet-pull', 'accepted for docker compose scripts')
    .addOption(new Option('--quiet-build', 'accepted for docker compose scripts').hideHelp())
    .option('--always-recreate-deps', 'with --force-recreate: also what services depend on')
    .option('-V, --renew-anon-volumes', 'give containers that are made anew new anonymous volumes')
    .addOption(new Option('-y, --yes', 'accepted for docker compose scripts').hideHelp())
    .option('--no-deps', 'leave out what services depend on')
    .addOption(grace());
}

function addReports(compose: Command): void {
  compose
    .command('ps')
    .argument('[service...]')
    .description('list containers')
    .option('-a, --all', 'also those that have ended')
    .addOption(quiet('names only'))
    .option('--services', 'names of services')
    .addOption(many('--status <state>', 'created, running, restarting, exited, removing'))
    .addOption(many('--filter <filter>', 'status=STATE'))
    .addOption(rowFormat())
    .option('--no-trunc', 'commands in full')
    .option('--no-orphans', 'without services that the file does not have')
    .addOption(new Option('--orphans', 'also services that the file does not have').hideHelp())
    .action((async (services, _, command) =>
      (await import('./ps.ts')).ps(services, command.optsWithGlobals())) satisfies Services);
  compose
    .command('logs')
    .argument('[service...]')
    .description('show what containers have written')
    .option('-f, --follow', 'and go on')
    .option('-n, --tail <lines>', 'the last lines only', 'all')
    .option('-t, --timestamps', 'lines with their times')
    .option('--since <time>', 'a time, or how long ago: 42m')
    .option('--until <time>', 'lines before a time, or from so long ago')
    .option('--no-color', 'prefixes without colours')
    .option('--no-log-prefix', 'lines without a prefix')
    .addOption(index())
    .action((async (services, _, command) =>
      (await import('./logs.ts')).logs(services, command.optsWithGlobals())) satisfies Services);
  compose
    .command('port')
    .argument('<service>')
    .argument('<port>')
    .description('print where a port is published')
    .addOption(new Option('--protocol <protocol>').choices(['tcp', 'udp', 'sctp']).default('tcp'))
    .addOption(index())
    .action(async (service: string, port: string, _: unknown, command: Command) =>
      (await import('./ps.ts')).port(service, port, command.optsWithGlobals()),
    );
  compose
    .command('wait')
    .argument('<service...>')
    .description('wait until containers of services have ended; exit as the first one did')
    .option('--down-project', 'take the project down then')
    .action((async (services, _, command) =>
      (await import('./wait.ts')).waitForEnd(services, command.optsWithGlobals())) satisfies Services);
  compose
    .command('ls')
    .description('list the projects of the cluster')
    .option('-a, --all', 'also those of which nothing runs')
    .addOption(quiet('names only'))
    .addOption(many('--filter <filter>', 'name=PATTERN'))
    .addOption(format())
    .action(async (_: unknown, command: Command) => (await import('./ps.ts')).list(command.optsWithGlobals()));
  compose
    .command('events')
    .argument('[service...]')
    .description('tell what becomes of containers, until Ctrl-C')
    .option('--json', 'a JSON object a line')
    .option('--until <time>', 'end at a time, or after so long')
    .action((async (services, _, command) =>
      (await import('./events.ts')).events(services, command.optsWithGlobals())) satisfies Services);
}

function addUsage(compose: Command): void {
  compose
    .command('stats')
    .argument('[service...]')
    .description('show what containers use of processors and memory')
    .option('-a, --all', 'also those that do not run')
    .addOption(rowFormat())
    .option('--no-stream', 'once, also on a terminal')
    .addOption(new Option('--no-trunc', 'accepted for docker compose scripts').hideHelp())
    .action((async (services, _, command) =>
      (await import('./usage.ts')).stats(services, command.optsWithGlobals())) satisfies Services);
  compose
    .command('volumes')
    .argument('[service...]')
    .description('list volumes')
    .addOption(quiet('names only'))
    .addOption(rowFormat())
    .action((async (services, _, command) =>
      (await import('./usage.ts')).volumes(services, command.optsWithGlobals())) satisfies Services);
}

function addSessions(compose: Command): void {
  addAttached(compose);
  compose
    .command('exec')
    .argument('<service>')
    .argument('<command...>')
    .description('run a command in a running container')
    .passThroughOptions()
    .option('-d, --detach', 'in the background')
    .addOption(many('-e, --env <name=value>', 'a variable'))
    .addOption(index())
    .option('-T, --no-tty', 'without a terminal')
    .addOption(new Option('-i, --interactive', 'with standard input').default(true).hideHelp())
    .option('-u, --user <user>', "run as this user (by the container's su, or setpriv for numbers)")
    .option('-w, --workdir <path>', 'directory')
    .addOption(new Option('--privileged', 'accepted for docker compose scripts').hideHelp())
    .action(async (service: string, words: string[], _: unknown, command: Command) =>
      (await import('./sessions.ts')).exec(service, words, command.optsWithGlobals()),
    );
  addRun(compose);
  compose
    .command('cp')
    .argument('<source>', 'PATH or SERVICE:PATH')
    .argument('<destination>', 'PATH or SERVICE:PATH')
    .description('copy files between containers and this machine')
    .addOption(index())
    .option('--all', 'also into containers that `run` has started')
    .addOption(new Option('-a, --archive', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('-L, --follow-link', 'accepted for docker compose scripts').hideHelp())
    .action(async (source: string, destination: string, _: unknown, command: Command) =>
      (await import('./sessions.ts')).copy(source, destination, command.optsWithGlobals()),
    );
  compose
    .command('top')
    .argument('[service...]')
    .description('show the processes of containers')
    .action((async (services, _, command) =>
      (await import('./top.ts')).top(services, command.optsWithGlobals())) satisfies Services);
}

function addRun(compose: Command): void {
  compose
    .command('run')
    .argument('<service>')
    .argument('[command...]')
    .description('run a command in a container of its own')
    .passThroughOptions()
    .option('-d, --detach', 'in the background; prints its name')
    .option('--rm', 'remove the container when it ends')
    .addOption(many('-e, --env <name=value>', 'a variable'))
    .addOption(many('-v, --volume <volume>', 'SOURCE:TARGET[:ro]'))
    .addOption(many('-p, --publish <port>', 'HOST:CONTAINER[/udp]'))
    .addOption(many('-l, --label <name=value>', 'a label'))
    .option('--no-deps', 'leave out what the service depends on')
    .option('--entrypoint <command>', 'instead of the entrypoint')
    .option('-P, --service-ports', "publish the service's ports")
    .option('-T, --no-tty', 'without a terminal')
    .addOption(new Option('-i, --interactive', 'with standard input').default(true).hideHelp())
    .option('-u, --user <user>', 'user, by name or number')
    .option('-w, --workdir <path>', 'directory')
    .option('--name <name>', 'name of the container')
    .option('--build', 'build the image first')
    .addOption(new Option('--quiet-pull', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('--quiet-build', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('-q, --quiet', 'accepted for docker compose scripts').hideHelp())
    .addOption(many('--cap-add <capability>', 'a capability to add'))
    .addOption(many('--cap-drop <capability>', 'a capability to drop'))
    .addOption(many('--env-from-file <file>', 'variables of a file'))
    .addOption(new Option('--pull <policy>', 'when nodes pull images').choices(['always', 'missing', 'never']))
    .option('--use-aliases', "answer to the service's names and on its ports, as its other containers do")
    .option('--remove-orphans', 'remove containers of services that the file does not have')
    .action(async (service: string, words: string[], _: unknown, command: Command) =>
      (await import('./run.ts')).run(service, words, command.optsWithGlobals()),
    );
}

/** What connects with the container's own process or files. */
function addAttached(compose: Command): void {
  compose
    .command('attach')
    .argument('<service>')
    .description("connect this terminal with what runs in a service's container")
    .addOption(index())
    .option('--no-stdin', 'without input')
    .addOption(new Option('--sig-proxy [flag]', 'accepted for docker compose scripts').hideHelp())
    .addOption(new Option('--detach-keys <keys>', 'accepted for docker compose scripts').hideHelp())
    .action(async (service: string, _: unknown, command: Command) =>
      (await import('./sessions.ts')).attach(service, command.optsWithGlobals()),
    );
  compose
    .command('export')
    .argument('<service>')
    .description("write a container's files as a tar archive")
    .addOption(index())
    .option('-o, --output <file>', 'to a file (default: standard output)')
    .action(async (service: string, _: unknown, command: Command) =>
      (await import('./sessions.ts')).exportFiles(service, command.optsWithGlobals()),
    );
}

function addLifecycle(compose: Command): void {
  const simple = (name: string, description: string): Command =>
    compose.command(name).argument('[service...]').description(description);
  simple('start', 'start services that were stopped')
    .option('--wait', 'wait until they are running or healthy')
    .addOption(new Option('--wait-timeout <seconds>', 'how long at most').argParser(wholeSeconds))
    .action((async (services, _, command) =>
      (await import('./lifecycle.ts')).start(services, command.optsWithGlobals())) satisfies Services);
  simple('stop', 'stop services')
    .addOption(grace())
    .action((async (services, _, command) =>
      (await import('./lifecycle.ts')).stop(services, command.optsWithGlobals())) satisfies Services);
  simple('restart', 'restart services')
    .addOption(grace())
    .option('--no-deps', 'leave out services that restart with these')
    .action((async (services, _, command) =>
      (await import('./lifecycle.ts')).restart(services, command.optsWithGlobals())) satisfies Services);
  simple('kill', 'end containers at once')
    .option('-s, --signal <signal>', 'send this signal instead')
    .addOption(new Option('--remove-orphans', 'accepted for docker compose scripts').hideHelp())
    .action((async (services, _, command) =>
      (await import('./lifecycle.ts')).kill(services, command.optsWithGlobals())) satisfies Services);
  simple('rm', 'remove services that are stopped')
    .option('-f, --force', 'ask nothing')
    .option('-s, --stop', 'stop them first')
    .addOption(new Option('-a, --all', 'accepted for docker compose scripts').hideHelp())
    .addOption(
      new Option(
        '-v, --volumes',
        'accepted for docker compose scripts: anonymous volumes always go with their container',
      ).hideHelp(),
    )
    .action((async (services, _, command) =>
      (await import('./lifecycle.ts')).remove(services, command.optsWithGlobals())) satisfies Services);
  for (const [name, description] of [
    ['pause', 'make containers stand still'],
    ['unpause', 'let containers go on'],
  ] as const) {
    simple(name, description).action((async (services, _, command) =>
      (await import('./lifecycle.ts')).pause(
        services,
        command.optsWithGlobals(),
        name === 'pause',
      )) satisfies Services);
  }
}
