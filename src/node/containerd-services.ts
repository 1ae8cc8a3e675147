import { createGrpcChannel, GrpcError, grpcCode, type GrpcChannel, type Metadata } from './grpc.ts';
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
  strings,
  type Decoded,
  type Encodable,
  type Message,
} from './protobuf.ts';

const none = message({});
const descriptor = message({ mediaType: string(1), digest: string(2), size: int(3) });
const image = message({ name: string(1), labels: stringMap(2), target: nested(3, descriptor) });
const imageRequest = message({ image: nested(1, image) });
const name = message({ name: string(1) });
const imageList = message({ images: list(1, image) });
const lease = message({ id: string(1), labels: stringMap(3) });
const digest = message({ digest: string(1) });
const contentInfo = message({ info: nested(1, message({ digest: string(1), labels: stringMap(5) })) });
const writeContent = message({
  action: int(1),
  ref: string(2),
  total: int(3),
  expected: string(4),
  offset: int(5),
  data: bytes(6),
  labels: stringMap(7),
});
const snapshot = message({ snapshotter: string(1), key: string(2), parent: string(3) });
const commit = message({ snapshotter: string(1), name: string(2), key: string(3) });
const mounts = message({
  mounts: list(1, message({ type: string(1), source: string(2), target: string(3), options: strings(4) })),
});

export interface StoredImage {
  name: string;
  labels: Readonly<Record<string, string>>;
  target: { mediaType: string; digest: string; size: number };
}

/** A piece of content; without `data` it must lie in the content store's directory already. */
export interface Content {
  digest: string;
  size: number;
  data?: Uint8Array;
}

/** Keeps what is written through it from the garbage collector until it is released. */
export interface Lease {
  /** Content that is known already stays as it is. */
  commitContent(content: Content, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Makes a snapshot whose difference from its parent (none when empty) `fill` puts into the directory it is given. */
  makeSnapshot(of: { name: string; parent: string }, fill: (directory: string) => Promise<void>): Promise<void>;
  release(): Promise<void>;
}

/** containerd's own services, below CRI, in CRI's namespace: images, contents, snapshots (overlayfs). */
export interface ContainerdServices {
  /** The directory below which this containerd keeps its contents. */
  contentRoot(): Promise<string>;
  listImages(): Promise<StoredImage[]>;
  getImage(name: string): Promise<StoredImage | undefined>;
  /** Gives the name to this image, whichever had it. */
  putImage(image: StoredImage): Promise<void>;
  /** Takes the name away; one that nothing has is fine. */
  deleteImage(name: string): Promise<void>;
  contentLabels(digest: string): Promise<Record<string, string>>;
  withLease(id: string): Promise<Lease>;
  hasSnapshot(name: string): Promise<boolean>;
  /** The directory that holds what the snapshot adds to its parent; undefined when there is no such snapshot. */
  snapshotDirectory(name: string): Promise<string | undefined>;
  /** The directories of a container's image, topmost layer first. */
  layersOf(containerId: string): Promise<string[]>;
  /** The directories of a snapshot and of those below it, topmost first; undefined when there is no such snapshot. */
  snapshotLayers(name: string): Promise<string[] | undefined>;
  /** The specification (JSON) of a container. */
  specOf(containerId: string): Promise<string>;
  /** Number of the first process of a container that runs. */
  pidOf(containerId: string): Promise<number>;
  /** Changes the specification (JSON) that a container will be started by. */
  changeSpec(containerId: string, change: (json: string) => string): Promise<void>;
  close(): void;
}

const plugins = message({ plugins: list(1, message({ type: string(1), exports: stringMap(5) })) });

const any = message({ typeUrl: string(1), value: bytes(2) });
const container = message({ id: string(1), spec: nested(5, any) });
const containerRequest = message({
  container: nested(1, container),
  updateMask: nested(2, message({ paths: strings(1) })),
});

const byId = message({ id: string(1) });
const taskRequest = message({ containerId: string(1) });
const taskAnswer = message({ process: nested(1, message({ pid: int(3) })) });

const metadata: Metadata = { 'containerd-namespace': 'k8s.io' };
const snapshotter = 'overlayfs';
const alreadyExists = 6;
const writeAndCommit = 2;
let views = 0;

export function connectContainerd(socketPath: string): ContainerdServices {
  return containerdServices(createGrpcChannel({ path: socketPath }));
}

/** Over a connection that others use as well. */
export function containerdServices(channel: GrpcChannel): ContainerdServices {
  const call: Call = async <Q extends Message, A extends Message>(
    method: string,
    [query, request]: readonly [Q, Encodable<Q>],
    answer: A,
    headers: Metadata = metadata,
  ): Promise<Decoded<A>> => {
    const options = { metadata: headers, timeoutMs: 60_000 };
    return decode(answer, await channel.call(`containerd.services.${method}`, encode(query, request), options));
  };
  return {
    ...imageCalls(call),
    ...leaseCalls(call, channel),
    ...snapshotCalls(call),
    ...containerCalls(call),
    close: () => channel.close(),
  };
}

type Call = <Q extends Message, A extends Message>(
  method: string,
  request: readonly [Q, Encodable<Q>],
  answer: A,
  headers?: Metadata,
) => Promise<Decoded<A>>;

function imageCalls(call: Call) {
  return {
    async contentRoot() {
      const query = [message({ filters: strings(1) }), { filters: ['type==io.containerd.content.v1'] }] as const;
      const [content] = (await call('introspection.v1.Introspection/Plugins', query, plugins)).plugins;
      const root = content?.exports['root'];
      if (root === undefined) throw new Error('containerd does not tell where it keeps contents');
      return root;
    },
    async listImages() {
      return (await call('images.v1.Images/List', [none, {}], imageList)).images.flatMap(toImage);
    },
    async getImage(wanted) {
      const found = await unless(
        grpcCode.notFound,
        call('images.v1.Images/Get', [name, { name: wanted }], imageRequest),
      );
      return found?.image && toImage(found.image)[0];
    },
    async putImage(made) {
      const request = [imageRequest, { image: made }] as const;
      const created = await unless(alreadyExists, call('images.v1.Images/Create', request, none));
      if (!created) await call('images.v1.Images/Update', request, none);
    },
    async deleteImage(gone) {
      await unless(grpcCode.notFound, call('images.v1.Images/Delete', [name, { name: gone }], none));
    },
    async contentLabels(of) {
      return (await call('content.v1.Content/Info', [digest, { digest: of }], contentInfo)).info?.labels ?? {};
    },
  } satisfies Partial<ContainerdServices>;
}

function leaseCalls(call: Call, channel: GrpcChannel) {
  return {
    async withLease(id) {
      await unless(alreadyExists, call('leases.v1.Leases/Create', [lease, { id }], none));
      const held: Metadata = { ...metadata, 'containerd-lease': id };
      return {
        async commitContent({ digest: expected, size: total, data }, labels) {
          // An offset at the end says that nothing is to be written any more, not even anew.
          const offset = data ? 0 : total;
          const request = { action: writeAndCommit, ref: `timonel-${expected}`, total, expected, offset, labels, data };
          const method = 'containerd.services.content.v1.Content/Write';
          const signal = new AbortController().signal;
          const answers = channel.stream(method, encode(writeContent, request), { metadata: held, signal });
          await unless(alreadyExists, drain(answers));
        },
        async makeSnapshot({ name: made, parent }, fill) {
          const key = `timonel-make-${made}`;
          const query = [snapshot, { snapshotter, key, parent }] as const;
          await fill(topDirectory((await call('snapshots.v1.Snapshots/Prepare', query, mounts, held)).mounts));
          const done = [commit, { snapshotter, name: made, key }] as const;
          await unless(alreadyExists, call('snapshots.v1.Snapshots/Commit', done, none, held));
        },
        async release() {
          await unless(grpcCode.notFound, call('leases.v1.Leases/Delete', [lease, { id }], none));
        },
      };
    },
  } satisfies Partial<ContainerdServices>;
}

function snapshotCalls(call: Call) {
  const viewOf = async (parent: string): Promise<readonly SnapshotMount[] | undefined> => {
    // Several nodes may be copying from this one.
    const key = `timonel-view-${process.pid}-${++views}`;
    const view = call('snapshots.v1.Snapshots/View', [snapshot, { snapshotter, key, parent }], mounts);
    const found = await unless(grpcCode.notFound, view);
    if (found === undefined) return undefined;
    await call('snapshots.v1.Snapshots/Remove', [snapshot, { snapshotter, key }], none);
    return found.mounts;
  };
  return {
    async hasSnapshot(key) {
      const found = call('snapshots.v1.Snapshots/Stat', [snapshot, { snapshotter, key }], none);
      return (await unless(grpcCode.notFound, found)) !== undefined;
    },
    async snapshotDirectory(parent) {
      const found = await viewOf(parent);
      return found && topDirectory(found);
    },
    async snapshotLayers(parent) {
      const found = await viewOf(parent);
      return found && lowerDirectories(found);
    },
  } satisfies Partial<ContainerdServices>;
}

function containerCalls(call: Call) {
  const specOf = async (id: string): Promise<{ typeUrl: string; value: Uint8Array }> => {
    const found = await call('containers.v1.Containers/Get', [byId, { id }], containerRequest);
    return found.container?.spec ?? { typeUrl: '', value: new Uint8Array() };
  };
  return {
    async specOf(id) {
      return Buffer.from((await specOf(id)).value).toString();
    },
    async pidOf(containerId) {
      const { process: first } = await call('tasks.v1.Tasks/Get', [taskRequest, { containerId }], taskAnswer);
      if (!first?.pid) throw new Error(`container ${containerId} does not run`);
      return first.pid;
    },
    async layersOf(key) {
      const found = await call('snapshots.v1.Snapshots/Mounts', [snapshot, { snapshotter, key }], mounts);
      return lowerDirectories(found.mounts);
    },
    async changeSpec(id, change) {
      const { typeUrl, value } = await specOf(id);
      const spec = { typeUrl, value: Buffer.from(change(Buffer.from(value).toString())) };
      const request = { container: { id, spec }, updateMask: { paths: ['spec'] } };
      await call('containers.v1.Containers/Update', [containerRequest, request], none);
    },
  } satisfies Partial<ContainerdServices>;
}

interface SnapshotMount {
  type: string;
  source: string;
  options: readonly string[];
}

/** What lies under a container's, or makes a view: one layer alone is bound, more are laid over each other. */
function lowerDirectories(made: readonly SnapshotMount[]): string[] {
  const [mount] = made;
  if (mount?.type === 'bind') return [mount.source];
  return (optionOf(made, 'lowerdir') ?? '').split(':').filter((layer) => layer !== '');
}

/**
 * Where an overlay mount has its own, or its topmost, files: a bind mount's source, the upper or the first lower one.
 */
function topDirectory(made: readonly SnapshotMount[]): string {
  const [mount] = made;
  if (!mount) throw new Error('containerd gave no mount for a snapshot');
  if (mount.type === 'bind') return mount.source;
  const directory = optionOf(made, 'upperdir') ?? optionOf(made, 'lowerdir')?.split(':')[0];
  if (directory === undefined) throw new Error(`containerd gave an unknown mount for a snapshot: ${mount.type}`);
  return directory;
}

function optionOf(made: readonly SnapshotMount[], key: string): string | undefined {
  return made[0]?.options.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1);
}

function toImage({ name: of, labels, target }: Decoded<typeof image>): StoredImage[] {
  return target ? [{ name: of, labels, target }] : [];
}

async function drain(answers: AsyncIterable<Uint8Array>): Promise<true> {
  for await (const _ of answers);
  return true;
}

/** Undefined when the call fails with the code that is expected. */
async function unless<T>(expected: number, done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof GrpcError && error.code === expected) return undefined;
    throw error;
  }
}
