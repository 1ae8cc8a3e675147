import type { Clock } from '../base/clock.ts';
import { type ClusterPki, ensurePki } from './pki.ts';
import { type ClusterState, clusterPaths } from './state.ts';

/** The certificates of the cluster, made when they are missing; those that are there are looked at unless `isChecked`. */
export function clusterPki(state: ClusterState, clock: Clock, { isChecked = false } = {}): ClusterPki {
  return ensurePki({
    directory: clusterPaths(state.name).pki,
    now: clock.now(),
    serviceIp: state.network.apiServiceAddress,
    advertised: [state.network.hostAddress],
    isChecked,
  });
}
