import { createHash } from 'node:crypto';

/** A piece of an image, named by its digest as the OCI image specification describes (media type, digest, size). */
export interface ImageBlob {
  mediaType: string;
  digest: string;
  data: Uint8Array;
}

/** An image of one layer in memory. Deterministic: the same input gives the same digests. */
export interface ImageContent {
  layer: ImageBlob;
  config: ImageBlob;
  manifest: ImageBlob;
}

/**
 * What an image's layers are called by their contents and all below them, lowest first (OCI image specification, "Layer
 * ChainID"). Runtimes name the unpacked layers by it.
 */
export function chainIds(diffIds: readonly string[]): string[] {
  const ids: string[] = [];
  for (const diffId of diffIds) {
    const below = ids.at(-1);
    ids.push(
      below === undefined ? diffId : `sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`,
    );
  }
  return ids;
}

/** Processor architectures as images name them. */
export type Architecture = 'amd64' | 'arm64';

/** The architecture of images for this machine; `node` is Node's `process.arch`. */
export function imageArchitecture(node: string): Architecture {
  if (node === 'x64') return 'amd64';
  if (node === 'arm64') return 'arm64';
  throw new Error(`containers run on x86-64 and ARM64 machines, not on ${node}`);
}

/** What a container of the image runs by default: fields of the OCI image configuration. */
export interface ImageRunConfig {
  Entrypoint?: readonly string[];
  Cmd?: readonly string[];
  Env?: readonly string[];
  WorkingDir?: string;
}

export function buildImage(layerTar: Uint8Array, architecture: Architecture, config: ImageRunConfig): ImageContent {
  const layer = blob('application/vnd.oci.image.layer.v1.tar', layerTar);
  return { layer, ...describeImage({ layer: descriptor(layer), diffId: layer.digest, architecture, config }) };
}

/** Configuration and manifest of an image whose only layer lies elsewhere. `diffId` is the digest of the plain tar. */
export function describeImage(image: {
  layer: { mediaType: string; digest: string; size: number };
  diffId: string;
  architecture: Architecture;
  config: ImageRunConfig;
}): { config: ImageBlob; manifest: ImageBlob } {
  const { layer, diffId, architecture } = image;
  const config = blob('application/vnd.oci.image.config.v1+json', {
    architecture,
    os: 'linux',
    config: image.config,
    rootfs: {
      type: 'layers',
      diff_ids: [diffId],
    },
    history: [
      {
        created: '1970-01-01T00:00:00Z',
        created_by: 'timonel',
      },
    ],
  });
  const manifest = blob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor(config),
    layers: [layer],
  });
  return { config, manifest };
}

/** The `index.json` of an OCI image layout that holds one image under `name`. */
export function layoutIndex(manifest: ImageBlob, name: string): Uint8Array {
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
  return toJson({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor(manifest),
        annotations,
      },
    ],
  });
}

function blob(mediaType: string, content: Uint8Array | object): ImageBlob {
  const data = content instanceof Uint8Array ? content : toJson(content);
  return { mediaType, digest: `sha256:${createHash('sha256').update(data).digest('hex')}`, data };
}

function descriptor({ mediaType, digest, data }: ImageBlob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size: data.length };
}

function toJson(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
