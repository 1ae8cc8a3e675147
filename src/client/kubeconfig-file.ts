import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { hostAndPort } from '../base/ip-address.ts';
import type { Connection } from './https-client.ts';
import {
  type ExecPlugin,
  type FileReference,
  KubeconfigError,
  type KubeconfigText,
  type PemSource,
  type SelectedContext,
  selectContext,
} from './kubeconfig.ts';

export interface LoadOptions {
  /** `--kubeconfig FILE`: this file alone, which must exist. */
  file?: string;
  /** `--context NAME` */
  context?: string;
  /** `--cluster NAME`, `--user NAME`: entries of the file, in place of the context's. */
  cluster?: string;
  user?: string;
  environment: Readonly<Record<string, string | undefined>>;
}

export interface LoadedConnection {
  connection: Connection;
  namespace: string;
  /** The context's name, or `in-cluster`. */
  context: string;
}

/** What every pod finds about its cluster (Kubernetes documentation, "Accessing the Kubernetes API from a Pod"). */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the API server as kubectl does: `file`, else the files of $KUBECONFIG, else `~/.kube/config`, else the cluster
 * of the pod that this process runs in. Rejects with {@link KubeconfigError}.
 */
export async function loadConnection(options: LoadOptions): Promise<LoadedConnection> {
  const files = readConfigs(options);
  if (files.length === 0) {
    const inside = inCluster(options.environment);
    if (inside) return inside;
    const looked = configPaths(options).join(', ');
    throw new KubeconfigError(`there is no kubeconfig (looked for ${looked})`, {
      hint: 'Start a cluster: timonel up. Or name a kubeconfig with --kubeconfig or $KUBECONFIG.',
    });
  }
  const selected = selectContext(files, options.context, options);
  return { connection: await connect(selected), namespace: selected.namespace, context: selected.context };
}

function configPaths({ file, environment }: LoadOptions): string[] {
  if (file !== undefined) return [file];
  const named = (environment.KUBECONFIG ?? '').split(':').filter((path) => path !== '');
  return named.length > 0 ? [...new Set(named)] : [join(environment.HOME ?? homedir(), '.kube', 'config')];
}

/** Files of a list that do not exist are passed over, as kubectl does; one that was named by itself must be there. */
function readConfigs(options: LoadOptions): KubeconfigText[] {
  return configPaths(options).flatMap((path) => {
    try {
      return [{ path, directory: dirname(resolve(path)), text: readFileSync(path, 'utf8') }];
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && options.file === undefined) return [];
      const why = code === 'ENOENT' ? 'it does not exist' : message;
      throw new KubeconfigError(`cannot read the kubeconfig ${path}: ${why}`, { cause: error });
    }
  });
}

async function connect(selected: SelectedContext): Promise<Connection> {
  const { server, tlsServerName, insecureSkipTlsVerify, token, tokenFile, username, password, exec } = selected;
  const certificateAuthority = pemOf(selected.certificateAuthority);
  const fromPlugin = exec ? await runPlugin(exec) : {};
  const clientCertificate = pemOf(selected.clientCertificate) ?? fromPlugin.clientCertificate;
  const clientKey = pemOf(selected.clientKey) ?? fromPlugin.clientKey;
  const bearer = token ?? fromPlugin.token;
  return {
    server,
    insecureSkipTlsVerify,
    ...(tlsServerName && { tlsServerName }),
    ...(certificateAuthority && { certificateAuthority }),
    ...(clientCertificate && { clientCertificate }),
    ...(clientKey && { clientKey }),
    ...(bearer && { token: bearer }),
    ...(tokenFile && { tokenFile: pathOf(tokenFile) }),
    ...(username && { basic: { username, password: password ?? '' } }),
  };
}

function pemOf(source: PemSource | undefined): string | undefined {
  if (!source) return undefined;
  if (source.kind === 'text') return source.text;
  const path = pathOf(source);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`cannot read ${path}, which the kubeconfig names: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function pathOf({ path, directory }: FileReference): string {
  return resolve(directory, path);
}

/** Runs a credential plugin once (KEP-541): what it prints holds for the life of this process. */
async function runPlugin({ apiVersion, command, args, env, directory }: ExecPlugin): Promise<Partial<Connection>> {
  const request = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
  const added = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const program = command.includes('/') ? resolve(directory, command) : command;
  let output: string;
  try {
    const { stdout } = await promisify(execFile)(program, [...args], {
      env: { ...process.env, ...added, KUBERNETES_EXEC_INFO: request },
    });
    output = stdout;
  } catch (error) {
    throw new KubeconfigError(`the credential plugin ${command} failed: ${(error as Error).message}`, { cause: error });
  }
  try {
    const { status } = JSON.parse(output) as { status: Record<string, string | undefined> };
    const { token, clientCertificateData: clientCertificate, clientKeyData: clientKey } = status;
    return {
      ...(token && { token }),
      ...(clientCertificate && { clientCertificate }),
      ...(clientKey && { clientKey }),
    };
  } catch (error) {
    throw new KubeconfigError(`the credential plugin ${command} printed no ExecCredential`, { cause: error });
  }
}

function inCluster(environment: LoadOptions['environment']): LoadedConnection | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) return undefined;
  try {
    const certificateAuthority = readFileSync(join(serviceAccount, 'ca.crt'), 'utf8');
    const namespace = readFileSync(join(serviceAccount, 'namespace'), 'utf8').trim();
    const server = `https://${hostAndPort(host, port)}`;
    const connection = { server, certificateAuthority, tokenFile: join(serviceAccount, 'token') };
    return { connection, namespace, context: 'in-cluster' };
  } catch (error) {
    throw new KubeconfigError(`this looks like a pod, but ${(error as Error).message}`, { cause: error });
  }
}
