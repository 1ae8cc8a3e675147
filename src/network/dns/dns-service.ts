import { isApiError } from '../../api/status.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Client, Resource } from '../../client/client.ts';
import { endpointSlices, services } from '../../client/resources.ts';

/** Where the cluster's DNS is asked (a service address) and where it is answered. */
export interface DnsServiceOptions {
  client: Client;
  serviceAddress: string;
  endpoint: { address: string; port: number };
}

const namespace = 'kube-system';
/** The name that every Kubernetes has for it, whatever answers. */
const name = 'kube-dns';

/** Makes the service through which pods reach the DNS server of the control plane, or corrects its endpoint. */
export async function ensureDnsService({ client, serviceAddress, endpoint }: DnsServiceOptions): Promise<void> {
  const labels = { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels },
    spec: {
      clusterIP: serviceAddress,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  };
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace,
      labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'dns.timonel' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [endpoint.address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [
      { name: 'dns', port: endpoint.port, protocol: 'UDP' },
      { name: 'dns-tcp', port: endpoint.port, protocol: 'TCP' },
    ],
  };
  await createIfMissing(client, services, service);
  if (await createIfMissing(client, endpointSlices, slice)) return;
  const { endpoints, ports } = slice;
  await client.patch(endpointSlices, { name, namespace }, { kind: 'merge', document: { endpoints, ports } });
}

async function createIfMissing<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  object: T,
): Promise<boolean> {
  try {
    await client.create(resource, object);
    return true;
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return false;
    throw error;
  }
}
