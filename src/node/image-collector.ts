import type { Pod } from '../api/types/core-v1.ts';
import type { AgentContext } from './agent-context.ts';
import { type FileSystemUse, type ImageCollectionPolicy } from './eviction-thresholds.ts';
import {
  bytesToFree,
  collectableImages,
  imagesInUse,
  isPulled,
  seenImages,
  tooLittleFreed,
  type ImageRecord,
} from './image-collection.ts';
import { recordForNode } from './node-status.ts';
import type { ImageInfo } from './runtime.ts';

/** The kubelet's period: nothing tells how full a disk is. */
const periodMs = 5 * 60_000;

export interface ImageCollectorOptions {
  policy: ImageCollectionPolicy;
  /** Those whose containers run or are to run. */
  pods: () => Iterable<Pod>;
  imageFileSystem: () => Promise<FileSystemUse>;
}

/**
 * Removes images that no pod has when the disk is getting full, as the kubelet does; those that were built or imported
 * on this machine stay, because they cannot be pulled again.
 */
export class ImageCollector {
  readonly #context: AgentContext;
  readonly #options: ImageCollectorOptions;
  #records: ReadonlyMap<string, ImageRecord> | undefined;

  constructor(context: AgentContext, options: ImageCollectorOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.collect();
        failures = 0;
      } catch (error) {
        const { message } = error as Error;
        log.warn('cannot collect images', { error });
        // Once may be chance.
        if (++failures > 1) recordForNode(this.#context, 'Warning', 'ImageGCFailed', message);
      }
      await clock.sleep(periodMs, signal).catch(() => undefined);
    }
  }

  /** Frees space where the disk is too full. Rejects when there is not enough to free. */
  async collect(): Promise<void> {
    // Images are dated at each look.
    const collectable = await this.#look();
    const use = await this.#options.imageFileSystem();
    if (use.capacityBytes === 0) {
      const message = 'invalid capacity 0 on image filesystem';
      recordForNode(this.#context, 'Warning', 'InvalidDiskCapacity', message);
      throw new Error(message);
    }
    const wanted = bytesToFree(this.#options.policy, use);
    if (wanted === undefined) return;
    const freed = await this.#remove(collectable, wanted);
    if (freed >= wanted) return;
    const message = tooLittleFreed(use, freed);
    recordForNode(this.#context, 'Warning', 'FreeDiskSpaceFailed', message);
    throw new Error(message);
  }

  /** Removes all images that may go. */
  async removeUnused(): Promise<void> {
    await this.#remove(await this.#look(), Infinity);
  }

  async #look(): Promise<ImageInfo[]> {
    const { runtime, clock, isImported } = this.#context;
    const [images, containers] = await Promise.all([runtime.listImages(), runtime.listContainers()]);
    const used = imagesInUse(images, containers, this.#options.pods());
    const nowMs = clock.now();
    this.#records = seenImages(images, used, { known: this.#records, nowMs });
    const kept = new Set<string>();
    for (const image of images) {
      const imported = isImported ? await Promise.all(image.tags.map(isImported)) : [];
      if (image.pinned || !isPulled(image) || imported.includes(true)) kept.add(image.id);
    }
    const isKept = ({ id }: ImageInfo): boolean => kept.has(id);
    return collectableImages({ images, used, records: this.#records, nowMs, isKept });
  }

  /** One after the other until enough is free; resolves with the bytes. */
  async #remove(images: readonly ImageInfo[], wantedBytes: number): Promise<number> {
    const { runtime, log } = this.#context;
    const errors: string[] = [];
    let freed = 0;
    for (const { id, tags, sizeBytes } of images) {
      if (freed >= wantedBytes) break;
      try {
        await runtime.removeImage(id);
        freed += sizeBytes;
        log.info('removed an image that nobody uses', { id, tags, sizeBytes });
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
    if (errors.length === 0) return freed;
    const wanted = wantedBytes === Infinity ? 'all unused images' : `${wantedBytes} bytes`;
    const why = errors.join(', ');
    throw new Error(`wanted to free ${wanted}, but freed ${freed} bytes space with errors in image deletion: ${why}`);
  }
}
