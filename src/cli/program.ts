import { Argument, type Command, Option } from 'commander';
import { addBuildCommand } from './build-command.ts';
import { collect, port } from './arguments.ts';
import { addDnsCommands } from './dns/commands.ts';
import { kubeCommand, withClusterFlags } from './kube/flags.ts';
import type { KubeCommand } from './kube/kube-command.ts';
import { addKubeCommands } from './kube/commands.ts';
import { withDeleteFlags } from './kube/writing-commands.ts';
import { addIngressCommands } from './ingress/commands.ts';
import { addLbCommands } from './lb/commands.ts';
import { addNetCommands } from './net/commands.ts';
import { addChartCommands } from './chart/commands.ts';
import { addComposeCommands } from './compose/commands.ts';
import { programFrame, withHelp } from './program-frame.ts';
import { addRegistryCommands } from './registry/commands.ts';
import { addShipCommands } from './ship/commands.ts';
import { addStackCommands, addSwarmNodeCommands, withListing } from './stack/commands.ts';
import { addUpCommand, clusterName, outputFormat } from './up-command.ts';

interface Group {
  /** The commands that it declares, as a command line can begin. */
  commands: string;
  declare(program: Command, version: string): void;
}

/** In the order of the help. */
const groups: readonly Group[] = [
  { commands: 'up down delete status kubeconfig', declare: addClusterCommands },
  { commands: 'node', declare: addNodeCommands },
  { commands: 'image', declare: addImageCommands },
  { commands: 'build', declare: addBuildCommand },
  { commands: 'registry login logout push pull tag', declare: addRegistryCommands },
  { commands: 'lb', declare: addLbCommands },
  { commands: 'ingress', declare: addIngressCommands },
  { commands: 'dns', declare: addDnsCommands },
  { commands: 'net', declare: addNetCommands },
  { commands: 'chart', declare: addChartCommands },
  { commands: 'compose', declare: addComposeCommands },
  { commands: 'ship kustomize init ci', declare: addShipCommands },
  { commands: 'stack service', declare: addStackCommands },
  {
    commands: `get describe events top logs exec attach debug cp port-forward proxy apply replace diff create run expose rollout
      autoscale scale wait label annotate patch edit set cordon uncordon drain taint api-resources api-versions explain
      auth certificate config cluster-info`,
    declare: addKubeCommands,
  },
  { commands: 'server agent', declare: addProcessCommands },
  { commands: 'doctor version completion help', declare: addOtherCommands },
];

/** These are about all commands. */
const needAll = ['completion', 'help'];

/**
 * The commands with their flags: all of them, or those of the group that has `command`, which is all that a command line
 * needs that begins with it. What a command does is loaded when it runs, so that every other one answers at once.
 */
export function createProgram(version: string, command?: string): Command {
  const program = programFrame(version);
  for (const group of groupsOf(command)) group.declare(program, version);
  return withHelp(program);
}

function groupsOf(command: string | undefined): readonly Group[] {
  if (command === undefined || needAll.includes(command)) return groups;
  const group = groups.find(({ commands }) => commands.split(/\s+/).includes(command));
  return group ? [group] : groups;
}

function addClusterCommands(program: Command): void {
  addUpCommand(program);
  program
    .command('down')
    .description('stop a cluster and keep its data')
    .addOption(clusterName())
    .action(async (options) => (await import('./down.ts')).down(options));
  withDeleteFlags(
    kubeCommand(
      program,
      'delete',
      'without words: stop a cluster, remove its data and kubeconfig entries; with words: delete objects',
    ).addOption(clusterName()),
  ).action(async (words, options, command: KubeCommand) => {
    // Deleting a cluster must never be what came of a mistyped command about objects.
    const isAboutObjects =
      words.length > 0 || command.hasSwitchedOff || optionsGiven(command).some((option) => option !== 'name');
    if (isAboutObjects) return (await import('./kube/delete.ts')).deleteObjects(words, options);
    return (await import('./down.ts')).deleteCluster(options);
  });
  program
    .command('status')
    .description('show the clusters of this machine and what runs of them')
    .addOption(new Option('--name <name>', 'only this cluster'))
    .addOption(outputFormat())
    .action(async (options) => (await import('./status.ts')).status(options));
  program
    .command('kubeconfig')
    .description("print a cluster's kubeconfig")
    .addOption(clusterName())
    .option('--path', 'print where its file is instead')
    .action(async (options) => (await import('./kubeconfig.ts')).kubeconfig(options));
}

function optionsGiven(command: Command): string[] {
  return Object.keys(command.opts()).filter((option) => command.getOptionValueSource(option) === 'cli');
}

function addNodeCommands(program: Command): void {
  const node = program.command('node').description('add, stop, kill and remove nodes');
  node
    .command('list')
    .alias('ls')
    .description('list the nodes of a cluster and their processes')
    .addOption(clusterName())
    .addOption(outputFormat())
    .action(async (options) => (await import('./node.ts')).listNodes(options));
  node
    .command('add')
    .argument('[node]', 'its name (default: the next free one)')
    .description('add a node and start it')
    .addOption(clusterName())
    .action(async (name, options) => (await import('./node.ts')).addNode(name, options));
  withClusterFlags(node.command('update'))
    .argument('<node>', 'its name')
    .description('let a node take pods, take no more, or hand them over; and its labels')
    .addOption(new Option('--availability <how>', 'whether it takes pods').choices(['active', 'pause', 'drain']))
    .option('--label-add <name=value>', 'set a label (repeatable)', collect, [])
    .option('--label-rm <name>', 'take a label away (repeatable)', collect, [])
    .action(async (name, options) => (await import('./kube/availability.ts')).updateNode(name, options));
  withListing(node.command('ps'))
    .argument('<node>', 'its name')
    .description("list a node's tasks of stacks")
    .action(async (name, options) => (await import('./stack/stacks.ts')).listTasks({ node: name }, options));
  addSwarmNodeCommands(node);
  const verbs = {
    stop: 'stop a node in an orderly way: its containers end',
    start: 'start a stopped or killed node again',
    kill: 'SIGKILL everything on a node: a power failure',
    remove: 'stop a node and remove it for good',
  } as const;
  for (const [verb, description] of Object.entries(verbs)) {
    const command = node.command(verb);
    if (verb === 'remove') command.alias('rm');
    command
      .argument('<node>', 'its name, as `timonel node list` shows it')
      .description(description)
      .addOption(clusterName())
      .action(async (name, options) => (await import('./node.ts')).nodeVerb(verb as keyof typeof verbs, name, options));
  }
}

function addImageCommands(program: Command): void {
  const image = program.command('image').description('bring images to the nodes without a registry');
  image
    .command('import')
    .argument('<archive>', 'an OCI or Docker archive, or the tar of a root file system')
    .argument('[name]', 'image name (needed for a root file system, optional else)')
    .description('import an image into every node')
    .addOption(clusterName())
    .option('--command <words>', 'command of an image made from a root file system')
    .action(async (archive, name, options) => (await import('./image.ts')).importImage(archive, name, options));
  image
    .command('list')
    .description('list the images on the nodes')
    .addOption(clusterName())
    .addOption(outputFormat())
    .action(async (options) => (await import('./image.ts')).listImages(options));
  image
    .command('rm')
    .alias('remove')
    .argument('<name...>', 'image names')
    .description('remove images from the nodes, and from what later nodes are given')
    .addOption(clusterName())
    .option('-f, --force', 'also what containers use; they run on')
    .action(async (names, options) => (await import('./image-removal.ts')).removeImages(names, options));
  image
    .command('prune')
    .description('remove images that builds have left without a name, or all that nobody uses')
    .addOption(clusterName())
    .option('-a, --all', 'also those with a name that no container and no workload has')
    .option('-f, --force', 'do not ask')
    .option('--filter <filter>', 'until=TIME: a time, or how long ago (24h); may be repeated', collect)
    .action(async (options) => (await import('./image-removal.ts')).pruneImages(options));
  image
    .command('base')
    .argument('[name]', 'image name')
    .description("make a base image from the machine's own Debian mirror, where no registry answers")
    .addOption(clusterName())
    .option('--include <packages>', 'Debian packages to install, separated by commas')
    .option('--busybox', 'a small one of busybox alone')
    .action(async (name, options) => (await import('./image.ts')).makeBaseImage(name, options));
}

function addProcessCommands(program: Command): void {
  program
    .command('server')
    .description('run the control plane, or one part of it, in the foreground')
    .addOption(clusterName())
    .addOption(
      new Option('--only <part>', 'one part alone, against the API server of --kubeconfig').choices([
        'apiserver',
        'controllers',
        'scheduler',
      ]),
    )
    .option('--kubeconfig <file>', 'the API server to work with (controllers, scheduler)')
    .option('--data <directory>', 'data directory')
    .option('--port <port>', 'port of the API server', port)
    .option('--leader-elect', 'wait for leadership before acting')
    .action(async (options) => (await import('./server.ts')).server(options));
  program
    .command('agent')
    .description('run a node (kubelet and service proxy) in the foreground')
    .option('--kubeconfig <file>', 'the API server to register with')
    .option('--node-name <name>', 'name of the node (default: the host name)')
    .option('--data <directory>', 'data directory', '/var/lib/timonel/agent')
    .option('--containerd <socket>', 'socket of a running containerd')
    .action(async (options) => (await import('./agent.ts')).agent(options));
}

function addOtherCommands(program: Command, version: string): void {
  program
    .command('doctor')
    .description('say what this host lacks, and the line that installs it')
    .addOption(outputFormat())
    .action(async (options) => (await import('./doctor.ts')).doctor(options));
  program
    .command('version')
    .description('print the version')
    .addOption(outputFormat())
    .action((options: { output?: string }) => {
      process.stdout.write(options.output === 'json' ? `${JSON.stringify({ version })}\n` : `timonel ${version}\n`);
    });
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .description('print a completion script for a shell')
    .action(async (shell) => (await import('./completion.ts')).completion(program, shell));
  program
    .command('help')
    .argument('[command...]', 'such as `up` or `node add`')
    .description('say how to use a command')
    .action((path: string[]) => helpOf(program, path));
}

function helpOf(program: Command, path: readonly string[]): void {
  let at = program;
  for (const name of path) {
    const inner = at.commands.find((command) => command.name() === name);
    if (!inner) program.error(`error: unknown command '${path.join(' ')}'`);
    at = inner;
  }
  at.outputHelp();
}
