import { algorithmOf, balancingAnnotations, parseWeights } from '../api/load-balancing.ts';
import type { Service } from '../api/types/core-v1.ts';

/**
 * Each endpoint's share of new connections, between 0 and 1, in the order of `pods` (names, undefined where an endpoint is
 * no pod). The weight of a label's value is divided among the pods that have it; who has no weight gets none, unless
 * nobody has one: then all share alike.
 */
export function sharesOf(service: Service, pods: readonly (string | undefined)[]): number[] {
  const equal = pods.map(() => 1 / pods.length);
  if (algorithmOf(service) !== 'weighted') return equal;
  const annotations = service.metadata.annotations ?? {};
  const groups = groupsOf(annotations[balancingAnnotations.weightGroups]);
  const weights = new Map(parseWeights(annotations[balancingAnnotations.weights]).map((w) => [w.of, w.weight]));
  const keys = pods.map((pod) => (pod !== undefined && weights.has(pod) ? pod : groups[pod ?? '']));
  const members = new Map<string, number>();
  for (const key of keys) if (key !== undefined) members.set(key, (members.get(key) ?? 0) + 1);
  const parts = keys.map((key) => (key === undefined ? 0 : (weights.get(key) ?? 0) / (members.get(key) ?? 1)));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return total > 0 ? parts.map((part) => part / total) : equal;
}

function groupsOf(text: string | undefined): Record<string, string> {
  try {
    return (JSON.parse(text ?? '{}') ?? {}) as Record<string, string>;
  } catch {
    return {};
  }
}

/** Slots of a weighted rotation: shares are exact to 1/1000. */
const maxSlots = 1000;

/**
 * A rotation in which index i of `shares` appears in proportion to its share, well mixed (nginx's smooth weighted round
 * robin): a run of connections of any length is spread as asked.
 */
export function rotation(shares: readonly number[]): number[] {
  const counts = slotCounts(shares);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const current = counts.map(() => 0);
  return Array.from({ length: total }, () => {
    let best = 0;
    for (let i = 0; i < counts.length; i++) {
      current[i] = (current[i] as number) + (counts[i] as number);
      if ((current[i] as number) > (current[best] as number)) best = i;
    }
    current[best] = (current[best] as number) - total;
    return best;
  });
}

/** Whole numbers in the proportion of the shares (largest remainder), divided by what all have in common. */
function slotCounts(shares: readonly number[]): number[] {
  const exact = shares.map((share) => share * maxSlots);
  const counts = exact.map((slots) => Math.floor(slots + 1e-9));
  let left = maxSlots - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = exact
    .map((slots, i) => ({ i, rest: slots - (counts[i] as number) }))
    .sort((a, b) => b.rest - a.rest);
  for (const { i } of byRemainder) {
    if (left-- <= 0) break;
    counts[i] = (counts[i] as number) + 1;
  }
  const divisor = counts.reduce(greatestCommonDivisor, 0) || 1;
  return counts.map((count) => count / divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A prime, so that every client's hash finds its slot alike. */
export const hashSlots = 1021;

/**
 * Which of `names` each hash slot belongs to (rendezvous hashing, Thaler and Ravishankar 1998): when one name goes, only its
 * own slots move, and when one comes, it takes its part from all alike.
 */
export function hashTable(names: readonly string[]): number[] {
  const seeds = names.map((name) => fnv1a(name));
  return Array.from({ length: hashSlots }, (_, slot) => {
    let best = 0;
    let highest = -1;
    for (let i = 0; i < seeds.length; i++) {
      const score = mix((seeds[i] as number) ^ Math.imul(slot + 1, 0x9e3779b1));
      if (score > highest) [best, highest] = [i, score];
    }
    return best;
  });
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output's. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
