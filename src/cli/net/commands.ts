import { type Command, Option } from 'commander';

/** The cluster's network, looked at. */
export function addNetCommands(program: Command): void {
  const net = program.command('net').description('look at the network of a cluster');
  net
    .command('trace')
    .argument('<from>', 'a pod (web-0, shop/web-0, deploy/web), or host')
    .argument('<to>', 'a service, pod, name or address, and its port: web, web.shop:80, svc/web:http, pod/web-0:5000')
    .description('say step by step what a connection meets, and why it does not come about')
    .option('-n, --namespace <name>', "whose short names are meant (default: the context's)")
    .addOption(new Option('--context <name>', 'kubeconfig context (default: the current one)'))
    .addOption(new Option('--protocol <name>', "default: as the service's port says, else tcp").choices(['tcp', 'udp']))
    .addOption(new Option('-o, --output <format>', 'print data in this format').choices(['json']))
    .action(async (from, to, options) => (await import('./trace.ts')).trace(from, to, options));
  // Run by `trace` in the network of a pod: the request comes on standard input.
  net.command('probe', { hidden: true }).action(async () => (await import('./probe.ts')).probe());
}
