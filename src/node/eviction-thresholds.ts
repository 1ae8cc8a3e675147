import { formatQuantity, parseQuantity } from '../api/quantity.ts';
import type { MemoryUse, ProcessUse } from './machine-load.ts';

/** How full a file system is. */
export interface FileSystemUse {
  /** Tells file systems apart. */
  device: number;
  capacityBytes: number;
  availableBytes: number;
  /** 0 where the file system has no fixed number of them. */
  inodes: number;
  inodesFree: number;
}

export type EvictionSignal =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** What is short, as events and messages speak of it. */
export type ScarceResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

/** The node is under pressure while less than this is left (documentation of node-pressure eviction). */
export interface EvictionThreshold {
  signal: EvictionSignal;
  /** Of the whole, from 0 to 1, or an amount. */
  least: { share: number } | { amount: number };
}

export interface ImageCollectionPolicy {
  /** Collecting begins when the file system of images is as full as this, and ends at `lowPercent`; 100: never. */
  highPercent: number;
  lowPercent: number;
}

/** What an agent does when little of its node is left. */
export interface PressurePolicy {
  thresholds: readonly EvictionThreshold[];
  images: ImageCollectionPolicy;
}

/** The kubelet's. */
export const upstreamEvictionHard =
  'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%';

/** The kubelet's. */
export const upstreamImageCollection: ImageCollectionPolicy = { highPercent: 85, lowPercent: 80 };

/** The first that is short is seen to first: memory before all, as with the kubelet. */
const signals: readonly string[] = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] satisfies EvictionSignal[];

/** Reads what the kubelet takes as `--eviction-hard`. Throws a sentence. */
export function parseEvictionThresholds(text: string): EvictionThreshold[] {
  const found = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(parseThreshold);
  const twice = found.find(({ signal }, i) => found.findIndex((other) => other.signal === signal) !== i);
  if (twice) throw new Error(`there are two thresholds of ${twice.signal}`);
  return found;
}

function parseThreshold(text: string): EvictionThreshold {
  const [, signal = '', value = ''] = /^\s*([^<\s]*)\s*<\s*(\S+)\s*$/.exec(text) ?? [];
  if (value === '') throw new Error(`"${text.trim()}" is no threshold, as nodefs.available<10% is one`);
  if (!isSignal(signal)) throw new Error(`"${signal}" is none of ${signals.join(', ')}`);
  if (value.endsWith('%')) {
    const share = /^\d+(\.\d+)?%$/.test(value) ? Number.parseFloat(value) / 100 : Number.NaN;
    if (share >= 0 && share < 1) return { signal, least: { share } };
    throw new Error(`"${value}" is not from 0% to below 100%`);
  }
  const quantity = parseQuantity(value);
  if (quantity === undefined || quantity.nano < 0n) throw new Error(`"${value}" is no amount, as 1Gi is one`);
  return { signal, least: { amount: Number(quantity.nano / 1_000_000_000n) } };
}

function isSignal(text: string): text is EvictionSignal {
  return signals.includes(text);
}

/** A threshold that is met. */
export interface Shortage {
  signal: EvictionSignal;
  least: number;
  available: number;
}

export interface PressureObservation {
  nodefs: FileSystemUse;
  imagefs: FileSystemUse;
  memory: MemoryUse;
  processes: ProcessUse;
}

/** The thresholds that are met, the first to be seen to first. */
export function shortages(thresholds: readonly EvictionThreshold[], observed: PressureObservation): Shortage[] {
  const met = thresholds.flatMap(({ signal, least }) => {
    const { capacity, available } = leftOf(signal, observed);
    const amount = 'share' in least ? Math.floor(capacity * least.share) : least.amount;
    return capacity > 0 && available < amount ? [{ signal, least: amount, available }] : [];
  });
  return met.sort((a, b) => signals.indexOf(a.signal) - signals.indexOf(b.signal));
}

function leftOf(
  signal: EvictionSignal,
  { nodefs, imagefs, memory, processes }: PressureObservation,
): { capacity: number; available: number } {
  switch (signal) {
    case 'memory.available':
      return { capacity: memory.capacityBytes, available: memory.availableBytes };
    case 'pid.available':
      return { capacity: processes.most, available: processes.most - processes.running };
    case 'nodefs.available':
      return { capacity: nodefs.capacityBytes, available: nodefs.availableBytes };
    case 'imagefs.available':
      return { capacity: imagefs.capacityBytes, available: imagefs.availableBytes };
    case 'nodefs.inodesFree':
      return { capacity: nodefs.inodes, available: nodefs.inodesFree };
    case 'imagefs.inodesFree':
      return { capacity: imagefs.inodes, available: imagefs.inodesFree };
  }
}

export function resourceOf({ signal }: Shortage): ScarceResource {
  if (signal === 'memory.available') return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('inodesFree') ? 'inodes' : 'ephemeral-storage';
}

/** The condition of the node that a shortage is. */
export function conditionOf(shortage: Shortage): PressureCondition {
  const resource = resourceOf(shortage);
  if (resource === 'memory') return 'MemoryPressure';
  return resource === 'pids' ? 'PIDPressure' : 'DiskPressure';
}

/** As upstream's Quantity shows bytes. */
function binaryQuantity(amount: number): string {
  return formatQuantity({ nano: BigInt(Math.round(amount)) * 1_000_000_000n, format: 'BinarySI' });
}

/** Why a pod has to go, in the kubelet's words. */
export function evictionMessage(
  shortage: Shortage,
  containers: readonly { name: string; usedBytes: number; requestedBytes: number }[],
): string {
  const resource = resourceOf(shortage);
  const figures = `Threshold quantity: ${binaryQuantity(shortage.least)}, available: ${binaryQuantity(shortage.available)}. `;
  const isOfBytes = resource === 'memory' || resource === 'ephemeral-storage';
  const greedy = isOfBytes ? containers.filter(({ usedBytes, requestedBytes }) => usedBytes > requestedBytes) : [];
  const told = greedy.map(({ name, usedBytes, requestedBytes }) => {
    const amounts = `${binaryQuantity(usedBytes)}, request is ${binaryQuantity(requestedBytes)}`;
    return `Container ${name} was using ${amounts}, has larger consumption of ${resource}. `;
  });
  return `The node was low on resource: ${resource}. ${figures}${told.join('')}`;
}

export interface EvictionCandidate {
  usedBytes: number;
  requestedBytes: number;
  priority: number;
}

/** The order in which pods go: those above their requests, the less important ones, those that take most. */
export function byEviction(a: EvictionCandidate, b: EvictionCandidate): number {
  const excess = ({ usedBytes, requestedBytes }: EvictionCandidate): number => usedBytes - requestedBytes;
  return Number(excess(b) > 0) - Number(excess(a) > 0) || a.priority - b.priority || excess(b) - excess(a);
}
