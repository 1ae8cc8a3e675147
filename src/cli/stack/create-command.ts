import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { addHealthOptions } from './health-options.ts';

/** `timonel service create`, with the flags of Docker's. */
export function addCreate(service: Command, withDetach: (command: Command) => Command): void {
  const create = withDetach(service.command('create'))
    .description('make a service of no stack')
    .argument('<image>')
    .argument('[command...]', "the command and its arguments, in place of the image's")
    .passThroughOptions()
    .option('--name <name>', 'its name (default: one that nobody has)')
    .addOption(new Option('--mode <mode>', 'replicated, global or replicated-job').default('replicated'))
    .option('--replicas <count>', 'how many containers (default: 1)')
    .option('-p, --publish <port>', 'publish a port: 8080:80, or published=8080,target=80 (repeatable)', collect)
    .option('-e, --env <name=value>', 'set a variable (repeatable)', collect)
    .option('--env-file <file>', 'variables of a file (repeatable)', collect)
    .option('--mount <mount>', 'type=volume,source=NAME,target=PATH (repeatable)', collect)
    .option('--secret <secret>', 'NAME, or source=NAME,target=FILE (repeatable)', collect)
    .option('--config <config>', 'NAME, or source=NAME,target=PATH (repeatable)', collect)
    .option('--network <network>', 'only with the services of this network (repeatable)', collect);
  addPlaces(create);
  addContainer(create);
  addUpdates(create);
  create
    .addOption(new Option('--no-resolve-image', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('-q, --quiet', 'accepted for scripts of Docker').hideHelp())
    .addOption(new Option('--with-registry-auth', 'accepted for scripts of Docker: logins are always used').hideHelp())
    .action(async (image, command, options) =>
      (await import('./service-create.ts')).createService(image, command, options),
    );
}

function addPlaces(create: Command): void {
  create
    .option('--constraint <constraint>', 'only on such nodes: node.labels.disk==ssd (repeatable)', collect)
    .option('--placement-pref <preference>', 'spread=node.labels.zone (repeatable)', collect)
    .option('--replicas-max-per-node <count>', 'at most so many on one node')
    .option('--limit-cpu <cpus>', 'processors at most')
    .option('--limit-memory <bytes>', 'memory at most')
    .option('--limit-pids <count>', 'processes at most')
    .option('--reserve-cpu <cpus>', 'processors that a node must have free')
    .option('--reserve-memory <bytes>', 'memory that a node must have free')
    .option('--endpoint-mode <mode>', 'vip or dnsrr')
    .option('-l, --label <name=value>', 'label of the service (repeatable)', collect)
    .option('--container-label <name=value>', 'label of the containers (repeatable)', collect);
}

function addContainer(create: Command): void {
  create
    .option('--hostname <name>', "the containers' host name")
    .option('-u, --user <user>', 'NAME or UID[:GID]')
    .option('-w, --workdir <path>', 'directory')
    .option('--entrypoint <command>', "instead of the image's entrypoint")
    .option('--stop-signal <signal>', 'what ends the containers')
    .option('--stop-grace-period <duration>', 'how long containers may take to end')
    .option('--cap-add <capability>', 'a capability to add (repeatable)', collect)
    .option('--cap-drop <capability>', 'a capability to drop (repeatable)', collect)
    .option('--group <group>', 'a further group (repeatable)', collect)
    .option('--host <host:ip>', 'a line of /etc/hosts (repeatable)', collect)
    .option('--dns <address>', 'a name server (repeatable)', collect)
    .option('--dns-search <domain>', 'a domain that names are looked up in (repeatable)', collect)
    .option('--dns-option <option>', 'an option of resolv.conf (repeatable)', collect)
    .option('--sysctl <name=value>', 'a setting of the kernel (repeatable)', collect)
    .option('--ulimit <limit>', 'TYPE=SOFT[:HARD] (repeatable)', collect)
    .option('--init', 'an init process that reaps others')
    .option('--read-only', 'a root file system that nobody writes to')
    .option('-t, --tty', 'with a terminal')
    .option('--oom-score-adj <number>', 'how soon it ends when memory is short')
    .option('--log-driver <driver>', 'where its logs go')
    .option('--log-opt <option>', 'option of the log driver (repeatable)', collect);
  addHealthOptions(create);
}

function addUpdates(create: Command): void {
  create
    .option('--restart-condition <condition>', 'none, on-failure or any (default: any)')
    .option('--restart-delay <duration>', 'how long to wait before it starts again')
    .option('--restart-max-attempts <count>', 'how often it is started again')
    .option('--restart-window <duration>', 'in which these are counted');
  for (const kind of ['update', 'rollback'] as const) {
    create
      .option(`--${kind}-delay <duration>`, 'how long a new container is looked at before the next')
      .option(`--${kind}-failure-action <action>`, 'pause or rollback')
      .option(`--${kind}-max-failure-ratio <ratio>`, 'how many may fail')
      .option(`--${kind}-monitor <duration>`, 'for how long failures count')
      .option(`--${kind}-order <order>`, 'start-first or stop-first')
      .option(`--${kind}-parallelism <count>`, 'how many containers are changed at once; 0: all');
  }
}
