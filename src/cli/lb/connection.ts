import type { Service } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { createHttpsClient } from '../../client/https-client.ts';
import { loadConnection } from '../../client/kubeconfig-file.ts';
import { services } from '../../client/resources.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';

export interface Where {
  namespace?: string;
  context?: string;
}

/** Works with the cluster of the kubeconfig, as kubectl does, and closes the connection. */
export async function withCluster<T>(
  { context, namespace }: Where,
  work: (client: Client, namespace: string) => Promise<T>,
): Promise<T> {
  const found = await loadConnection({ ...(context && { context }), environment: process.env });
  const client = createHttpsClient(found.connection, { clock });
  try {
    return await work(client, namespace ?? found.namespace);
  } finally {
    client.close();
  }
}

/** A service that must exist. */
export async function existingService(client: Client, namespace: string, name: string): Promise<Service> {
  try {
    return await client.get(services, { namespace, name });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new CliError(`there is no service ${name} in namespace ${namespace}`, { hint: 'See timonel lb list' });
  }
}
