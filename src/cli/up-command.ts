import { type Command, Option } from 'commander';
import {
  evictionHard,
  ipFamilies,
  ipv4Range,
  nodeCount,
  percent,
  port,
  portRange,
  seconds,
  serviceAddress,
} from './arguments.ts';

/** The flag that names a cluster. */
export const clusterName = (): Option =>
  new Option('--name <name>', 'which cluster').default('dev').env('TIMONEL_CLUSTER');

/** The flag of commands that also print data. */
export const outputFormat = (): Option =>
  new Option('-o, --output <format>', 'print data in this format').choices(['json']);

/** Declares `up`. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('start a cluster (or what of it is not running) and select it in the kubeconfig')
    .addOption(clusterName())
    .option('--nodes <count>', 'how many nodes a new cluster gets (default: 2)', nodeCount)
    .addOption(
      new Option('--runtime <kind>', 'real containers, or pods in memory only (default: containerd)').choices([
        'containerd',
        'simulated',
      ]),
    )
    .option('--port <port>', 'port of the API server on 127.0.0.1 (default: the first free one from 6443)', port)
    .option('--node-grace <seconds>', 'how long a silent node counts as alive (default: 2; upstream: 40)', seconds)
    .option('--eviction-after <seconds>', 'when pods leave a lost node (default: 2; upstream: 300)', seconds)
    .option('--eviction-hard <thresholds>', 'end pods when less of memory or disk is left', evictionHard)
    .option(
      '--image-gc-high-threshold <percent>',
      'fullness at which unused images go (default: 85; 100: never)',
      percent,
    )
    .option('--image-gc-low-threshold <percent>', 'fullness down to which they go (default: 80)', percent)
    .option('--lb-pool <cidr>', 'addresses of load balancers (default: the first free 10.90.N.0/24)', ipv4Range)
    .option('--no-ingress', 'a new cluster leaves ingresses to others')
    .option('--ingress-http-port <port>', 'of ingresses on localhost (default: 80, or the first free from 8080)', port)
    .option('--ingress-https-port <port>', 'the same for TLS (default: 443, or the first free from 8443)', port)
    .option('--ingress-class <name>', 'name of the default ingress class (default: timonel)')
    .option('--ingress-default-backend <service>', 'NAMESPACE/SERVICE:PORT for what no rule matches', serviceAddress)
    .option(
      '--ip-families <families>',
      'of pods and services: ipv4 (default), ipv6, ipv4,ipv6 or ipv6,ipv4',
      ipFamilies,
    )
    .option('--node-ports <range>', 'node ports of services (default: 30000-32767)', portRange)
    .addOption(outputFormat())
    .action(async (options) => (await import('./up.ts')).up(options));
}
