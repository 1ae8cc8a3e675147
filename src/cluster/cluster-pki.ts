import type { Clock } from '../base/clock.ts';
import { type ClusterPki, ensurePki } from './pki.ts';
import { stacksOf } from './network-plan.ts';
import { type ClusterState, clusterPaths } from './state.ts';

/** The certificates of the cluster, made when they are missing; those that are there are looked at unless `isChecked`. */
export function clusterPki(state: ClusterState, clock: Clock, { isChecked = false } = {}): ClusterPki {
  const [stack] = stacksOf(state.network);
  return ensurePki({
    directory: clusterPaths(state.name).pki,
    now: clock.now(),
    serviceIp: stack.apiServiceAddress,
    advertised: [stack.hostAddress],
    isChecked,
  });
}
