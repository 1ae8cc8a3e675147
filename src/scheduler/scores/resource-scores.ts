import { podRequests } from '../../api/pod-resources.ts';
import { nonZeroLoad } from '../pod-facts.ts';
import type { Score } from '../plugin.ts';
import type { NodeInfo, ResourceUse } from '../snapshot.ts';

/** Prefers nodes with the largest shares of cpu and memory left free (upstream: NodeResourcesFit, LeastAllocated). */
export const leastAllocated: Score = {
  name: 'NodeResourcesFit',
  weight: 1,
  score(pod, nodes) {
    const { cpu, memory } = nonZeroLoad(pod);
    const scores = new Float64Array(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as NodeInfo;
      const resources = (node.cpu.allocatable > 0 ? 1 : 0) + (node.memory.allocatable > 0 ? 1 : 0);
      const sum = freeShare(node.cpu, cpu) + freeShare(node.memory, memory);
      scores[i] = resources > 0 ? Math.floor(sum / resources) : 0;
    }
    return scores;
  },
};

/** 0 to 100, in whole numbers as upstream. */
function freeShare({ allocatable, load }: ResourceUse, more: number): number {
  const used = load + more;
  return allocatable === 0 || used > allocatable ? 0 : Math.floor(((allocatable - used) * 100) / allocatable);
}

/** Prefers nodes where cpu and memory would be used alike (upstream: NodeResourcesBalancedAllocation). */
export const balancedAllocation: Score = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  score(pod, nodes) {
    const requests = podRequests(pod);
    const cpu = requests.get('cpu') ?? 0;
    const memory = requests.get('memory') ?? 0;
    // Pods that ask for nothing would otherwise all go to one node that is in balance.
    if (cpu === 0 && memory === 0) return undefined;
    const scores = new Float64Array(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as NodeInfo;
      const hasBoth = node.cpu.allocatable > 0 && node.memory.allocatable > 0;
      const deviation = hasBoth ? Math.abs(usedShare(node.cpu, cpu) - usedShare(node.memory, memory)) / 2 : 0;
      scores[i] = Math.floor((1 - deviation) * 100);
    }
    return scores;
  },
};

function usedShare({ allocatable, requested }: ResourceUse, more: number): number {
  return Math.min(1, (requested + more) / allocatable);
}

const megabyte = 1024 * 1024;
const leastBytes = 23 * megabyte;
const mostBytesPerContainer = 1000 * megabyte;

/** Prefers nodes that hold the images already; an image that few nodes have counts less (upstream: ImageLocality). */
export const imageLocality: Score = {
  name: 'ImageLocality',
  weight: 1,
  score(pod, nodes, snapshot) {
    const { initContainers = [], containers = [] } = pod.spec ?? {};
    const images = [...initContainers, ...containers].map(({ image = '' }) => image);
    const present = images.flatMap((image) => namesOf(image).filter((name) => snapshot.nodesWithImage(name) > 0));
    if (present.length === 0) return undefined;
    const most = mostBytesPerContainer * images.length;
    const shares = new Map(present.map((name) => [name, snapshot.nodesWithImage(name) / snapshot.nodes.length]));
    return nodes.map((node) => {
      let sum = 0;
      for (const image of images) {
        const name = namesOf(image).find((candidate) => node.imageBytes.has(candidate));
        if (name) sum += Math.floor((node.imageBytes.get(name) ?? 0) * (shares.get(name) ?? 0));
      }
      return Math.floor((100 * (Math.min(Math.max(sum, leastBytes), most) - leastBytes)) / (most - leastBytes));
    });
  },
};

const imageNames = new Map<string, readonly string[]>();

/** The names under which a node may report an image: with the default tag, and with the default registry. */
function namesOf(image: string): readonly string[] {
  const known = imageNames.get(image);
  if (known) return known;
  const tagged = image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
  const hasRegistry = /^[^/]*[.:][^/]*\/|^localhost\//.test(tagged);
  const full = hasRegistry ? tagged : tagged.includes('/') ? `docker.io/${tagged}` : `docker.io/library/${tagged}`;
  const names = full === tagged ? [tagged] : [tagged, full];
  if (imageNames.size >= 1024) imageNames.clear();
  imageNames.set(image, names);
  return names;
}
