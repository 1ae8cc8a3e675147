import type { AffinityTerms } from './affinity-terms.ts';
import type { Plugins } from './decide.ts';
import { interPodAffinity } from './filters/inter-pod-affinity.ts';
import {
  nodeAffinity,
  nodeName,
  nodePorts,
  nodeResourcesFit,
  nodeUnschedulable,
  taintToleration,
} from './filters/node-filters.ts';
import { podTopologySpread } from './filters/pod-topology-spread.ts';
import { volumeBinding, volumeRestrictions, type VolumeView } from './filters/volume-filters.ts';
import { interPodPreference, nodeAffinityPreference, taintPreference } from './scores/placement-scores.ts';
import { balancedAllocation, imageLocality, leastAllocated } from './scores/resource-scores.ts';
import { type Companions, spread } from './scores/spread-score.ts';

/** The upstream scheduler's default profile, in its order. */
export function defaultPlugins(
  terms: Pick<AffinityTerms, 'of'>,
  companionsOf: Companions,
  volumes: VolumeView,
): Plugins {
  return {
    filters: [
      nodeUnschedulable,
      nodeName,
      taintToleration,
      nodeAffinity,
      nodePorts,
      nodeResourcesFit,
      volumeRestrictions(volumes),
      volumeBinding(volumes),
      podTopologySpread,
      interPodAffinity(terms),
    ],
    scores: [
      taintPreference,
      nodeAffinityPreference,
      leastAllocated,
      balancedAllocation,
      imageLocality,
      spread(companionsOf),
      interPodPreference,
    ],
  };
}
