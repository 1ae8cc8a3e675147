import type { ResourceClaimSpec } from '../../types/resource-v1.ts';

/** Requests of a claim ask for exactly one device, and tolerations compare by value, unless they say otherwise. */
export function defaultResourceClaimSpec(spec: ResourceClaimSpec): void {
  for (const { exactly, firstAvailable } of spec.devices?.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount') request.count ??= 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
    }
  }
}
