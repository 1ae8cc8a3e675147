import { imageCandidates, parseImageName } from './image-names.ts';
import { containersOf } from './pod-spec.ts';
import type { FileSystemUse, ImageCollectionPolicy } from './eviction-thresholds.ts';
import type { ContainerSummary, ImageInfo } from './runtime.ts';
import type { Pod } from '../api/types/core-v1.ts';

/** What is remembered of an image: epoch milliseconds; 0 is "before the agent". */
export interface ImageRecord {
  firstSeenMs: number;
  lastUsedMs: number;
}

/** One pulled just now may be about to be used (the kubelet's `imageMinimumGCAge`). */
const minimumAgeMs = 120_000;

/** Ids of the images that containers, ended ones too, or the pods of the node have. */
export function imagesInUse(
  images: readonly ImageInfo[],
  containers: readonly ContainerSummary[],
  pods: Iterable<Pod>,
): Set<string> {
  const named = new Set(containers.flatMap(({ image, imageRef }) => [image, imageRef]));
  for (const pod of pods) {
    const volumes = (pod.spec?.volumes ?? []).map(({ image }) => image?.reference);
    for (const text of [...containersOf(pod).map(({ spec }) => spec.image), ...volumes]) {
      const name = parseImageName(text ?? '');
      for (const candidate of name ? imageCandidates(name) : []) named.add(candidate);
    }
  }
  return new Set(images.filter((image) => namesOf(image).some((name) => named.has(name))).map(({ id }) => id));
}

function namesOf({ id, tags, digests }: ImageInfo): string[] {
  return [id, ...tags, ...digests];
}

/** The records of the images that are there now. */
export function seenImages(
  images: readonly ImageInfo[],
  used: ReadonlySet<string>,
  { known, nowMs }: { known: ReadonlyMap<string, ImageRecord> | undefined; nowMs: number },
): Map<string, ImageRecord> {
  return new Map(
    images.map(({ id }) => {
      const before = known?.get(id) ?? { firstSeenMs: known ? nowMs : 0, lastUsedMs: 0 };
      return [id, used.has(id) ? { ...before, lastUsedMs: nowMs } : before];
    }),
  );
}

/** Unused images that may go, those first that were not used for the longest time. */
export function collectableImages(options: {
  images: readonly ImageInfo[];
  used: ReadonlySet<string>;
  records: ReadonlyMap<string, ImageRecord>;
  nowMs: number;
  /** Cannot be had again. */
  isKept: (image: ImageInfo) => boolean;
}): ImageInfo[] {
  const { images, used, records, nowMs, isKept } = options;
  const recordOf = ({ id }: ImageInfo): ImageRecord => records.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
  return images
    .filter((image) => !used.has(image.id) && !isKept(image))
    .filter((image) => nowMs - recordOf(image).firstSeenMs >= minimumAgeMs)
    .sort((a, b) => {
      const [left, right] = [recordOf(a), recordOf(b)];
      return left.lastUsedMs - right.lastUsedMs || left.firstSeenMs - right.firstSeenMs;
    });
}

/**
 * Of an image that was pulled, the runtime knows by which digest the registry has it. One without was built or imported
 * on this machine, and is nowhere else.
 */
export function isPulled({ digests }: ImageInfo): boolean {
  return digests.length > 0;
}

/** How many bytes images have to give up; undefined where there is enough room. */
export function bytesToFree(policy: ImageCollectionPolicy, use: FileSystemUse): number | undefined {
  const { highPercent, lowPercent } = policy;
  if (highPercent >= 100 || usedPercent(use) < highPercent) return undefined;
  return Math.floor((use.capacityBytes * (100 - lowPercent)) / 100) - use.availableBytes;
}

function usedPercent({ capacityBytes, availableBytes }: FileSystemUse): number {
  return 100 - Math.floor((availableBytes * 100) / capacityBytes);
}

/** In the kubelet's words. */
export function tooLittleFreed(use: FileSystemUse, freedBytes: number): string {
  return (
    `Insufficient free disk space on the node's image filesystem ` +
    `(${usedPercent(use)}% of ${binarySize(use.capacityBytes)} used). ` +
    `Failed to free sufficient space by deleting unused images (freed ${freedBytes} bytes). ` +
    'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.'
  );
}

function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 2 ** (10 * power)).toFixed(1)} ${units[power]}`;
}
