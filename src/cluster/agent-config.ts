import type { Connection } from '../client/https-client.ts';
import type { PressurePolicy } from '../node/eviction-thresholds.ts';
import type { KeyPair } from './certificates.ts';

/** What an agent needs to know: the launcher writes it to `agent.json` in the node's data directory. */
export interface AgentConfig {
  /** Of a local cluster: its name, by which what it makes on the host is named. */
  cluster: string;
  nodeName: string;
  /** One of a family, that of the cluster's default first: there the kubelet listens. */
  addresses: readonly string[];
  /** One of each family, in the same order; undefined: the control plane assigns them. */
  podCidrs?: readonly string[];
  /** As `system:node:<name>`. */
  kubelet: Connection;
  /** As `system:kube-proxy`; undefined: another program does the node's services. */
  proxy?: Connection;
  serving: KeyPair;
  /** PEM: who signs the certificates of the node's own clients (the API server). */
  clientAuthority: string;
  runtimeSocket: string;
  /** Pod volumes and logs. */
  dataDirectory: string;
  /** What the nodes of one machine have in common; on the same file system. */
  sharedDirectory?: string;
  /** Parent of the node's control groups. */
  cgroup: string;
  serviceCidrs: readonly string[];
  clusterDns: readonly string[];
  /** The node answers for the cluster's DNS itself, and asks this resolver for other names; absent: it does not. */
  dnsForwarder?: string;
  pressure: PressurePolicy;
  lease: { durationSeconds: number; renewIntervalMs: number };
  /** Index of the images that were imported into the cluster (`images/index.json`), which no registry has. */
  importedImages?: string;
}
