import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerdServices, Lease } from './containerd-services.ts';
import { chainIds, imageArchitecture } from './oci-image.ts';

/** One containerd of this machine: its services, and where it keeps contents. */
interface Store {
  services: ContainerdServices;
  root: string;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { architecture: string; os: string };
}

/**
 * Gives `target` an image that `source`, another containerd of this machine, has unpacked: contents and layers
 * become hard links, which is safe since neither ever writes to them, and costs neither disk nor the work of
 * unpacking again. Resolves with false when `source` lacks a part of it. Rejects when their layers lie on different
 * file systems.
 */
export async function replicateImage(
  source: ContainerdServices,
  target: ContainerdServices,
  name: string,
): Promise<boolean> {
  const [sourceRoot, targetRoot] = await Promise.all([source.contentRoot(), target.contentRoot()]);
  const from = { services: source, root: sourceRoot };
  const to = { services: target, root: targetRoot };
  const image = await from.services.getImage(name);
  if (!image) return false;
  const parts = collectBlobs(from, image.target);
  if (!parts) return false;
  const lease = `timonel-${image.target.digest.slice(7, 19)}`;
  const held = await to.services.withLease(lease);
  try {
    if (!(await replicateLayers({ from, to, held, diffIds: parts.diffIds }))) return false;
    // Contents that are named by others come first.
    for (const blob of parts.blobs.toReversed()) {
      linkBlob(from, to, blob.digest);
      await held.commitContent(blob, await from.services.contentLabels(blob.digest));
    }
    await to.services.putImage(image);
    return true;
  } finally {
    await held.release();
  }
}

/** The image's index, manifest, configuration and layers, as far as they lie in the store. */
function collectBlobs(store: Store, target: Descriptor): { blobs: Descriptor[]; diffIds: string[] } | undefined {
  const read = (digest: string): unknown => JSON.parse(readFileSync(blobPath(store, digest), 'utf8')) as unknown;
  if (!existsSync(blobPath(store, target.digest))) return undefined;
  const top = read(target.digest) as { manifests?: Descriptor[] };
  const architecture = imageArchitecture(process.arch);
  const fits = ({ digest, platform }: Descriptor): boolean =>
    existsSync(blobPath(store, digest)) && (!platform || platform.architecture === architecture);
  const chosen = top.manifests ? top.manifests.find(fits) : target;
  if (!chosen) return undefined;
  const { config, layers } = read(chosen.digest) as { config: Descriptor; layers: Descriptor[] };
  const blobs = [...(chosen === target ? [] : [target]), chosen, config, ...layers];
  if (!blobs.every(({ digest }) => existsSync(blobPath(store, digest)))) return undefined;
  const { rootfs } = read(config.digest) as { rootfs: { diff_ids: string[] } };
  return { blobs, diffIds: rootfs.diff_ids };
}

/** A layer's snapshot is named by its {@link chainIds chain id}. */
async function replicateLayers(options: {
  from: Store;
  to: Store;
  held: Lease;
  diffIds: readonly string[];
}): Promise<boolean> {
  const { from, to, held, diffIds } = options;
  let parent = '';
  for (const chainId of chainIds(diffIds)) {
    if (!(await to.services.hasSnapshot(chainId))) {
      const source = await from.services.snapshotDirectory(chainId);
      if (source === undefined) return false;
      await held.makeSnapshot({ name: chainId, parent }, (directory) => linkTree(source, directory));
    }
    parent = chainId;
  }
  return true;
}

function linkBlob(from: Store, to: Store, digest: string): void {
  const target = blobPath(to, digest);
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  try {
    linkSync(blobPath(from, digest), target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyFileSync(blobPath(from, digest), target);
  }
}

function linkTree(source: string, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('cp', ['--archive', '--link', '--', `${source}/.`, target], (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

function blobPath({ root }: Store, digest: string): string {
  return join(root, 'blobs', digest.replace(':', '/'));
}
