import { type Command, Option } from 'commander';
import { port } from '../arguments.ts';

const clusterName = (): Option => new Option('--name <name>', 'which cluster').default('dev').env('TIMONEL_CLUSTER');
const outputFormat = (): Option => new Option('-o, --output <format>', 'print data in this format').choices(['json']);

/** The cluster's own registry, and images to and from any other. */
export function addRegistryCommands(program: Command): void {
  const registry = program.command('registry').description("the cluster's own image registry");
  registry
    .command('up')
    .description('start it (it then starts with the cluster), with every node trusting it')
    .addOption(clusterName())
    .option('--port <port>', 'port on localhost (default: the first free one from 5000)', port)
    .action(async (options) => (await import('./registry.ts')).up(options));
  registry
    .command('ls')
    .description('list its images')
    .addOption(clusterName())
    .addOption(outputFormat())
    .action(async (options) => (await import('./registry.ts')).list(options));
  registry
    .command('rm')
    .argument('<images...>', 'repository, repository:tag or repository@digest')
    .description('remove images; `gc` then frees their space')
    .addOption(clusterName())
    .action(async (images, options) => (await import('./registry.ts')).remove(images, options));
  registry
    .command('gc')
    .description('free the space of what no tag names any more')
    .addOption(clusterName())
    .action(async (options) => (await import('./registry.ts')).collect(options));
  registry
    .command('login-info')
    .description('print the user name and password for other programs (docker login, podman login)')
    .addOption(clusterName())
    .addOption(outputFormat())
    .action(async (options) => (await import('./registry.ts')).loginInfo(options));
  addTransferCommands(program);
}

function addTransferCommands(program: Command): void {
  program
    .command('login')
    .argument('[registry]', 'host, or host:port', 'docker.io')
    .description("log in to a registry; the login is kept in Docker's configuration")
    .option('-u, --username <name>', 'user name')
    .option('-p, --password <password>', 'password (seen in the list of processes: better --password-stdin)')
    .option('--password-stdin', 'read the password from standard input')
    .option('--insecure', 'speak HTTP, or do not check the certificate')
    .option('--pull-secret', 'also let the pods of a namespace pull with it: a secret on its default service account')
    .option('-n, --namespace <name>', 'namespace of the pull secret (default: the context’s)')
    .option('--context <name>', 'kubeconfig context of the pull secret')
    .action(async (registry, options) => (await import('./login.ts')).login(registry, options));
  program
    .command('logout')
    .argument('[registry]', 'host, or host:port', 'docker.io')
    .description('forget the login to a registry')
    .action(async (registry) => (await import('./login.ts')).logout(registry));
  program
    .command('push')
    .argument('<image>', 'an image of the cluster (`timonel image list`)')
    .argument('[destination]', 'its name in the registry (default: its own)')
    .description('push an image to a registry')
    .addOption(clusterName())
    .option('--insecure', 'speak HTTP, or do not check the certificate')
    .action(async (image, destination, options) => (await import('./transfer.ts')).push(image, destination, options));
  program
    .command('pull')
    .argument('<image>', 'its name, with the registry')
    .description('pull an image from a registry into every node')
    .addOption(clusterName())
    .option('--insecure', 'speak HTTP, or do not check the certificate')
    .action(async (image, options) => (await import('./transfer.ts')).pull(image, options));
  program
    .command('tag')
    .argument('<image>', 'an image of the cluster')
    .argument('<name>', 'another name for it')
    .description('give an image of the cluster another name')
    .addOption(clusterName())
    .action(async (image, name, options) => (await import('./transfer.ts')).tag(image, name, options));
}
