import type { Service } from '../api/types/core-v1.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import type { Family } from './service-endpoints.ts';
import type { ServiceRules } from './service-rules.ts';

/** What the data plane of one host or node is about, besides services: fixed while it runs. */
export interface DataplaneScope {
  family: Family;
  /** Name of the nftables table, one for each cluster: `timonel-dev`. */
  table: string;
  /** This node's name, for local traffic policies; undefined on the host, which runs no pods. */
  nodeName: string | undefined;
  /** CIDRs of the cluster's services, of whatever family; new connections there that no rule redirects are refused at once. */
  serviceCidrs: readonly string[];
}

/** One service and its slices, of whatever address family. */
export interface ServiceInput {
  service: Service;
  slices: readonly EndpointSlice[];
}

/** What the fixed part of the table is like. */
export interface TableFrame {
  /** Ranges that services have besides those of the scope. */
  moreRanges: readonly string[];
  /** There are so many services that they share rules. */
  isCrowded: boolean;
}

/** Service rules in the kernel. `service-rules.ts` and `nft-script.ts` decide (pure), `nft.ts` acts. */
export interface Dataplane {
  readonly family: Family;
  /** The next apply makes the table anew when something is different. */
  set(frame: Partial<TableFrame>): void;
  /**
   * Brings the kernel from what was last applied to `rules` (by service key), by the difference only, in one
   * transaction. `changed`: keys of all that may be different now.
   */
  apply(rules: ReadonlyMap<string, ServiceRules>, changed: ReadonlySet<string>): Promise<void>;
  /**
   * Whether what was applied is there no more: somebody has emptied the kernel's rules (firewalls do when they load
   * their own). The next apply makes the table anew then.
   */
  isLost(): Promise<boolean>;
  /** Removes everything that apply ever made. */
  remove(): Promise<void>;
}
