import type { Secret, ServiceAccount } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import { namespaces, secrets, serviceAccounts } from '../../client/resources.ts';
import { waitForObjects } from '../apply/wait.ts';
import { pullSecretData, type RegistryLogin } from './docker-config.ts';

/** For a namespace's own account, which the cluster makes by itself. */
const accountMs = 30_000;

/**
 * Lets every pod of a namespace that has no service account of its own pull from a registry: a secret with the login,
 * named by the namespace's default account (Kubernetes documentation, "Add ImagePullSecrets to a service account"). The
 * namespace is made when it is not there. Resolves with the secret's name.
 */
export async function givePullSecret(
  { client, clock }: { client: Client; clock: Clock },
  { host, login, namespace }: { host: string; login: RegistryLogin; namespace: string },
): Promise<string> {
  const name = `pull-${host.replace(/[^a-z0-9.-]/gi, '-').toLowerCase()}`;
  const secret: Secret = {
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(pullSecretData(host, login)).toString('base64') },
  };
  await client.create(namespaces, { metadata: { name: namespace } }).catch(unlessThere);
  try {
    await client.create(secrets, secret);
  } catch (error) {
    unlessThere(error);
    await client.patch(secrets, { name, namespace }, { kind: 'merge', document: { data: secret.data } });
  }
  const account = { name: 'default', namespace };
  await waitForObjects({
    client,
    clock,
    targets: [{ resource: serviceAccounts, name: account }],
    timeoutMs: accountMs,
  });
  const { imagePullSecrets: present = [] } = await client.get<ServiceAccount>(serviceAccounts, account);
  if (!present.some((reference) => reference.name === name)) {
    const document = { imagePullSecrets: [...present, { name }] };
    await client.patch(serviceAccounts, account, { kind: 'merge', document });
  }
  return name;
}

function unlessThere(error: unknown): void {
  if (!isApiError(error, 'AlreadyExists')) throw error;
}
