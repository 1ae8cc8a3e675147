import { compareQuantities } from '../../quantity.ts';
import type { Pod, ResourceRequirements } from '../../types/core-v1.ts';

const counted = ['cpu', 'memory'] as const;

/**
 * The pod's quality of service: `Guaranteed` when every container has limits for cpu and memory equal to its requests,
 * `BestEffort` when none has either, else `Burstable`. A pod with resources as a whole is judged by those.
 */
export function qosClass({ spec }: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  if (!spec) return 'BestEffort';
  if (spec.resources && hasAny(spec.resources)) return isGuaranteed(spec.resources) ? 'Guaranteed' : 'Burstable';
  let any = false;
  let guaranteed = true;
  for (const list of [spec.containers, spec.initContainers]) {
    if (!list) continue;
    for (const { resources } of list) {
      if (resources && hasAny(resources)) any = true;
      if (!resources || !isGuaranteed(resources)) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function hasAny({ limits, requests }: ResourceRequirements): boolean {
  return counted.some((name) => isPositive(limits?.[name]) || isPositive(requests?.[name]));
}

function isGuaranteed({ limits, requests }: ResourceRequirements): boolean {
  return counted.every((name) => {
    const limit = limits?.[name];
    if (!isPositive(limit)) return false;
    const request = requests?.[name];
    return request === undefined || compareQuantities(request, limit!) === 0;
  });
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && compareQuantities(quantity, '0') > 0;
}
