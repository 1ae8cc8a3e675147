import { type Command, Option } from 'commander';
import { algorithms } from '../../api/load-balancing.ts';
import { collect } from '../arguments.ts';

const outputFormat = (): Option => new Option('-o, --output <format>', 'print data in this format').choices(['json']);
const context = (): Option => new Option('--context <name>', 'kubeconfig context (default: the current one)');
const namespace = (): Option => new Option('-n, --namespace <name>', "the service's (default: the context's)");

/** Load balancers: how services of type LoadBalancer spread their connections. */
export function addLbCommands(program: Command): void {
  const lb = program.command('lb').description('load balancers, and how they spread connections');
  lb.command('list')
    .description('list the load balancers of a cluster')
    .option('-n, --namespace <name>', 'of this namespace only')
    .addOption(context())
    .addOption(outputFormat())
    .action(async (options) => (await import('./show.ts')).list(options));
  lb.command('show')
    .argument('<service>', 'name of the service')
    .description('show the endpoints of a load balancer and the share of each')
    .addOption(namespace())
    .addOption(context())
    .addOption(outputFormat())
    .action(async (name, options) => (await import('./show.ts')).show(name, options));
  lb.command('set')
    .argument('<service>', 'name of the service')
    .description('set how connections are spread, and where they come in')
    .addOption(namespace())
    .addOption(context())
    .addOption(new Option('--algorithm <name>', 'how connections are spread').choices([...algorithms]))
    .option('--weight <name:weight>', 'of a pod, or of a label: version=v1:90 (may come more than once)', collect, [])
    .option('--host-port <spec>', '[HOST-IP:]PORT:SERVICE-PORT[/udp], or none (may come more than once)', collect, [])
    .action(async (name, options) => (await import('./set.ts')).set(name, options));
}
