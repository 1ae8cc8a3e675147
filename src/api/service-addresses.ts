import { isIP } from 'node:net';
import type { Service } from './types/core-v1.ts';

/**
 * Annotation of a Service: addresses outside every range of the cluster, divided by blanks, that lead to its endpoints
 * with all their ports (docs/networking.md). Compose gives it the `ipv4_address` of a service.
 */
export const addressesAnnotation = 'timonel.dev/addresses';

/** What is no address is passed over. */
export function ownAddressesOf({ metadata }: Service): string[] {
  return (metadata.annotations?.[addressesAnnotation] ?? '').split(/\s+/).filter((text) => isIP(text) > 0);
}
