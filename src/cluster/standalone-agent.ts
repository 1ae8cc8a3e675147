import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { createHttpsClient } from '../client/https-client.ts';
import { loadConnection } from '../client/kubeconfig-file.ts';
import { services } from '../client/resources.ts';
import { parseEvictionThresholds, upstreamEvictionHard, upstreamImageCollection } from '../node/eviction-thresholds.ts';
import type { AgentConfig } from './agent-config.ts';
import { createAuthority, issueCertificate } from './certificates.ts';

/**
 * An agent's configuration on a machine that is a node itself, from a kubeconfig: for any Kubernetes API server. Its
 * serving certificate is its own, as a kubelet's without bootstrap. Rejects when the API server cannot be reached.
 */
export async function standaloneAgentConfig(options: {
  kubeconfig?: string;
  nodeName?: string;
  data: string;
  containerd?: string;
  clock: Clock;
}): Promise<AgentConfig> {
  const { clock } = options;
  const { connection } = await loadConnection({
    ...(options.kubeconfig && { file: options.kubeconfig }),
    environment: process.env,
  });
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  const address = ownAddress();
  const now = clock.now();
  const authority = createAuthority(`${nodeName}-ca`, now);
  const subject = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
  return {
    cluster: 'agent',
    nodeName,
    addresses: [address],
    kubelet: connection,
    proxy: connection,
    serving: issueCertificate(authority, { ...subject, usages: ['server'], hosts: [nodeName, address] }, now),
    clientAuthority: connection.certificateAuthority ?? authority.certificate,
    runtimeSocket: options.containerd ?? '/run/containerd/containerd.sock',
    dataDirectory: join(options.data, nodeName),
    cgroup: '/kubepods',
    serviceCidrs: [],
    clusterDns: await findClusterDns(connection, clock),
    // Upstream's figures: whatever control plane this is expects no more.
    pressure: { thresholds: parseEvictionThresholds(upstreamEvictionHard), images: upstreamImageCollection },
    lease: { durationSeconds: 40, renewIntervalMs: 10_000 },
  };
}

/** The address of the service that every cluster has for its DNS; none: pods use the machine's resolver. */
async function findClusterDns(connection: AgentConfig['kubelet'], clock: Clock): Promise<string[]> {
  const client = createHttpsClient(connection, { clock });
  try {
    const { items } = await client.list(services, { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' });
    return items.flatMap((service) => service.spec?.clusterIPs ?? []);
  } finally {
    client.close();
  }
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
