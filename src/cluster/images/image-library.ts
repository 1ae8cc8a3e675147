import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connectContainerd } from '../../node/containerd-services.ts';
import { parseImageName, pullReference } from '../../node/image-names.ts';
import { replicateImage } from '../../node/image-replication.ts';
import { describeImage, imageArchitecture, layoutIndex, type ImageRunConfig } from '../../node/oci-image.ts';
import { CommandError, runCommand } from '../command.ts';
import { decompressCommand, inspectArchive } from './archive-file.ts';

/**
 * The images a cluster was given: an archive for each, and its names, so that every node, also one that joins later,
 * gets them. Nothing is ever unpacked here; containerd does that, confined to the image's own root.
 */
export interface ImageLibrary {
  /**
   * Takes in an archive (see `inspectArchive`) and gives it to the nodes, all at once. `name` renames the image; a root
   * filesystem needs one. Resolves with the images' names. Rejects with a sentence about the archive or the node.
   */
  import(file: string, options: ImportOptions): Promise<string[]>;
  /** Everything taken in, by name. */
  list(): Promise<LibraryImage[]>;
  /** Takes an image out: nodes that come later do not get it. Resolves with whether it was there. */
  forget(name: string): Promise<boolean>;
  /**
   * Gives a node what it lacks or has an older version of (it was down while an image was built anew), the quicker when
   * `others` (sockets of nodes that run) have it.
   */
  syncNode(socket: string, others?: readonly string[]): Promise<void>;
}

export interface ImportOptions {
  name?: string;
  /** For a root filesystem: what its containers run. */
  run?: ImageRunConfig;
  /** Sockets of the containerds of the nodes that run. */
  sockets: readonly string[];
}

export interface LibraryImage {
  /** Normalised: `docker.io/library/hello:latest`. */
  name: string;
  /** Name of the archive in the library's directory: the SHA-256 of its content or its manifest, and `.tar`. */
  archive: string;
  kind: 'oci' | 'docker';
  sizeBytes: number;
  /** Whether the archive itself knows another name, or none. */
  renamed: boolean;
  /** What nodes have under the name once the archive is imported: `sha256:…`. Unknown until a node has taken it in. */
  digest?: string;
}

/** Which images a node lacks, or has in a version that may not be the library's. `present`: digests by name. Pure. */
export function imagesToBring(
  wanted: readonly LibraryImage[],
  present: ReadonlyMap<string, string>,
): readonly LibraryImage[] {
  return wanted.filter(({ name, digest }) => digest === undefined || present.get(name) !== digest);
}

/** `hello` becomes `docker.io/library/hello:latest`. Throws a sentence when it is no image name. */
export function normaliseImageName(name: string): string {
  const parsed = parseImageName(name);
  if (!parsed)
    throw new Error(`"${name}" is no image name: use lower case, as in hello or registry.example/team/hello:1`);
  return pullReference(parsed);
}

/** The library's list of its images, in a file. */
function libraryIndex(directory: string) {
  const indexFile = join(directory, 'index.json');
  const list = async (): Promise<LibraryImage[]> => {
    try {
      return JSON.parse(await readFile(indexFile, 'utf8')) as LibraryImage[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new Error(`${indexFile} is damaged; remove ${directory} and import the images again`, { cause: error });
    }
  };
  const remember = async (added: readonly LibraryImage[], gone: readonly string[] = []): Promise<void> => {
    const names = new Set([...added.map(({ name }) => name), ...gone]);
    const before = await list();
    const after = [...before.filter(({ name }) => !names.has(name)), ...added];
    await writeFile(`${indexFile}.new`, `${JSON.stringify(after, undefined, 2)}\n`);
    await rename(`${indexFile}.new`, indexFile);
    const used = new Set(after.map(({ archive }) => archive));
    const unused = before.filter(({ archive }) => !used.has(archive));
    await Promise.all(unused.map(({ archive }) => rm(join(directory, archive), { force: true })));
  };
  /** Nodes come up together: each waits for what another has learned to be written down. */
  let learning: Promise<void> = Promise.resolve();
  const learn = (images: readonly LibraryImage[]): Promise<void> => {
    const write = async (): Promise<void> => {
      const known = await list();
      const learned = images.filter(({ name, archive, digest }) =>
        known.some((image) => image.name === name && image.archive === archive && image.digest !== digest),
      );
      if (learned.length > 0) await remember(learned);
    };
    learning = learning.then(write, write);
    return learning;
  };
  return { list, remember, learn };
}

export function openImageLibrary(directory: string): ImageLibrary {
  const { list, remember, learn } = libraryIndex(directory);
  /** Of an image that no node took. */
  const forgetArchive = async (archive: string): Promise<void> => {
    if (!(await list()).some((image) => image.archive === archive)) await rm(join(directory, archive), { force: true });
  };
  return {
    list,
    async forget(name) {
      const isKnown = (await list()).some((image) => image.name === name);
      if (isKnown) await remember([], [name]);
      return isKnown;
    },
    async import(file, { name, run, sockets }) {
      const wanted = name === undefined ? undefined : normaliseImageName(name);
      await mkdir(directory, { recursive: true });
      const taken = await takeIn({ file, directory, wanted, run: run ?? {} });
      const path = join(directory, taken.archive);
      const names = wanted === undefined ? await archiveNames(path) : [wanted];
      if (names.length === 0) throw new Error(`the images of ${file} have no names: give one after the file`);
      let images: LibraryImage[] = names.map((each) => ({ name: each, ...taken }));
      const [first, ...others] = sockets;
      try {
        if (first !== undefined) {
          await importInto(first, directory, images[0] as LibraryImage);
          images = withDigests(images, await digestsOn(first));
        }
        await Promise.all(others.map((socket) => bring(images, socket, { directory, from: first })));
      } catch (error) {
        await forgetArchive(taken.archive);
        throw error instanceof CommandError ? new Error(`${file} cannot be unpacked: ${whatFailed(error)}`) : error;
      }
      await remember(images);
      return names;
    },
    async syncNode(socket, others = []) {
      const wanted = await list();
      if (wanted.length === 0) return;
      const missing = imagesToBring(wanted, await digestsOn(socket));
      if (missing.length === 0) return;
      await bring(missing, socket, { directory, from: others.find((other) => other !== socket) });
      await learn(withDigests(missing, await digestsOn(socket)));
    },
  };
}

/** Gives a node images: by links from a node that has them, or else from their archives. */
async function bring(
  images: readonly LibraryImage[],
  socket: string,
  { directory, from }: { directory: string; from: string | undefined },
): Promise<void> {
  const imported = new Set<string>();
  for (const image of images) {
    if (from !== undefined && (await replicated(from, socket, image))) continue;
    // One import gives all the names that an archive has by itself.
    const key = image.renamed ? image.name : image.archive;
    if (!imported.has(key)) await importInto(socket, directory, image);
    imported.add(key);
  }
}

async function replicated(from: string, to: string, { name, digest }: LibraryImage): Promise<boolean> {
  if (digest === undefined) return false;
  const [source, target] = [connectContainerd(from), connectContainerd(to)];
  try {
    // The other may have been down, too, and have an older image of this name.
    if ((await source.getImage(name))?.target.digest !== digest) return false;
    return await replicateImage(source, target, name);
  } catch {
    // Another file system, a node that has just stopped: the archive serves in any case.
    return false;
  } finally {
    source.close();
    target.close();
  }
}

/** The digests of a node's images, by name. */
async function digestsOn(socket: string): Promise<ReadonlyMap<string, string>> {
  const node = connectContainerd(socket);
  try {
    return new Map((await node.listImages()).map(({ name, target }) => [name, target.digest]));
  } finally {
    node.close();
  }
}

function withDigests(images: readonly LibraryImage[], digests: ReadonlyMap<string, string>): LibraryImage[] {
  return images.map((image) => {
    const digest = digests.get(image.name);
    return digest === undefined ? image : { ...image, digest };
  });
}

/** What containerd's client says last, without the place where it unpacks layers. */
function whatFailed({ stderr }: CommandError): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const [, mount = ''] = /mount callback failed on (\S+): /.exec(last) ?? [];
  const plain = last.replace(/^ctr: /, '').replace(/: unknown$/, '');
  return mount === '' ? plain : plain.replace(`mount callback failed on ${mount}: `, '').replaceAll(`${mount}/`, '');
}

type TakenIn = Omit<LibraryImage, 'name'>;

async function takeIn(options: {
  file: string;
  directory: string;
  wanted: string | undefined;
  run: ImageRunConfig;
}): Promise<TakenIn> {
  const { file, directory, wanted, run } = options;
  const { kind, compression } = await inspectArchive(file);
  const work = join(directory, `work-${process.pid}`);
  await mkdir(join(work, 'blobs/sha256'), { recursive: true });
  try {
    const plain = await copyPlain(decompressCommand(compression, file), join(work, 'plain.tar'));
    if (kind !== 'root-filesystem') return { ...(await keep(directory, plain)), kind, renamed: wanted !== undefined };
    if (wanted === undefined) throw new Error(`${file} is a root filesystem: give its image a name after the file`);
    const archive = await wrapRootFilesystem({ work, layer: plain, name: wanted, run });
    return { ...(await keep(directory, archive)), kind: 'oci', renamed: false };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface PlainFile {
  path: string;
  sha256: string;
  size: number;
}

async function copyPlain(command: readonly string[], to: string): Promise<PlainFile> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program}: ${errors.trim()}`))));
  });
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  await Promise.all([pipeline(child.stdout, measure, createWriteStream(to)), ended]);
  return { path: to, sha256: hash.digest('hex'), size };
}

/** An OCI layout archive whose only layer is the root filesystem. */
async function wrapRootFilesystem(options: {
  work: string;
  layer: PlainFile;
  name: string;
  run: ImageRunConfig;
}): Promise<Omit<PlainFile, 'size'>> {
  const { work, layer, name, run } = options;
  const digest = `sha256:${layer.sha256}`;
  const { config, manifest } = describeImage({
    layer: { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: layer.size },
    diffId: digest,
    architecture: imageArchitecture(process.arch),
    config: run,
  });
  const blob = (of: string): string => join(work, 'blobs/sha256', of.slice('sha256:'.length));
  await rename(layer.path, blob(digest));
  await Promise.all([
    writeFile(blob(config.digest), config.data),
    writeFile(blob(manifest.digest), manifest.data),
    writeFile(join(work, 'index.json'), layoutIndex(manifest, name)),
    writeFile(join(work, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}'),
  ]);
  const parts = ['oci-layout', 'index.json', 'blobs'];
  const steady = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  return copyPlain(
    ['tar', '--create', '--file=-', ...steady, `--directory=${work}`, ...parts],
    join(work, 'image.tar'),
  );
}

/** Moves an archive to its place, which its content names. */
async function keep(
  directory: string,
  { path, sha256 }: Omit<PlainFile, 'size'>,
): Promise<{ archive: string; sizeBytes: number }> {
  const archive = `${sha256}.tar`;
  const { size } = await stat(path);
  await rename(path, join(directory, archive));
  return { archive, sizeBytes: size };
}

/** The names that an archive gives to its images: Docker's manifest, or annotations of the OCI index. */
async function archiveNames(archive: string): Promise<string[]> {
  const read = async (entry: string): Promise<unknown> => {
    const names = [entry, `./${entry}`];
    for (const name of names) {
      const text = await runCommand(['tar', '--extract', '--to-stdout', '--file', archive, name]).catch(
        () => undefined,
      );
      if (text !== undefined) return JSON.parse(text) as unknown;
    }
    return undefined;
  };
  const docker = (await read('manifest.json')) as { RepoTags?: string[] | null }[] | undefined;
  if (docker) return docker.flatMap(({ RepoTags }) => RepoTags ?? []).map(normaliseImageName);
  const index = (await read('index.json')) as { manifests?: { annotations?: Record<string, string> }[] } | undefined;
  return (index?.manifests ?? []).flatMap(({ annotations = {} }) => {
    const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
    // A bare tag, as the layout allows, is no name.
    return name !== undefined && /[/:]/.test(name) ? [normaliseImageName(name)] : [];
  });
}

/** containerd's own importer: there is no gRPC service for it in every version. */
async function importInto(socket: string, directory: string, { archive, name, renamed }: LibraryImage): Promise<void> {
  const rename = renamed ? ['--index-name', name] : [];
  const importer = ['ctr', '--address', socket, '--namespace', 'k8s.io', 'images', 'import'];
  const command = [...importer, ...rename, join(directory, archive)];
  for (let left = importTries - 1; ; left--) {
    try {
      await runCommand(command);
      return;
    } catch (error) {
      // What only older images had may be collected just while the new one comes in.
      if (left === 0 || !/content digest \S+: not found/.test((error as Error).message)) throw error;
    }
  }
}

const importTries = 4;
