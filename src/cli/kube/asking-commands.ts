import { type Command, Option } from 'commander';
import { collectList } from '../arguments.ts';
import { kubeCommand } from './flags.ts';

/** Commands that ask the server what it has, and what one may do. */
export function addAskingCommands(program: Command): void {
  kubeCommand(program, 'api-resources', 'the types that the server knows')
    .option('--api-group <group>', 'only of this group')
    .option('--namespaced [true|false]', 'only those in namespaces, or only the others')
    .option('--verbs <verbs>', 'only those that can do all of these')
    .option('--categories <categories>', 'only of these categories')
    .option('--no-headers', 'no headers')
    .option('-o, --output <format>', 'wide, name')
    .option('--sort-by <what>', 'name or kind')
    .action(async (options) => (await import('./api-resources.ts')).apiResources(options));
  kubeCommand(program, 'api-versions', 'the versions of the API that the server knows').action(async (options) =>
    (await import('./api-resources.ts')).apiVersions(options),
  );
  kubeCommand(program, 'explain', 'what the fields of a type mean: TYPE[.FIELD…]')
    .argument('[words...]', 'pods.spec.containers')
    .option('--recursive', 'the fields of all fields')
    .addOption(new Option('--api-version <version>', 'of this version of the API, such as apps/v1'))
    .action(async (words, options) => (await import('./explain.ts')).explain(words, options));
  const auth = program.command('auth').description('ask what one may do');
  kubeCommand(auth, 'can-i', 'whether one may: VERB TYPE[/NAME], or VERB /PATH')
    .argument('[words...]')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--subresource <name>', 'log, exec …')
    .option('-q, --quiet', 'only the exit code')
    .option('--list', 'everything that one may do')
    .option('--no-headers', 'no headers')
    .action(async (words, options) => (await import('./auth.ts')).canI(words, options));
  kubeCommand(auth, 'whoami', 'who the server takes one for')
    .option('-o, --output <format>', 'json, yaml, jsonpath=…')
    .action(async (options) => (await import('./auth.ts')).whoAmI(options));
  const info = kubeCommand(program, 'cluster-info', 'where the control plane and the services of the cluster are');
  info.action(async (options) => (await import('./cluster-info.ts')).clusterInfo(options));
  kubeCommand(info, 'dump', 'nodes, objects, events and logs, for who looks for what is wrong')
    .option('--output-directory <directory>', 'files there (default: everything to stdout)')
    .option('--namespaces <names>', "of these namespaces (default: the context's, and kube-system)", collectList)
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-o, --output <format>', 'json, yaml')
    .action(async (options) => (await import('./cluster-dump.ts')).clusterDump(options));
}
