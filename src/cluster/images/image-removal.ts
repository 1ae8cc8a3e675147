import { pauseImageName } from '../../node/pause-image.ts';
import type { ImageInfo } from '../../node/runtime.ts';
import type { LibraryImage } from './image-library.ts';
import type { NodeImages } from './node-images.ts';

export interface PruneFacts {
  /** Of the library, with when they were taken in: epoch milliseconds. */
  library: readonly (LibraryImage & { takenInMs: number })[];
  nodes: readonly NodeImages[];
  /** Names (normalised) that the cluster's objects have. */
  named: ReadonlySet<string>;
  /** Only what came before; of images that nodes alone have, nobody knows when that was. Epoch milliseconds. */
  before: number | undefined;
}

/** What `image prune` removes: names, and ids of images that have none. */
export interface Prunable {
  names: string[];
  ids: string[];
}

/**
 * Images without a name that no container has (what a build anew leaves of the one before); with `all`, also those with
 * names that no container has and no object of the cluster asks for. Pure.
 */
export function prunableImages(facts: PruneFacts, all: boolean): Prunable {
  const { library, nodes, named, before } = facts;
  const isUsed = (name: string): boolean => named.has(name) || nodes.some((node) => isUsedOn(node, name));
  const inTime = (takenInMs: number): boolean => before === undefined || takenInMs < before;
  const own = library.filter(({ name, takenInMs }) => inTime(takenInMs) && !isUsed(name)).map(({ name }) => name);
  const isUsedElsewhere = ({ id }: ImageInfo): boolean => nodes.some(({ used }) => used.has(id));
  const onNodes = before === undefined ? nodes.flatMap((node) => unused(node)) : [];
  const known = new Set(library.map(({ name }) => name));
  const foreign = onNodes.flatMap(({ tags }) => tags).filter((name) => !known.has(name) && !isUsed(name));
  const isNameless = ({ tags, digests }: ImageInfo): boolean => tags.length === 0 && (all || digests.length === 0);
  const nameless = onNodes.filter((image) => isNameless(image) && !isUsedElsewhere(image));
  return {
    names: all ? [...new Set([...own, ...foreign])].toSorted() : [],
    ids: [...new Set(nameless.map(({ id }) => id))].toSorted(),
  };
}

/** Every pod's sandbox is made from it. */
function isOfSandboxes({ pinned, tags }: ImageInfo): boolean {
  return pinned || tags.includes(pauseImageName);
}

/** Whether a container of the node was made from the image that has the name there. */
export function isUsedOn({ images, used }: NodeImages, name: string): boolean {
  const image = images.find(({ tags }) => tags.includes(name));
  return used.has(name) || (image !== undefined && (isOfSandboxes(image) || isUsedImage(image, used)));
}

function unused({ images, used }: NodeImages): ImageInfo[] {
  return images.filter((image) => !isOfSandboxes(image) && !isUsedImage(image, used));
}

function isUsedImage({ id, tags, digests }: ImageInfo, used: ReadonlySet<string>): boolean {
  return [id, ...tags, ...digests].some((name) => used.has(name));
}
