import type { Command } from 'commander';
import type { KubeconfigSection } from '../../../cluster/kubeconfig-merge.ts';
import { kubeCommand } from '../flags.ts';

/** `config`: what the kubeconfig files say, and changes of them. */
export function addConfigCommands(program: Command): void {
  const config = program.command('config').description('show and change the kubeconfig');
  addShowing(config);
  addChanging(config);
}

function addShowing(config: Command): void {
  kubeCommand(config, 'view', 'show the kubeconfig files as one')
    .option('--minify', 'only what the current context names')
    .option('--raw', 'with secrets and certificates')
    .option('--flatten', 'with what certificate files hold')
    .option('-o, --output <format>', 'yaml, json, jsonpath=…')
    .action(async (options) => (await import('./view.ts')).view(options));
  kubeCommand(config, 'get-contexts', 'list contexts')
    .argument('[names...]')
    .option('--no-headers', 'no headers')
    .option('-o, --output <format>', 'name')
    .action(async (names, options) => (await import('./view.ts')).getContexts(names, options));
  for (const section of ['clusters', 'users'] as const) {
    kubeCommand(config, `get-${section}`, `list ${section}`).action(async (options) =>
      (await import('./view.ts')).getNames(section, options),
    );
  }
  kubeCommand(config, 'current-context', 'show which context is current').action(async (options) =>
    (await import('./view.ts')).showCurrentContext(options),
  );
}

function addChanging(config: Command): void {
  kubeCommand(config, 'use-context', 'make a context current')
    .alias('use')
    .argument('<name>')
    .action(async (name, options) => (await import('./change.ts')).useContext(name, options));
  kubeCommand(config, 'set-context', 'set --cluster, --user and --namespace of a context')
    .argument('[name]')
    .option('--current', 'of the current context')
    .action(async (name, options) => (await import('./change.ts')).setContext(name, options));
  kubeCommand(config, 'set-cluster', 'set --server, --certificate-authority … of a cluster')
    .argument('<name>')
    .option('--embed-certs', 'keep what the certificate file holds, not its path')
    .option('--proxy-url <url>', 'a proxy on the way')
    .action(async (name, options) => (await import('./change.ts')).setCluster(name, options));
  kubeCommand(config, 'set-credentials', 'set --token, --client-certificate, --client-key … of a user')
    .argument('<name>')
    .option('--embed-certs', 'keep what the files hold, not their paths')
    .option('--username <name>', 'for basic authentication')
    .option('--password <password>', 'for basic authentication')
    .action(async (name, options) => (await import('./change.ts')).setCredentials(name, options));
  const deletions: Record<string, KubeconfigSection> = { context: 'contexts', cluster: 'clusters', user: 'users' };
  for (const [word, section] of Object.entries(deletions)) {
    kubeCommand(config, `delete-${word}`, `take a ${word} out of the kubeconfig`)
      .argument('<name>')
      .action(async (name, options) => (await import('./change.ts')).deleteEntry(section, name, options));
  }
  kubeCommand(config, 'rename-context', 'give a context another name')
    .argument('<from>')
    .argument('<to>')
    .action(async (from, to, options) => (await import('./change.ts')).renameContext(from, to, options));
  kubeCommand(config, 'set', 'set a field: contexts.NAME.namespace VALUE, current-context VALUE')
    .argument('<property>')
    .argument('<value>')
    .action(async (property, value, options) => (await import('./change.ts')).setProperty(property, value, options));
  kubeCommand(config, 'unset', 'take a field, an entry or the current context away')
    .argument('<property>')
    .action(async (property, options) => (await import('./change.ts')).unsetProperty(property, options));
}
