import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { addAskingCommands } from './asking-commands.ts';
import { addConfigCommands } from './config/commands.ts';
import { addChangingCommands } from './changing-commands.ts';
import { kubeCommand, withFileFlags } from './flags.ts';
import { addToolCommands } from './tool-commands.ts';
import { addWritingCommands } from './writing-commands.ts';

/** kubectl's commands, for who has no kubectl: its flags, its output, its messages. */
export function addKubeCommands(program: Command): void {
  addReadingCommands(program);
  addPodCommands(program);
  addToolCommands(program);
  addWritingCommands(program);
  addChangingCommands(program);
  addAskingCommands(program);
  addConfigCommands(program);
}

function addReadingCommands(program: Command): void {
  withFileFlags(kubeCommand(program, 'get', 'show objects: TYPE[,TYPE] [NAME…] or TYPE/NAME …'))
    .argument('[words...]', 'pods; deploy,svc; pod/web')
    .option('-o, --output <format>', 'wide, json, yaml, name, jsonpath=…, custom-columns=…, go-template=…')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-l, --selector <selector>', 'only those with these labels')
    .option('--field-selector <selector>', 'only those with these fields')
    .option('--sort-by <path>', 'sort by the field at this JSONPath')
    .option('--show-labels', 'a column with all labels')
    .option('-L, --label-columns <labels>', 'a column for each of these labels', collect)
    .option('--no-headers', 'no headers')
    .option('--show-kind', 'names begin with their type')
    .option('--ignore-not-found', 'nothing wrong about what is not there')
    .option('--show-managed-fields', 'in JSON and YAML')
    .option('--template <template>', 'of -o go-template')
    .option('--subresource <name>', 'status, scale or resize of a named object')
    .option('--raw <path>', 'what the server answers at this path')
    .option('-w, --watch', 'then go on, with what changes')
    .option('--watch-only', 'only what changes')
    .option('--output-watch-events', 'a column with what happened')
    .addOption(new Option('--chunk-size <count>', 'objects of one request').default('500'))
    .action(async (words, options) => (await import('./get.ts')).get(words, options));
  withFileFlags(kubeCommand(program, 'describe', 'tell everything about objects'))
    .argument('[words...]', 'TYPE [NAME] or TYPE/NAME')
    .option('-l, --selector <selector>', 'of those with these labels')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--show-events [true|false]', 'what happened to them (default: true)')
    .addOption(new Option('--chunk-size <count>', 'objects of one request').default('500'))
    .action(async (words, options) => (await import('./describe.ts')).describe(words, options));
  kubeCommand(program, 'events', 'show what happened')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--for <object>', 'to TYPE/NAME')
    .option('--types <types>', 'Normal, Warning')
    .option('-w, --watch', 'and what goes on to happen')
    .option('--no-headers', 'no headers')
    .option('-o, --output <format>', 'json, yaml, name')
    .action(async (options) => (await import('./events.ts')).events(options));
  addTopCommands(program);
}

function addTopCommands(program: Command): void {
  const top = program.command('top').description('show what pods and nodes use');
  for (const [kind, alias] of [
    ['pod', 'pods'],
    ['node', 'nodes'],
  ] as const) {
    const command = kubeCommand(top, kind, `what ${alias} use of CPU and memory`)
      .alias(alias)
      .argument('[name]')
      .option('-l, --selector <selector>', 'only those with these labels')
      .addOption(new Option('--sort-by <what>', 'the largest first').choices(['cpu', 'memory']))
      .option('--no-headers', 'no headers');
    if (kind === 'pod')
      command.option('-A, --all-namespaces', 'of all namespaces').option('--containers', 'each container');
    command.action(async (name, options) => {
      const { topNodes, topPods } = await import('./top.ts');
      return kind === 'pod' ? topPods(name, options) : topNodes(name, options);
    });
  }
}

function addPodCommands(program: Command): void {
  kubeCommand(program, 'logs', 'print the logs of containers')
    .argument('[target]', 'POD or TYPE/NAME')
    .argument('[container]')
    .option('-f, --follow', 'go on as the log grows')
    .option('-c, --container <name>', 'print the logs of this container')
    .option('--all-containers', "all of the pod's containers")
    .option('--all-pods', 'all pods of TYPE/NAME')
    .option('-l, --selector <selector>', 'of the pods with these labels')
    .option('--tail <lines>', 'only the last lines (default: all; with -l: 10)')
    .option('--since <duration>', 'only what is newer than 5s, 2m or 3h')
    .option('--since-time <time>', 'only what is newer than this time (RFC 3339)')
    .option('-p, --previous', "of the container's last life")
    .option('--timestamps', 'begin lines with their time')
    .option('--prefix', 'begin lines with pod and container')
    .option('--limit-bytes <bytes>', 'at most so much')
    .option('--ignore-errors', 'go on with the others when one log breaks')
    .addOption(new Option('--max-log-requests <count>', 'how many logs to follow at once').default('5'))
    .action(async (target, container, options) => (await import('./logs.ts')).logs(target, container, options));
  kubeCommand(program, 'exec', 'run a command in a container')
    .argument('[words...]', 'POD or TYPE/NAME, then -- and the command')
    .option('-i, --stdin', 'hand on the standard input')
    .option('-t, --tty', 'with a terminal')
    .option('-c, --container <name>', 'in this container')
    .option('-q, --quiet', 'print only what the command prints')
    .action(async (words, options) => (await import('./exec.ts')).exec(words, options));
  kubeCommand(program, 'attach', 'connect with what runs in a container')
    .argument('<target>', 'POD or TYPE/NAME')
    .option('-i, --stdin', 'hand on the standard input')
    .option('-t, --tty', 'with a terminal')
    .option('-c, --container <name>', 'with this container')
    .option('-q, --quiet', 'print only what the container prints')
    .action(async (target, options) => (await import('./exec.ts')).attach(target, options));
  kubeCommand(program, 'cp', 'copy files and directories to and from containers')
    .argument('<from>', 'PATH or [NAMESPACE/]POD:PATH')
    .argument('<to>', 'PATH or [NAMESPACE/]POD:PATH')
    .option('-c, --container <name>', 'of this container')
    .action(async (from, to, options) => (await import('./cp.ts')).cp(from, to, options));
  kubeCommand(program, 'port-forward', 'forward ports of this machine to a pod')
    .argument('<target>', 'POD or TYPE/NAME')
    .argument('<ports...>', '[LOCAL:]REMOTE')
    .addOption(new Option('--address <addresses>', 'where to listen').default('localhost'))
    .action(async (target, ports, options) => (await import('./port-forward.ts')).portForward(target, ports, options));
}
