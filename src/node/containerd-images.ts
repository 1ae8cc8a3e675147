import { createGrpcChannel, GrpcError, grpcCode, type GrpcChannel, type Metadata } from './grpc.ts';
import type { ImageBlob, ImageContent } from './oci-image.ts';
import { buildPauseImage, pauseImageName } from './pause-image.ts';
import type { Architecture } from './oci-image.ts';
import {
  bytes,
  decode,
  encode,
  int,
  list,
  message,
  nested,
  string,
  stringMap,
  type Encodable,
  type Message,
} from './protobuf.ts';

const descriptor = message({ mediaType: string(1), digest: string(2), size: int(3) });
const image = message({ name: string(1), labels: stringMap(2), target: nested(3, descriptor) });
const writeContent = message({
  action: int(1),
  ref: string(2),
  total: int(3),
  expected: string(4),
  offset: int(5),
  data: bytes(6),
  labels: stringMap(7),
});
const imageRequest = message({ image: nested(1, image) });
const imageName = message({ name: string(1) });
const lease = message({ id: string(1), labels: stringMap(3) });
const imageList = message({ images: list(1, image) });
const none = message({});

const service = (name: string): string => `containerd.services.${name}`;
const writeAndCommit = 2;

/** The images of one containerd, below CRI: names and contents, in the namespace that CRI uses. */
export interface ContainerdImages {
  /** Names and the digests of what they stand for. */
  list(): Promise<{ name: string; digest: string }[]>;
  has(name: string): Promise<boolean>;
  /** Stores a small image (each piece below 16 MiB) under a name. What is there already stays. */
  store(content: ImageContent, name: string): Promise<void>;
  close(): void;
}

export function createContainerdImages(socketPath: string): ContainerdImages {
  const channel = createGrpcChannel({ path: socketPath });
  const metadata = { 'containerd-namespace': 'k8s.io' };
  const call = <Q extends Message>(method: string, of: Q, request: Encodable<Q>, more: Metadata = {}) =>
    channel.call(service(method), encode(of, request), { metadata: { ...metadata, ...more }, timeoutMs: 30_000 });
  return {
    async list() {
      const { images } = decode(imageList, await call('images.v1.Images/List', none, {}));
      return images.map(({ name, target }) => ({ name, digest: target?.digest ?? '' }));
    },
    async has(name) {
      return succeeds(call('images.v1.Images/Get', imageName, { name }), grpcCode.notFound);
    },
    async store({ layer, config, manifest }, name) {
      // The lease keeps the pieces from the garbage collector until the image holds them.
      const id = `timonel-${manifest.digest.slice(7, 19)}`;
      await succeeds(call('leases.v1.Leases/Create', lease, { id }), alreadyExists);
      const held = { ...metadata, 'containerd-lease': id };
      await Promise.all([writeBlob(channel, layer, held), writeBlob(channel, config, held)]);
      await writeBlob(channel, manifest, held, {
        'containerd.io/gc.ref.content.config': config.digest,
        'containerd.io/gc.ref.content.l.0': layer.digest,
      });
      const target = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.data.length };
      const labels = { 'io.cri-containerd.image': 'managed' };
      await succeeds(call('images.v1.Images/Create', imageRequest, { image: { name, labels, target } }), alreadyExists);
      await succeeds(call('leases.v1.Leases/Delete', lease, { id }), grpcCode.notFound);
    },
    close: () => channel.close(),
  };
}

/** Makes sure that a containerd has the image of every sandbox. */
export async function ensurePauseImage(socketPath: string, architecture: Architecture): Promise<void> {
  const images = createContainerdImages(socketPath);
  try {
    if (!(await images.has(pauseImageName))) await images.store(buildPauseImage(architecture), pauseImageName);
  } finally {
    images.close();
  }
}

const alreadyExists = 6;

/** One message writes and commits a piece; a piece that is there already is left alone. */
async function writeBlob(
  channel: GrpcChannel,
  { digest, data }: ImageBlob,
  metadata: Metadata,
  labels: Record<string, string> = {},
): Promise<void> {
  const total = data.length;
  const request = { action: writeAndCommit, ref: `timonel-${digest}`, total, expected: digest, data, labels };
  const answers = channel.stream('containerd.services.content.v1.Content/Write', encode(writeContent, request), {
    metadata,
    signal: new AbortController().signal,
  });
  const drain = async (): Promise<void> => {
    for await (const _ of answers);
  };
  await succeeds(drain(), alreadyExists);
}

/** False when the call fails with the code that is expected. */
async function succeeds(done: Promise<unknown>, expected: number): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (error instanceof GrpcError && error.code === expected) return false;
    throw error;
  }
}
