import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { addCreateCommands, withMakeFlags } from './create/commands.ts';
import { withChangeFlags } from './changing-commands.ts';
import { dryRunOption, kubeCommand, waitOption, withFileFlags, withWriteFlags } from './flags.ts';

/** Commands that change objects. */
export function addWritingCommands(program: Command): void {
  addFileCommands(program);
  addRolloutCommands(program);
  addAutoscaleCommand(program);
  withChangeFlags(kubeCommand(program, 'scale', 'set the replicas of deployments, replica sets and stateful sets'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .requiredOption('--replicas <count>', 'how many')
    .option('--current-replicas <count>', 'only where there are so many')
    .option('--resource-version <version>', 'only while this is the version')
    .action(async (words, options) => (await import('./scale.ts')).scale(words, options));
  kubeCommand(program, 'wait', 'wait for a condition of objects')
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .requiredOption('--for <condition>', "condition=NAME[=VALUE], delete, create, or jsonpath='{PATH}'=VALUE")
    .option('-l, --selector <selector>', 'of those with these labels')
    .option('--all', 'of all of the type')
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(new Option('--timeout <duration>', 'how long; negative: a week').default('30s'))
    .action(async (words, options) => (await import('./wait.ts')).wait(words, options));
}

function addFileCommands(program: Command): void {
  const apply = withWriteFlags(withFileFlags(kubeCommand(program, 'apply', 'bring objects to what files say')));
  withFileFlags(kubeCommand(apply, 'view-last-applied', 'what was applied to objects the last time'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .option('-l, --selector <selector>', 'of those with these labels')
    .option('--all', 'of all of the type')
    .option('-o, --output <format>', 'yaml or json')
    .action(async (words, options) => (await import('./last-applied.ts')).viewLastApplied(words, options));
  withFileFlags(kubeCommand(apply, 'edit-last-applied', 'change what was applied the last time, in an editor'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .action(async (words, options) => (await import('./last-applied.ts')).editLastApplied(words, options));
  withFileFlags(kubeCommand(apply, 'set-last-applied', 'as though files had been applied, with nothing else changed'))
    .option('--create-annotation', 'also to objects to which nothing was applied')
    .addOption(dryRunOption())
    .option('-o, --output <format>', 'json, yaml, name, jsonpath=…, go-template=…')
    .action(async (options) => (await import('./last-applied.ts')).setLastApplied(options));
  apply
    .option('-k, --kustomize <directory>', 'a kustomization')
    .option('-l, --selector <selector>', 'only objects with these labels')
    .option('--server-side', 'the server merges, and knows the owners of fields')
    .option('--force-conflicts', "take other managers' fields (with --server-side)")
    .option('--prune', 'delete what was applied before and is in the files no more (with -l or --all)')
    .option('--all', 'with --prune: whatever its labels')
    .action(async (options) => (await import('./apply.ts')).apply(options));
  withWriteFlags(withFileFlags(kubeCommand(program, 'replace', 'make what is there what files say, whole')))
    .option('-k, --kustomize <directory>', 'a kustomization')
    .option('--force', 'delete it, and create it anew')
    .action(async (options) => (await import('./apply.ts')).replace(options));
  withFileFlags(kubeCommand(program, 'diff', 'what apply would change; exit code 1: something'))
    .option('-k, --kustomize <directory>', 'a kustomization')
    .option('--field-manager <name>', 'whose fields these are')
    .action(async (options) => (await import('./diff.ts')).diff(options));
  const create = withWriteFlags(withFileFlags(kubeCommand(program, 'create', 'create the objects of files')));
  addCreateCommands(create);
  create
    .option('-k, --kustomize <directory>', 'a kustomization')
    .option('-l, --selector <selector>', 'only objects with these labels')
    .action(async (options) => (await import('./apply.ts')).create(options));
  addMakingCommands(program);
}

/** Commands that make an object from flags. */
function addMakingCommands(program: Command): void {
  withMakeFlags(kubeCommand(program, 'run', 'run a pod: NAME --image IMAGE [-- ARGUMENTS]'))
    .argument('[words...]', 'NAME, then -- and the arguments')
    .requiredOption('--image <image>', 'image')
    .option('--port <port>', 'port of the container')
    .option('--env <name=value>', 'environment variable (repeatable)', collect)
    .option('-l, --labels <labels>', 'labels, divided by commas')
    .option('--command', 'what follows -- is the command')
    .option('-i, --stdin', 'then hand on the standard input')
    .option('-t, --tty', 'with a terminal')
    .option('--attach', 'then show what it prints')
    .option('--rm', 'delete the pod when it has ended')
    .option('-q, --quiet', 'print only what the container prints')
    .option('--expose', 'a service for --port as well')
    .option('--annotations <name=value>', 'annotation (repeatable)', collect)
    .option('--image-pull-policy <policy>', 'Always, IfNotPresent or Never')
    .option('--privileged', 'the container may do what the node may')
    .option('--overrides <patch>', 'a JSON merge patch for the pod')
    .addOption(new Option('--restart <policy>', 'Always, OnFailure or Never').default('Always'))
    .action(async (words, options) => (await import('./run.ts')).run(words, options));
  withMakeFlags(kubeCommand(program, 'expose', 'make a service for a workload, a pod or another service'))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .option('--port <ports>', "ports of the service (default: the containers')")
    .option('--target-port <port>', 'port of the pods, by number or name')
    .addOption(new Option('--protocol <protocol>').choices(['TCP', 'UDP', 'SCTP']).default('TCP'))
    .option('--type <type>', 'ClusterIP, NodePort or LoadBalancer')
    .option('--name <name>', 'name of the service')
    .option('--selector <selector>', 'labels of the pods')
    .option('--external-ip <address>', 'an address that leads to a node')
    .option('--cluster-ip <address>', 'address of the service, or None')
    .option('--session-affinity <affinity>', 'None or ClientIP')
    .option('--load-balancer-ip <address>', "the load balancer's address")
    .option('-l, --labels <labels>', 'labels, divided by commas (default: those of what is exposed)')
    .option('--overrides <patch>', 'a JSON merge patch for the service')
    .action(async (words, options) => (await import('./expose.ts')).expose(words, options));
}

function addAutoscaleCommand(program: Command): void {
  withMakeFlags(withFileFlags(kubeCommand(program, 'autoscale', 'scale by load: makes a horizontal pod autoscaler')))
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .requiredOption('--max <count>', 'at most so many pods')
    .option('--min <count>', 'at least so many')
    .option('--cpu-percent <percent>', 'of what pods ask for, on average')
    .option('--name <name>', "of the autoscaler (default: the workload's)")
    .action(async (words, options) => (await import('./autoscale.ts')).autoscale(words, options));
}

/** Flags of `delete` about objects. */
export function withDeleteFlags(command: Command): Command {
  return withFileFlags(command)
    .argument('[words...]', 'TYPE NAME or TYPE/NAME')
    .option('-l, --selector <selector>', 'those with these labels')
    .option('--field-selector <selector>', 'those with these fields')
    .option('--all', 'all of the type')
    .option('-A, --all-namespaces', 'in all namespaces')
    .addOption(waitOption())
    .option('--timeout <duration>', 'how long to wait')
    .option('--grace-period <seconds>', 'how long containers may take to end')
    .option('--force', 'do not wait for the node to confirm')
    .option('--now', 'a grace period of one second')
    .addOption(
      new Option('--cascade [how]', 'background, foreground or orphan: what becomes of the dependents').preset(
        'background',
      ),
    )
    .option('--ignore-not-found [true|false]', 'nothing wrong about what is not there')
    .addOption(dryRunOption())
    .option('-o, --output <format>', 'name');
}

function addRolloutCommands(program: Command): void {
  const rollout = program.command('rollout').description('watch, restart, undo and pause rollouts');
  const verbs = {
    status: 'show a rollout until it is done',
    history: 'show earlier revisions',
    undo: 'go back to an earlier revision',
    restart: 'replace the pods, one after another',
    pause: 'let changes of a deployment wait',
    resume: 'roll the changes of a paused deployment out',
  } as const;
  for (const [verb, description] of Object.entries(verbs)) {
    const command = withFileFlags(kubeCommand(rollout, verb, description))
      .argument('[words...]', 'TYPE NAME or TYPE/NAME')
      .option('-l, --selector <selector>', 'of those with these labels');
    if (verb === 'status') {
      command
        .option('-w, --watch [true|false]', 'until it is done (default: true)')
        .option('--timeout <duration>', 'how long');
    }
    if (verb === 'history') command.option('--revision <number>', 'its template');
    if (verb === 'undo') command.option('--to-revision <number>', 'default: the one before');
    command.action(async (words, options) =>
      (await import('./rollout.ts'))[verb as keyof typeof verbs](words, options),
    );
  }
}
