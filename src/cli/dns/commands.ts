import { type Command, Option } from 'commander';

const clusterName = (): Option => new Option('--name <name>', 'which cluster').default('dev').env('TIMONEL_CLUSTER');

/** Names of the cluster, for the host: asked one by one, or by every program. */
export function addDnsCommands(program: Command): void {
  const dns = program
    .command('dns')
    .argument('[host]', 'a name: web, web.shop, _http._tcp.web.shop.svc.cluster.local, 10.96.0.1')
    .argument('[type]', 'record type (default: A and AAAA, or PTR for an address)')
    .description('ask for names of a cluster, or let the host resolve them')
    .addOption(clusterName())
    .option('-n, --namespace <name>', 'whose short names are meant', 'default')
    .addOption(new Option('-o, --output <format>', 'print data in this format').choices(['json']))
    .action(async (name, type, options) => {
      const commands = await import('./dns.ts');
      await (name === undefined ? commands.explain(options) : commands.ask(name, type, options));
    });
  dns
    .command('on')
    .description("let the host's programs resolve the cluster's names, until `off`, `down` or `delete`")
    .action(async (_, command: Command) => (await import('./dns.ts')).turnOn(command.optsWithGlobals()));
  dns
    .command('off')
    .description('take that back')
    .action(async (_, command: Command) => (await import('./dns.ts')).turnOff(command.optsWithGlobals()));
}
