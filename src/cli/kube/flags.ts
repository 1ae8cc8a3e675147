import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { KubeCommand } from './kube-command.ts';

/** A command with the flags of every one that works on a cluster of the kubeconfig. */
export function kubeCommand(program: Command, name: string, description: string): Command {
  const command = new KubeCommand(name).copyInheritedSettings(program).description(description);
  program.addCommand(command);
  return withClusterFlags(command);
}

/** Which cluster of the kubeconfig, and where in it, and as whom. */
export function withClusterFlags(command: Command): Command {
  command
    .option('-n, --namespace <namespace>', "namespace (default: the context's)")
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig file');
  for (const option of connectionOptions()) command.addOption(option.hideHelp());
  return command;
}

/** kubectl's flags for all commands, which few people need. */
function connectionOptions(): Option[] {
  return [
    new Option('-s, --server <url>', 'address of the API server'),
    new Option('--cluster <name>', 'cluster of the kubeconfig'),
    new Option('--user <name>', 'user of the kubeconfig'),
    new Option('--token <token>', 'bearer token'),
    new Option('--as <user>', 'act as this user'),
    new Option('--as-group <group>', 'act as of this group (repeatable)').argParser(collect),
    new Option('--as-uid <uid>', 'act as who has this uid'),
    new Option('--certificate-authority <file>', "whose certificates the server's may be"),
    new Option('--client-certificate <file>', 'certificate of the user'),
    new Option('--client-key <file>', 'key of the user'),
    new Option('--tls-server-name <name>', "name in the server's certificate"),
    new Option('--insecure-skip-tls-verify', 'whoever the server is'),
    new Option('--request-timeout <duration>', 'how long one request may take (0: no limit)'),
  ];
}

/** Of commands that take objects from files. */
export function withFileFlags(command: Command): Command {
  return command
    .option('-f, --filename <file>', 'file, directory, or - for the standard input', collect)
    .option('-R, --recursive', 'directories of -f with those below');
}

/** Of commands that send objects. */
export function withWriteFlags(command: Command): Command {
  return command
    .addOption(dryRunOption())
    .option('--validate [mode]', 'strict (default), warn or ignore: fields that the server does not know')
    .option('--field-manager <name>', 'whose fields these are')
    .option('-o, --output <format>', 'json, yaml, name, jsonpath=…, go-template=…')
    .option('--show-managed-fields', 'in JSON and YAML');
}

/** `--wait`, which takes true and false as well. */
export function waitOption(): Option {
  return new Option('--wait [true|false]', 'until the objects are gone').default('true');
}

/** `--dry-run`, which alone means the client's. */
export function dryRunOption(): Option {
  return new Option('--dry-run [mode]', 'none, client or server: change nothing').preset('client');
}
