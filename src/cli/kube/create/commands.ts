import { type Command, Option } from 'commander';
import { collect, collectList } from '../../arguments.ts';
import { dryRunOption, kubeCommand } from '../flags.ts';
import type { ServiceType } from './services.ts';

/** `create KIND NAME`: objects made from flags. */
export function addCreateCommands(create: Command): void {
  addWorkloads(create);
  addDataCommands(create);
  addServices(create);
  addRoles(create);
  addPolicies(create);
  make(create, 'ingress', 'an ingress: --rule HOST/PATH=SERVICE:PORT[,tls[=SECRET]]')
    .alias('ing')
    .option('--rule <rule>', 'HOST/PATH=SERVICE:PORT[,tls[=SECRET]]; PATH* is a prefix (repeatable)', collect)
    .option('--class <name>', 'ingress class')
    .option('--default-backend <service>', 'SERVICE:PORT for what no rule matches')
    .option('--annotation <name=value>', 'annotation (repeatable)', collect)
    .action(async (words, options) => (await import('./ingress.ts')).createIngress(words, options));
  kubeCommand(create, 'token', 'a token of a service account')
    .argument('[words...]', 'NAME of the account')
    .option('--audience <audience>', 'whom it is for (repeatable)', collect)
    .option('--duration <duration>', 'how long it is good for')
    .option('--bound-object-kind <kind>', 'Node, Pod or Secret: good only as long as this object is there')
    .option('--bound-object-name <name>', 'its name')
    .option('--bound-object-uid <uid>', 'its uid')
    .option('-o, --output <format>', 'json, yaml')
    .action(async (words, options) => (await import('./token.ts')).createToken(words, options));
}

/** Flags of commands that make one object. */
export function withMakeFlags(command: Command): Command {
  return command
    .addOption(dryRunOption())
    .option('-o, --output <format>', 'json, yaml, name, jsonpath=…')
    .option('--field-manager <name>', 'whose fields these are')
    .option('--save-config', 'keep what was asked for in the annotation that apply looks at')
    .option('--show-managed-fields', 'in JSON and YAML')
    .addOption(new Option('--validate [mode]', 'of no consequence: nothing here is written by hand').hideHelp());
}

function make(parent: Command, kind: string, description: string): Command {
  return withMakeFlags(kubeCommand(parent, kind, description)).argument('[words...]', 'NAME');
}

function addWorkloads(create: Command): void {
  make(create, 'deployment', 'a deployment: NAME --image IMAGE [-- COMMAND]')
    .alias('deploy')
    .requiredOption('--image <image>', 'image (repeatable)', collectList)
    .addOption(new Option('-r, --replicas <count>', 'how many').default('1'))
    .option('--port <port>', 'port of the container')
    .action(async (words, options) => (await import('./workloads.ts')).createDeployment(words, options));
  make(create, 'job', 'a job: NAME --image IMAGE [-- COMMAND], or --from cronjob/NAME')
    .option('--image <image>', 'image')
    .option('--from <cronjob>', 'cronjob/NAME: as that one makes them')
    .action(async (words, options) => (await import('./workloads.ts')).createJob(words, options));
  make(create, 'cronjob', "a cron job: NAME --image IMAGE --schedule '*/5 * * * *' [-- COMMAND]")
    .alias('cj')
    .requiredOption('--image <image>', 'image')
    .requiredOption('--schedule <schedule>', 'when, as cron says it')
    .addOption(new Option('--restart <policy>', 'OnFailure or Never').default('OnFailure'))
    .action(async (words, options) => (await import('./workloads.ts')).createCronJob(words, options));
}

function withDataFlags(command: Command): Command {
  return command
    .option('--from-file <file>', '[KEY=]FILE or a directory of files (repeatable)', collectList)
    .option('--from-literal <key=value>', 'KEY=VALUE (repeatable)', collect)
    .option('--from-env-file <file>', 'a file of KEY=VALUE lines (repeatable)', collectList)
    .option('--append-hash', 'the name ends with a hash of the data');
}

function addDataCommands(create: Command): void {
  withDataFlags(make(create, 'configmap', 'a config map of files and values'))
    .alias('cm')
    .action(async (words, options) => (await import('./config-data.ts')).createConfigMap(words, options));
  const secret = create.command('secret').description('a secret: generic, tls or docker-registry');
  withDataFlags(make(secret, 'generic', 'a secret of files and values'))
    .option('--type <type>', 'type of the secret')
    .action(async (words, options) => (await import('./config-data.ts')).createGenericSecret(words, options));
  make(secret, 'tls', 'a secret of a certificate and its key')
    .option('--cert <file>', 'certificate, PEM')
    .option('--key <file>', 'its key, PEM')
    .option('--append-hash', 'the name ends with a hash of the data')
    .action(async (words, options) => (await import('./config-data.ts')).createTlsSecret(words, options));
  make(secret, 'docker-registry', "a registry's login, with which pods pull")
    .addOption(new Option('--docker-server <server>', 'the registry').default('https://index.docker.io/v1/'))
    .option('--docker-username <name>', 'user')
    .option('--docker-password <password>', 'password')
    .option('--docker-email <address>', 'e-mail address')
    .option('--from-file <file>', "a Docker configuration file's logins", collectList)
    .option('--append-hash', 'the name ends with a hash of the data')
    .action(async (words, options) => (await import('./config-data.ts')).createRegistrySecret(words, options));
}

function addServices(create: Command): void {
  const service = create.command('service').alias('svc').description('a service of one of the types');
  const types: ServiceType[] = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];
  for (const type of types) {
    const name = type.toLowerCase();
    const command = make(service, name, `a service of type ${type}`).option(
      '--tcp <ports>',
      'PORT[:TARGET] (repeatable)',
      collectList,
    );
    if (name === 'clusterip') command.option('--clusterip <address>', 'its address, or None');
    if (name === 'nodeport') command.option('--node-port <port>', 'port on the nodes');
    if (name === 'externalname') command.requiredOption('--external-name <name>', 'the name that it stands for');
    command.action(async (words, options) => (await import('./services.ts')).createService(type, words, options));
  }
}

function addRoles(create: Command): void {
  const withRuleFlags = (command: Command): Command =>
    command
      .option('--verb <verbs>', 'get, list, … (repeatable)', collectList)
      .option('--resource <types>', 'TYPE[.GROUP][/SUBRESOURCE] (repeatable)', collectList)
      .option('--resource-name <name>', 'only the objects of these names (repeatable)', collect);
  withRuleFlags(make(create, 'role', 'a role: what may be done in a namespace')).action(async (words, options) =>
    (await import('./roles.ts')).createRole(words, options),
  );
  withRuleFlags(make(create, 'clusterrole', 'a cluster role: what may be done anywhere'))
    .option('--non-resource-url <paths>', '/healthz, /logs/* … (repeatable)', collectList)
    .option('--aggregation-rule <labels>', 'the rules of the cluster roles with these labels')
    .action(async (words, options) => (await import('./roles.ts')).createClusterRole(words, options));
  const withSubjectFlags = (command: Command): Command =>
    command
      .option('--user <name>', 'a user (repeatable)', collect)
      .option('--group <name>', 'a group (repeatable)', collect)
      .option('--serviceaccount <account>', 'NAMESPACE:NAME (repeatable)', collect);
  withSubjectFlags(make(create, 'rolebinding', 'who has a role in a namespace'))
    .option('--clusterrole <name>', 'the cluster role')
    .option('--role <name>', 'or the role')
    .action(async (words, options) => (await import('./roles.ts')).createRoleBinding(words, options));
  withSubjectFlags(make(create, 'clusterrolebinding', 'who has a cluster role everywhere'))
    .requiredOption('--clusterrole <name>', 'the cluster role')
    .action(async (words, options) => (await import('./roles.ts')).createClusterRoleBinding(words, options));
}

function addPolicies(create: Command): void {
  make(create, 'namespace', 'a namespace')
    .alias('ns')
    .action(async (words, options) => (await import('./policies.ts')).createNamespace(words, options));
  make(create, 'serviceaccount', 'a service account')
    .alias('sa')
    .action(async (words, options) => (await import('./policies.ts')).createServiceAccount(words, options));
  make(create, 'quota', 'a resource quota')
    .alias('resourcequota')
    .option('--hard <amounts>', 'cpu=1,pods=3')
    .option('--scopes <scopes>', 'BestEffort,NotTerminating')
    .action(async (words, options) => (await import('./policies.ts')).createQuota(words, options));
  make(create, 'priorityclass', 'a priority class')
    .alias('pc')
    .addOption(new Option('--value <number>', 'the higher, the more urgent').default('0'))
    .option('--description <text>', 'what it is for')
    .option('--global-default', 'of pods that name none')
    .addOption(
      new Option('--preemption-policy <policy>', 'PreemptLowerPriority or Never').default('PreemptLowerPriority'),
    )
    .action(async (words, options) => (await import('./policies.ts')).createPriorityClass(words, options));
  make(create, 'poddisruptionbudget', 'a pod disruption budget')
    .alias('pdb')
    .option('--selector <selector>', 'labels of the pods')
    .option('--min-available <count>', 'so many, or so many percent')
    .option('--max-unavailable <count>', 'or at most so many away')
    .action(async (words, options) => (await import('./policies.ts')).createDisruptionBudget(words, options));
}
