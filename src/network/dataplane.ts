import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import type { Service } from '../api/types/core-v1.ts';

/** What the data plane of one host or node must do: plain data, made by pure functions from API objects. */
export interface DataplaneInput {
  services: Iterable<Service>;
  endpointSlices: Iterable<EndpointSlice>;
  /** This node's name, for local traffic policies; undefined on the host. */
  nodeName: string | undefined;
  /** Addresses on which node ports answer. */
  nodeAddresses: readonly string[];
  /** Every pod range and service range of the cluster, as CIDRs. */
  podCidrs: readonly string[];
  serviceCidrs: readonly string[];
}

export interface Dataplane<Rules> {
  /** Pure: the same input gives the same rules. */
  render(input: DataplaneInput): Rules;
  /** Brings the kernel from what it has to `rules`, by the difference only, atomically. */
  apply(rules: Rules): Promise<void>;
  /** Removes everything that apply ever made. */
  remove(): Promise<void>;
}
