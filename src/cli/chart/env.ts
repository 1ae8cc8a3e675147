import { delimiter } from 'node:path';
import { helmLoginFiles, helmPaths } from '../../delivery/charts/repository/repositories.ts';
import { CliError } from '../errors.ts';
import type { ClusterFlags } from './flags.ts';
import { structJson } from '../../delivery/charts/functions/json.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';

/** `helm env`: what Helm's variables mean here, those that are not set too. */
export function helmEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Partial<ClusterFlags> = {},
): Record<string, string> {
  const { cache, repositories, cacheHome, configHome, dataHome, plugins } = helmPaths(environment);
  const named = environment['HELM_REGISTRY_CONFIG'];
  return {
    HELM_BIN: 'timonel chart',
    HELM_CACHE_HOME: cacheHome,
    HELM_CONFIG_HOME: configHome,
    HELM_DATA_HOME: dataHome,
    HELM_DEBUG: String(flags.debug ?? false),
    HELM_DRIVER: environment['HELM_DRIVER'] || 'secret',
    HELM_KUBEAPISERVER: flags.kubeApiserver ?? '',
    HELM_KUBEASGROUPS: (flags.kubeAsGroup ?? []).join(','),
    HELM_KUBEASUSER: flags.kubeAsUser ?? '',
    HELM_KUBECAFILE: flags.kubeCaFile ?? '',
    HELM_KUBECONTEXT: flags.kubeContext ?? '',
    HELM_KUBEINSECURE_SKIP_TLS_VERIFY: String(flags.kubeInsecureSkipTlsVerify ?? false),
    HELM_KUBETLS_SERVER_NAME: flags.kubeTlsServerName ?? '',
    HELM_KUBETOKEN: flags.kubeToken ?? '',
    HELM_MAX_HISTORY: environment['HELM_MAX_HISTORY'] || '10',
    HELM_NAMESPACE: flags.namespace || 'default',
    HELM_PLUGINS: plugins.join(delimiter),
    HELM_REGISTRY_CONFIG: named || (helmLoginFiles(environment).at(-1) ?? ''),
    HELM_REPOSITORY_CACHE: cache,
    HELM_REPOSITORY_CONFIG: repositories,
  };
}

export function env(name: string | undefined, flags: ClusterFlags & { output: 'env' | 'json' | 'yaml' }): void {
  const all = helmEnvironment(process.env, flags);
  const value = name === undefined ? undefined : all[name];
  if (name !== undefined && value === undefined) throw new CliError(`there is no variable ${name}`);
  const shown = name === undefined || value === undefined ? all : { [name]: value };
  if (flags.output === 'json') process.stdout.write(`${structJson(shown)}\n`);
  else if (flags.output === 'yaml') process.stdout.write(emitYaml(shown));
  else if (value !== undefined) process.stdout.write(`${value}\n`);
  else for (const [key, text] of Object.entries(all)) process.stdout.write(`${key}="${text}"\n`);
}
