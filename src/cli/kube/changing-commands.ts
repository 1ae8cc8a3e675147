import { type Command, Option } from 'commander';
import { collect, collectList } from '../arguments.ts';
import { dryRunOption, kubeCommand, withFileFlags } from './flags.ts';

/** Commands that change what is there: labels, fields, images, nodes. */
export function addChangingCommands(program: Command): void {
  addMapCommands(program);
  withChangeFlags(kubeCommand(program, 'patch', 'change fields of objects'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .option('-p, --patch <patch>', 'in JSON or YAML')
    .option('--patch-file <file>', 'a file with it')
    .addOption(new Option('--type <type>', 'of the patch: strategic, merge or json').default('strategic'))
    .option('--subresource <name>', 'status, scale or resize')
    .action(async (words, options) => (await import('./patch.ts')).patch(words, options));
  withFileFlags(kubeCommand(program, 'edit', 'change objects in an editor: $KUBE_EDITOR, $EDITOR or vi'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .option('-l, --selector <selector>', 'those with these labels')
    .action(async (words, options) => (await import('./edit.ts')).edit(words, options));
  addSetCommands(program);
  addNodeCommands(program);
  const certificate = program.command('certificate').description('decide certificate signing requests');
  for (const [name, description] of [
    ['approve', 'let the signer sign them'],
    ['deny', 'let nobody sign them'],
  ] as const) {
    withFileFlags(kubeCommand(certificate, name, description))
      .argument('[names...]')
      .option('--force', 'even when they are decided already')
      .option('-o, --output <format>', 'json, yaml, name')
      .action(async (names, options) => (await import('./certificate.ts'))[name](names, options));
  }
}

/** Flags of commands that change objects which are there. */
export function withChangeFlags(command: Command): Command {
  return withFileFlags(command)
    .option('-l, --selector <selector>', 'those with these labels')
    .option('--field-selector <selector>', 'those with these fields')
    .option('--all', 'all of the type')
    .option('-A, --all-namespaces', 'in all namespaces')
    .addOption(dryRunOption())
    .option('--field-manager <name>', 'whose fields these are')
    .option('-o, --output <format>', 'json, yaml, name, jsonpath=…, go-template=…')
    .option('--show-managed-fields', 'in JSON and YAML');
}

function addMapCommands(program: Command): void {
  for (const [name, what] of [
    ['label', 'labels'],
    ['annotate', 'annotations'],
  ] as const) {
    withChangeFlags(kubeCommand(program, name, `set ${what} of objects, and take them away`))
      .argument('[words...]', 'TYPE NAME KEY=VALUE KEY- …')
      .option('--overwrite [true|false]', 'even where there is another value')
      .option('--list', `print the ${what}`)
      .option('--resource-version <version>', 'only while this is the version')
      .action(async (words, options) => (await import('./label.ts'))[name](words, options));
  }
}

function addSetCommands(program: Command): void {
  const set = program.command('set').description('change images, variables and resources of workloads');
  const containers = new Option('-c, --containers <names>', 'of which containers (* stands for any letters)').default(
    '*',
  );
  withChangeFlags(kubeCommand(set, 'image', 'which images run'))
    .argument('[words...]', 'TYPE/NAME CONTAINER=IMAGE … (*: all containers)')
    .action(async (words, options) => (await import('./set.ts')).setImage(words, options));
  withChangeFlags(kubeCommand(set, 'env', 'environment variables'))
    .argument('[words...]', 'TYPE/NAME NAME=VALUE NAME- …')
    .addOption(containers)
    .option('--list', 'print them')
    .option('--from <object>', 'configmap/NAME or secret/NAME: a variable for each key')
    .option('--keys <keys>', 'only for these keys (with --from)', collectList)
    .option('--prefix <text>', 'what their names begin with (with --from)')
    .option('--overwrite [true|false]', 'even where there is another value (default: true)')
    .action(async (words, options) => (await import('./set-env.ts')).setEnv(words, options));
  withChangeFlags(kubeCommand(set, 'resources', 'limits and requests'))
    .argument('[words...]', 'TYPE/NAME')
    .addOption(containers)
    .option('--limits <amounts>', 'cpu=500m,memory=1Gi')
    .option('--requests <amounts>', 'the same')
    .action(async (words, options) => (await import('./set.ts')).setResources(words, options));
  withChangeFlags(kubeCommand(set, 'serviceaccount', 'as which account pods run').alias('sa'))
    .argument('[words...]', 'TYPE/NAME ACCOUNT')
    .action(async (words, options) => (await import('./set.ts')).setServiceAccount(words, options));
  withChangeFlags(kubeCommand(set, 'selector', 'which pods a service leads to'))
    .argument('[words...]', 'TYPE/NAME KEY=VALUE,…')
    .action(async (words, options) => (await import('./set.ts')).setSelector(words, options));
  withChangeFlags(kubeCommand(set, 'subject', 'whom a binding is about: adds users, groups, accounts'))
    .argument('[words...]', 'TYPE/NAME')
    .option('--user <name>', 'a user (repeatable)', collect)
    .option('--group <name>', 'a group (repeatable)', collect)
    .option('--serviceaccount <account>', 'NAMESPACE:NAME (repeatable)', collect)
    .action(async (words, options) => (await import('./set.ts')).setSubject(words, options));
}

function addNodeCommands(program: Command): void {
  for (const [name, description] of [
    ['cordon', 'let a node take no more pods'],
    ['uncordon', 'let a node take pods again'],
  ] as const) {
    kubeCommand(program, name, description)
      .argument('[nodes...]')
      .option('-l, --selector <selector>', 'nodes with these labels')
      .addOption(dryRunOption())
      .action(async (nodes, options) => (await import('./node-commands.ts'))[name](nodes, options));
  }
  kubeCommand(program, 'drain', 'let a node take no more pods, and evict those that it has')
    .argument('[nodes...]')
    .option('-l, --selector <selector>', 'nodes with these labels')
    .option('--pod-selector <selector>', 'only pods with these labels')
    .option('--ignore-daemonsets', 'pods of daemon sets stay')
    .option('--delete-emptydir-data', 'pods with data in emptyDir volumes go as well')
    .option('--force', 'pods without a controller go as well')
    .addOption(
      new Option('--grace-period <seconds>', "how long containers may take to end (-1: the pod's)").default('-1'),
    )
    .addOption(new Option('--timeout <duration>', 'how long to wait (0: ten minutes)').default('0s'))
    .addOption(dryRunOption())
    .action(async (nodes, options) => (await import('./drain.ts')).drain(nodes, options));
  withChangeFlags(kubeCommand(program, 'taint', 'keep pods away from nodes that do not tolerate it'))
    .argument('[words...]', 'nodes NAME KEY=VALUE:EFFECT KEY:EFFECT- …')
    .option('--overwrite', 'even where there is one already')
    .action(async (words, options) => (await import('./node-commands.ts')).taint(words, options));
}
