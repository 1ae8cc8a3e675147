import { connectContainerd, type ContainerdServices } from './containerd-services.ts';
import type { Architecture, ImageContent } from './oci-image.ts';
import { buildPauseImage, pauseImageName } from './pause-image.ts';

/** Makes sure that a containerd has the image of every sandbox. */
export async function ensurePauseImage(socketPath: string, architecture: Architecture): Promise<void> {
  const services = connectContainerd(socketPath);
  try {
    if (!(await services.getImage(pauseImageName)))
      await storeImage(services, buildPauseImage(architecture), pauseImageName);
  } finally {
    services.close();
  }
}

/** Stores a small image (each piece below 16 MiB) under a name. Contents that are there already stay. */
async function storeImage(services: ContainerdServices, content: ImageContent, name: string): Promise<void> {
  const { layer, config, manifest } = content;
  const lease = await services.withLease(`timonel-${manifest.digest.slice(7, 19)}`);
  const size = ({ data }: { data: Uint8Array }): number => data.length;
  await Promise.all([layer, config].map((blob) => lease.commitContent({ ...blob, size: size(blob) }, {})));
  await lease.commitContent(
    { ...manifest, size: size(manifest) },
    {
      'containerd.io/gc.ref.content.config': config.digest,
      'containerd.io/gc.ref.content.l.0': layer.digest,
    },
  );
  const target = { mediaType: manifest.mediaType, digest: manifest.digest, size: size(manifest) };
  await services.putImage({ name, labels: { 'io.cri-containerd.image': 'managed' }, target });
  await lease.release();
}
