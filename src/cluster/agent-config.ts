import type { KeyPair } from './certificates.ts';

/** What the launcher tells an agent, in `agent.json` in its node's data directory. */
export interface AgentConfig {
  cluster: string;
  nodeName: string;
  address: string;
  podCidr: string;
  /** URL of the API server as the node reaches it. */
  server: string;
  /** PEM. */
  certificateAuthority: string;
  client: KeyPair;
  serving: KeyPair;
  runtimeSocket: string;
  /** Pod volumes and logs. */
  dataDirectory: string;
  runDirectory: string;
  /** Parent of the node's control groups. */
  cgroup: string;
  serviceCidr: string;
  clusterDns: string;
  /** How long the control plane waits for a sign of life; the lease is renewed four times as often. */
  nodeGraceSeconds: number;
}
