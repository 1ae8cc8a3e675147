import { readFileSync } from 'node:fs';
import { systemRandom } from '../../base/random.ts';
import { createHttpsClient, type HttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import type { OperationOptions, ReleaseContext } from '../../delivery/charts/actions/context.ts';
import { createStorage, parseDriver } from '../../delivery/charts/release/storage.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import type { ClusterFlags, OperationFlags } from './flags.ts';

export interface CliReleaseContext extends ReleaseContext {
  client: HttpsClient;
}

/** Runs work with the cluster that the flags name, and ends the connections after it. */
export async function withCluster<T>(
  flags: ClusterFlags & { allNamespaces?: boolean },
  work: (context: CliReleaseContext) => Promise<T>,
): Promise<T> {
  const { connection, namespace: own } = await connectionOf(flags);
  const client = createHttpsClient(connection, { clock });
  const output = createOutput();
  const namespace = flags.namespace || own;
  const driver = parseDriver(process.env.HELM_DRIVER);
  try {
    return await work({
      client,
      mapper: createResourceMapper(client),
      storage: createStorage({ client, clock, namespace: flags.allNamespaces ? undefined : namespace, driver }),
      clock,
      random: systemRandom,
      namespace,
      say: (message) => output.message(message),
      log: (line) => output.message(line),
    });
  } finally {
    client.close();
  }
}

type Loaded = Awaited<ReturnType<typeof loadConnection>>;

async function connectionOf(flags: ClusterFlags): Promise<Pick<Loaded, 'connection' | 'namespace'>> {
  const { kubeApiserver, kubeToken, kubeCaFile, kubeTlsServerName, kubeInsecureSkipTlsVerify } = flags;
  if (flags.kubeAsGroup.length > 0 && !flags.kubeAsUser) {
    throw new CliError('requesting uid, groups or user-extra without impersonating a user');
  }
  const over = {
    ...(kubeApiserver && { server: kubeApiserver }),
    ...(kubeToken && { token: kubeToken }),
    ...(kubeCaFile && { certificateAuthority: readFileSync(kubeCaFile, 'utf8') }),
    ...(kubeTlsServerName && { tlsServerName: kubeTlsServerName }),
    ...(kubeInsecureSkipTlsVerify && { insecureSkipTlsVerify: true }),
    ...(flags.kubeAsUser && { impersonate: { user: flags.kubeAsUser, groups: flags.kubeAsGroup } }),
  };
  if (kubeApiserver && kubeToken) return { connection: { server: kubeApiserver, ...over }, namespace: 'default' };
  const { kubeconfig, kubeContext } = flags;
  const loaded = await loadConnection({
    environment: process.env,
    ...(kubeconfig && { file: kubeconfig }),
    ...(kubeContext && { context: kubeContext }),
  });
  return { connection: { ...loaded.connection, ...over }, namespace: loaded.namespace };
}

export function operationOptions(flags: OperationFlags): OperationOptions & { rollbackOnFailure: boolean } {
  const rollbackOnFailure = Boolean(flags.rollbackOnFailure || flags.atomic);
  const wait = flags.wait ?? (rollbackOnFailure ? 'watcher' : 'hookOnly');
  return {
    timeoutMs: flags.timeout,
    wait: wait !== 'hookOnly',
    waitForJobs: flags.waitForJobs ?? false,
    noHooks: !flags.hooks,
    force: Boolean(flags.force || flags.forceReplace),
    serverSide: flags.serverSide,
    forceConflicts: flags.forceConflicts ?? false,
    abandonPending: flags.abandonPending ?? false,
    rollbackOnFailure,
  };
}
