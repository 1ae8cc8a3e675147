import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { KubeCommand } from './kube-command.ts';

/** A command with the flags of every one that works on a cluster of the kubeconfig. */
export function kubeCommand(program: Command, name: string, description: string): Command {
  const command = new KubeCommand(name).copyInheritedSettings(program).description(description);
  program.addCommand(command);
  return withClusterFlags(command);
}

/** Which cluster of the kubeconfig, and where in it. */
export function withClusterFlags(command: Command): Command {
  return command
    .option('-n, --namespace <namespace>', "namespace (default: the context's)")
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'kubeconfig file');
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
