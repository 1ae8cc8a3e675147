import { formatQuantity, parseQuantity } from '../api/quantity.ts';

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

export type EvictionSignal = 'nodefs.available' | 'nodefs.inodesFree' | 'imagefs.available' | 'imagefs.inodesFree';

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

/** What an agent does about its disk. */
export interface DiskPolicy {
  thresholds: readonly EvictionThreshold[];
  images: ImageCollectionPolicy;
}

/** The kubelet's. */
export const upstreamEvictionHard =
  'nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%';

/** The kubelet's. */
export const upstreamImageCollection: ImageCollectionPolicy = { highPercent: 85, lowPercent: 80 };

const signals: readonly string[] = [
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
] satisfies EvictionSignal[];

/** Reads what the kubelet takes as `--eviction-hard`, of the signals about disks. Throws a sentence. */
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

export interface DiskObservation {
  nodefs: FileSystemUse;
  imagefs: FileSystemUse;
}

/** The thresholds that are met, those of the node's own file system first. */
export function shortages(thresholds: readonly EvictionThreshold[], observed: DiskObservation): Shortage[] {
  const met = thresholds.flatMap(({ signal, least }) => {
    const use = signal.startsWith('nodefs') ? observed.nodefs : observed.imagefs;
    const [capacity, available] = isOfInodes(signal)
      ? [use.inodes, use.inodesFree]
      : [use.capacityBytes, use.availableBytes];
    const amount = 'share' in least ? Math.floor(capacity * least.share) : least.amount;
    return capacity > 0 && available < amount ? [{ signal, least: amount, available }] : [];
  });
  return met.sort((a, b) => signals.indexOf(a.signal) - signals.indexOf(b.signal));
}

function isOfInodes(signal: EvictionSignal): boolean {
  return signal.endsWith('inodesFree');
}

/** What is short, as a resource's name: events and messages speak of it. */
export function resourceOf({ signal }: Shortage): string {
  return isOfInodes(signal) ? 'inodes' : 'ephemeral-storage';
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
  const greedy = isOfInodes(shortage.signal)
    ? []
    : containers.filter(({ usedBytes, requestedBytes }) => usedBytes > requestedBytes);
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
