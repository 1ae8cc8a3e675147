import { systemRandom } from '../../base/random.ts';
import { createHttpsClient, type HttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { type ClusterState, readableStates } from '../../cluster/state.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import type { ReleaseContext } from '../../delivery/charts/actions/context.ts';
import { createStorage } from '../../delivery/charts/release/storage.ts';
import type { ShipFile } from '../../delivery/pipeline/ship-file.ts';
import { clock } from '../context.ts';
import { createOutput } from '../output.ts';

export interface WhereFlags {
  file?: string;
  context?: string;
  kubeconfig?: string;
  namespace?: string;
}

/** The cluster that an app goes to. */
export interface ShipTarget extends ReleaseContext {
  client: HttpsClient;
  /** Its context in the kubeconfig. */
  contextName: string;
  /** Undefined: it is not one of this machine's own. */
  local: ClusterState | undefined;
}

/** Works with the cluster that the flags name, and closes the connections after it. */
export async function withTarget<T>(
  flags: WhereFlags,
  file: ShipFile,
  work: (target: ShipTarget) => Promise<T>,
): Promise<T> {
  const {
    connection,
    context,
    namespace: own,
  } = await loadConnection({
    environment: process.env,
    ...(flags.kubeconfig && { file: flags.kubeconfig }),
    ...(flags.context && { context: flags.context }),
  });
  const client = createHttpsClient(connection, { clock });
  const namespace = flags.namespace ?? file.namespace ?? own;
  const output = createOutput();
  const say = (message: string): void => output.message(message);
  try {
    return await work({
      ...{ client, clock, namespace, say, log: say, random: systemRandom, contextName: context },
      mapper: createResourceMapper(client),
      storage: createStorage({ client, clock, namespace, driver: 'secret' }),
      local: readableStates().find(({ port }) => isLocal(connection.server, port)),
    });
  } finally {
    client.close();
  }
}

function isLocal(server: string, port: number): boolean {
  const { hostname, port: there } = new URL(server);
  return ['127.0.0.1', 'localhost', '[::1]'].includes(hostname) && there === String(port);
}
