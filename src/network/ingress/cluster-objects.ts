import type { ConfigMap, Secret, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';

/** What an ingress is made from, looked up by `namespace/name`. */
export interface ClusterObjects {
  service(key: string): Service | undefined;
  slices(serviceKey: string): readonly EndpointSlice[];
  secret(key: string): Secret | undefined;
  configMap(key: string): ConfigMap | undefined;
}
