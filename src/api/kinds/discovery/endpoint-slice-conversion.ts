import type { Endpoint, EndpointSlice } from '../../types/discovery-v1.ts';
import { hostnameLabel, zoneLabel } from '../../well-known.ts';

type OldEndpoint = Endpoint & { topology?: Record<string, string> };

/** v1beta1 told node and zone in a map, `topology`; v1 has fields for both and keeps the rest in `deprecatedTopology`. */
export function fromV1beta1(slice: EndpointSlice): void {
  for (const endpoint of (slice.endpoints ?? []) as OldEndpoint[]) {
    const { topology } = endpoint;
    if (topology === undefined) continue;
    delete endpoint.topology;
    const { [zoneLabel]: zone, ...others } = topology;
    if (zone !== undefined) endpoint.zone = zone;
    if (endpoint.nodeName !== undefined || others[hostnameLabel] !== undefined) {
      endpoint.nodeName ??= others[hostnameLabel]!;
      delete others[hostnameLabel];
    }
    if (Object.keys(others).length > 0) endpoint.deprecatedTopology = others;
  }
}

export function toV1beta1(slice: EndpointSlice): void {
  for (const endpoint of (slice.endpoints ?? []) as OldEndpoint[]) {
    const { zone, nodeName, deprecatedTopology } = endpoint;
    const topology = {
      ...deprecatedTopology,
      ...(zone !== undefined && { [zoneLabel]: zone }),
      ...(nodeName !== undefined && { [hostnameLabel]: nodeName }),
    };
    delete endpoint.zone;
    delete endpoint.deprecatedTopology;
    if (Object.keys(topology).length > 0) endpoint.topology = topology;
  }
}
