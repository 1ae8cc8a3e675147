import { type Command, Option } from 'commander';
import { lineCount } from '../arguments.ts';

const clusterName = (): Option => new Option('--name <name>', 'which cluster').default('dev').env('TIMONEL_CLUSTER');
const outputFormat = (): Option => new Option('-o, --output <format>', 'print data in this format').choices(['json']);

/** Ingresses: what is served, who asked for what, and which annotations are understood. */
export function addIngressCommands(program: Command): void {
  const ingress = program.command('ingress').description('routes from the host to services, and who used them');
  ingress
    .command('list')
    .description('list the routes of a cluster, and where they lead')
    .option('-n, --namespace <name>', 'of this namespace only')
    .option('--context <name>', 'kubeconfig context (default: the current one)')
    .addOption(outputFormat())
    .action(async (options) => (await import('./list.ts')).list(options));
  ingress
    .command('logs')
    .description('show the requests that came in: client, time, request, status, bytes, ms, service, endpoint')
    .addOption(clusterName())
    .option('-f, --follow', 'go on with what comes')
    .option('--tail <lines>', 'only the last ones', lineCount)
    .action(async (options) => (await import('./logs.ts')).logs(options));
  ingress
    .command('annotations')
    .description('show which annotations of ingress-nginx have what effect')
    .addOption(outputFormat())
    .action(async (options) => (await import('./annotations.ts')).annotations(options));
}
