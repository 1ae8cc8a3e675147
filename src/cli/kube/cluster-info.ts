import { services } from '../../client/resources.ts';
import { type KubeFlags, withKube } from './session.ts';

/** `timonel cluster-info`: the control plane, and the services that are marked as the cluster's own. */
export async function clusterInfo(flags: KubeFlags): Promise<void> {
  await withKube(flags, async ({ client, server }) => {
    const { items } = await client.list(services, {
      namespace: 'kube-system',
      labelSelector: 'kubernetes.io/cluster-service=true',
    });
    const lines = [`Kubernetes control plane is running at ${server}`];
    for (const { metadata, spec } of items) {
      const { name = '', namespace = '', labels } = metadata;
      const [port] = spec?.ports ?? [];
      const scheme = port?.name === 'https' || port?.port === 443 ? 'https:' : '';
      const path = `/api/v1/namespaces/${namespace}/services/${scheme}${name}:${port?.name ?? ''}/proxy`;
      lines.push(`${labels?.['kubernetes.io/name'] ?? name} is running at ${server}${path}`);
    }
    process.stdout.write(`${lines.join('\n')}\n`);
    process.stdout.write("\nTo further debug and diagnose cluster problems, use 'timonel cluster-info dump'.\n");
  });
}
