import { nonZeroRequests } from '../cluster-cache.ts';
import type { Score } from '../plugin.ts';
import type { NodeInfo } from '../snapshot.ts';

/** Prefers nodes with the most left free, as a share, of cpu and memory (upstream: NodeResourcesFit, LeastAllocated). */
export const leastAllocated: Score = {
  name: 'NodeResourcesFit',
  weight: 1,
  score(pod, nodes) {
    const wanted = nonZeroRequests(pod);
    return nodes.map((node) => {
      const { cpu, memory } = sharesAfter(node, wanted);
      return Math.floor((Math.max(0, 1 - cpu) * 100 + Math.max(0, 1 - memory) * 100) / 2);
    });
  },
};

/** Prefers nodes where cpu and memory would be used alike (upstream: NodeResourcesBalancedAllocation). */
export const balancedAllocation: Score = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  score(pod, nodes) {
    const wanted = nonZeroRequests(pod);
    return nodes.map((node) => {
      const { cpu, memory } = sharesAfter(node, wanted);
      return Math.floor((1 - Math.abs(Math.min(cpu, 1) - Math.min(memory, 1)) / 2) * 100);
    });
  },
};

/** The shares of the node's cpu and memory in use once the pod is there. */
function sharesAfter(node: NodeInfo, wanted: { cpu: number; memory: number }): { cpu: number; memory: number } {
  return {
    cpu: (node.nonZeroCpu + wanted.cpu) / (node.allocatable.get('cpu') || 1),
    memory: (node.nonZeroMemory + wanted.memory) / (node.allocatable.get('memory') || 1),
  };
}

const megabyte = 1024 * 1024;

/** Prefers nodes that hold the images already; an image that few nodes have counts less (upstream: ImageLocality). */
export const imageLocality: Score = {
  name: 'ImageLocality',
  weight: 1,
  score(pod, nodes) {
    const images = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((c) => c.image ?? '');
    const bytes = nodes.map(() => 0);
    for (const image of images) {
      const names = namesOf(image);
      const sizes = nodes.map((node) => names.map((name) => node.imageBytes.get(name) ?? 0).find(Boolean) ?? 0);
      const spread = sizes.filter((size) => size > 0).length / nodes.length;
      for (const [i, size] of sizes.entries()) bytes[i] = (bytes[i] ?? 0) + size * spread;
    }
    if (bytes.every((sum) => sum === bytes[0])) return undefined;
    const least = 23 * megabyte;
    const most = 1000 * megabyte * images.length;
    return bytes.map((sum) => Math.floor((100 * (Math.min(Math.max(sum, least), most) - least)) / (most - least)));
  },
};

/** The names under which a node may report an image: as written, with the default tag, and with the default registry. */
function namesOf(image: string): string[] {
  const tagged = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
  const hasRegistry = /^[^/]*[.:][^/]*\/|^localhost\//.test(tagged);
  const full = hasRegistry ? tagged : tagged.includes('/') ? `docker.io/${tagged}` : `docker.io/library/${tagged}`;
  return [image, tagged, full];
}
