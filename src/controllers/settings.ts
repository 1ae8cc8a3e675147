import type { AutoscalerSettings } from './autoscaler/plan.ts';

/** What an operator may set; the defaults are those of a local cluster, upstream's are in the comments. */
export interface ControllerSettings {
  /** Without a sign of life for this long a node's Ready becomes Unknown. Upstream: 40 s. */
  nodeMonitorGracePeriodMs: number;
  /** The same for a node that has given none since the controllers started. Upstream: 60 s, for new nodes only. */
  nodeStartupGracePeriodMs: number;
  /** Nodes that lose their pods each second, for one zone. Upstream: 0.1. */
  nodeEvictionRate: number;
  /** The same while a large zone is partly down. Upstream: 0.01. */
  secondaryNodeEvictionRate: number;
  /** Zones up to this size stop evicting when they are partly down. Upstream: 50. */
  largeClusterSizeThreshold: number;
  /** Share of nodes not ready from which a zone counts as partly down. Upstream: 0.55. */
  unhealthyZoneThreshold: number;
  /** Finished pods that are kept. Upstream: 12500; 0 keeps all. */
  terminatedPodThreshold: number;
  /** How long a node must be missing before its pods go. Upstream: 40 s. */
  missingNodeQuarantineMs: number;
  /** Ranges that nodes get their pod ranges from, one for each address family; empty: someone else gives them. */
  clusterCidrs: readonly string[];
  /** Prefix length of a node's range, for each family. */
  nodeCidrMaskSizes: { ipv4: number; ipv6: number };
  /** Endpoints in one slice. */
  maxEndpointsPerSlice: number;
  /** Where services of type LoadBalancer get their addresses, a range of each family; empty: somebody else gives them. */
  loadBalancersCidrs: readonly string[];
  /** How often the targets of autoscalers are looked at. Upstream: 15 s. */
  autoscalerSyncPeriodMs: number;
  /** Which pods' CPU does not count yet (upstream: 5 min, 30 s), and what difference is left alone (upstream: 0.1). */
  autoscaler: AutoscalerSettings;
}

export const localControllerSettings: ControllerSettings = {
  nodeMonitorGracePeriodMs: 2_000,
  nodeStartupGracePeriodMs: 10_000,
  nodeEvictionRate: 10,
  secondaryNodeEvictionRate: 0.01,
  largeClusterSizeThreshold: 50,
  unhealthyZoneThreshold: 0.55,
  terminatedPodThreshold: 12_500,
  missingNodeQuarantineMs: 2_000,
  clusterCidrs: [],
  nodeCidrMaskSizes: { ipv4: 24, ipv6: 64 },
  maxEndpointsPerSlice: 100,
  loadBalancersCidrs: [],
  autoscalerSyncPeriodMs: 5_000,
  autoscaler: { cpuInitializationPeriodMs: 5 * 60_000, initialReadinessDelayMs: 30_000, tolerance: 0.1 },
};

export const upstreamControllerSettings: ControllerSettings = {
  ...localControllerSettings,
  nodeMonitorGracePeriodMs: 40_000,
  nodeStartupGracePeriodMs: 60_000,
  nodeEvictionRate: 0.1,
  missingNodeQuarantineMs: 40_000,
  autoscalerSyncPeriodMs: 15_000,
};
