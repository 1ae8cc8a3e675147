import type { Service } from '../model.ts';

/** How many containers a service is to have, where it does not have one on each node. */
export function replicasOf({ scale, deploy }: Service): number {
  return scale ?? deploy?.replicas ?? 1;
}
