import { quantityToMilli, quantityToNumber } from '../api/quantity.ts';
import type { Pod, ResourceFieldSelector } from '../api/types/core-v1.ts';
import { containersOf } from './pod-spec.ts';

/** What the downward API can tell beyond the pod itself. */
export interface NodeFacts {
  nodeName: string;
  hostIps: readonly string[];
  podIps: readonly string[];
  /** For limits that a container does not set. cpu in millicores, the rest in bytes. */
  allocatable: { cpu: number; memory: number; ephemeralStorage: number };
}

/** The value of a `fieldRef`; undefined when the path is not supported. Maps are written one `key="value"` a line. */
export function fieldValue(pod: Pod, path: string, facts: NodeFacts): string | undefined {
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  const { metadata, spec } = pod;
  if (subscript) return metadata[subscript[1] as 'annotations' | 'labels']?.[subscript[2] as string] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'spec.host':
      return facts.nodeName;
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      return undefined;
  }
}

/** `key="value"` lines in the order of the keys, values quoted as Go's %q does. */
function formatMap(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map?.[key])}`)
    .join('\n');
}

/**
 * The value of a `resourceFieldRef`, divided and rounded up. Throws with upstream's message for what it does not
 * know.
 */
export function resourceValue(
  pod: Pod,
  selector: ResourceFieldSelector,
  defaultContainer: string,
  facts: NodeFacts,
): string {
  const name = selector.containerName || defaultContainer;
  const container = containersOf(pod).find((c) => c.spec.name === name);
  if (!container) throw new Error(`container ${name} not found`);
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource);
  const [, list, resource] = match ?? [];
  const known =
    resource && (['cpu', 'memory', 'ephemeral-storage'].includes(resource) || resource.startsWith('hugepages-'));
  if (!list || !known) throw new Error(`unsupported container resource : ${selector.resource}`);
  const { resources } = container.spec;
  const limit = resources?.limits?.[resource];
  const quantity = list === 'limits' ? limit : (resources?.requests?.[resource] ?? limit);
  const divisor = selector.divisor && selector.divisor !== '0' ? selector.divisor : '1';
  if (resource === 'cpu') {
    const milli = quantity === undefined || quantity === '0' ? cpuDefault(list, facts) : quantityToMilli(quantity);
    return String(Math.ceil(milli / quantityToMilli(divisor)));
  }
  const bytes =
    quantity === undefined || quantity === '0' ? byteDefault(list, resource, facts) : quantityToNumber(quantity);
  return String(Math.ceil(bytes / quantityToNumber(divisor)));
}

/** A limit that is not set is the node's allocatable; a request that is not set is nothing. */
function cpuDefault(list: string, facts: NodeFacts): number {
  return list === 'limits' ? facts.allocatable.cpu : 0;
}

function byteDefault(list: string, resource: string, facts: NodeFacts): number {
  if (list !== 'limits') return 0;
  if (resource === 'memory') return facts.allocatable.memory;
  return resource === 'ephemeral-storage' ? facts.allocatable.ephemeralStorage : 0;
}
