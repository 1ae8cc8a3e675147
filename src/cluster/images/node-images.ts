import { systemClock } from '../../base/system-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { connectContainerd } from '../../node/containerd-services.ts';
import { createCriRuntime } from '../../node/cri.ts';
import type { ImageInfo } from '../../node/runtime.ts';

/** What a node has, and which of it its containers, ended ones too, were made from. */
export interface NodeImages {
  images: readonly ImageInfo[];
  /** Names and ids. */
  used: ReadonlySet<string>;
}

export async function imagesOn(socketPath: string): Promise<NodeImages> {
  const runtime = createCriRuntime({ socketPath, clock: systemClock, log: silentLogger });
  try {
    const [images, containers] = await Promise.all([runtime.listImages(), runtime.listContainers()]);
    return { images, used: new Set(containers.flatMap(({ image, imageRef }) => [image, imageRef])) };
  } finally {
    runtime.close();
  }
}

/** Takes a name (normalised) from a node. Resolves with the image's id when it was its last name, and the image went. */
export async function untagOn(socketPath: string, name: string): Promise<string | undefined> {
  const { images } = await imagesOn(socketPath);
  const image = images.find(({ tags }) => tags.includes(name));
  if (!image) return undefined;
  if (image.tags.length === 1) return deleteOn(socketPath, image.id);
  const node = connectContainerd(socketPath);
  try {
    await node.deleteImage(name);
  } finally {
    node.close();
  }
  return undefined;
}

/** Takes an image with all of its names from a node; what containers run of it stays as long as they do. */
export async function deleteOn(socketPath: string, id: string): Promise<string> {
  const runtime = createCriRuntime({ socketPath, clock: systemClock, log: silentLogger });
  try {
    await runtime.removeImage(id);
    return id;
  } finally {
    runtime.close();
  }
}
