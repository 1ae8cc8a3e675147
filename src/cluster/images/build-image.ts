import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { requireCommand } from '../prerequisites.ts';
import { normaliseImageName, type ImageLibrary, type LibraryImage } from './image-library.ts';

export interface BuildOptions {
  /** The directory that the Dockerfile copies from. */
  context: string;
  /** Default: `Dockerfile`, or else `Containerfile`, in the context. */
  dockerfile?: string;
  name: string;
  buildArgs?: Readonly<Record<string, string>>;
  /** The stage to build up to. */
  target?: string;
  /** The builder's own storage, kept between builds for its layers. */
  storageDirectory: string;
  /** Images that were imported are found by FROM. */
  library: ImageLibrary;
  libraryDirectory: string;
  /** Nodes that get the image. */
  sockets: readonly string[];
  onProgress?: (text: string) => void;
}

/** Builds an image with buildah and gives it to the library and its nodes. Resolves with its normalised name. */
export async function buildImageFromDockerfile(options: BuildOptions): Promise<string> {
  requireCommand('buildah');
  const { context, storageDirectory, library, onProgress } = options;
  const name = normaliseImageName(options.name);
  const dockerfile = options.dockerfile ?? findDockerfile(context);
  const text = await readFile(dockerfile, 'utf8').catch(() => {
    throw new Error(`there is no file ${dockerfile}`);
  });
  const buildah = await openBuildah(storageDirectory, onProgress);
  const bases = baseImages(text);
  for (const image of await library.list())
    if (bases.has(image.name)) await buildah.takeIn(image, options.libraryDirectory);
  const args = Object.entries(options.buildArgs ?? {}).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  const target = options.target === undefined ? [] : ['--target', options.target];
  await buildah.run([
    'bud',
    '--layers',
    '--isolation',
    isolation(),
    ...args,
    ...target,
    '-t',
    name,
    '-f',
    dockerfile,
    context,
  ]);
  const archive = join(storageDirectory, `built-${process.pid}.tar`);
  try {
    await buildah.run(['push', '--quiet', '--disable-compression', name, `docker-archive:${archive}:${name}`]);
    await library.import(archive, { sockets: options.sockets });
  } finally {
    await rm(archive, { force: true });
  }
  return name;
}

/** The images a Dockerfile builds upon, normalised; stages of its own and `scratch` are no images. */
export function baseImages(dockerfile: string): Set<string> {
  const stages = new Set<string>(['scratch']);
  const bases = new Set<string>();
  for (const line of dockerfile.split('\n')) {
    const [, image, stage] = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(line) ?? [];
    if (image === undefined) continue;
    if (!stages.has(image.toLowerCase()) && !image.includes('$')) bases.add(normaliseImageName(image));
    if (stage !== undefined) stages.add(stage.toLowerCase());
  }
  return bases;
}

interface Buildah {
  run(command: readonly string[]): Promise<string>;
  /** Puts an image of the library into the builder's storage, under its name. */
  takeIn(image: LibraryImage, libraryDirectory: string): Promise<void>;
}

const overlayMagic = 0x794c7630;

async function openBuildah(directory: string, onProgress?: (text: string) => void): Promise<Buildah> {
  await mkdir(directory, { recursive: true });
  const policy = join(directory, 'policy.json');
  const registries = join(directory, 'registries.conf');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  await writeFile(registries, 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n');
  // An overlay cannot lie on an overlay, as in a container; copies always work.
  const driver = (await statfs(directory)).type === overlayMagic ? 'vfs' : 'overlay';
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--storage-driver', driver];
  const withPolicy = new Set(['bud', 'push', 'pull']);
  const run = (command: readonly string[]): Promise<string> => {
    const [verb = '', ...rest] = command;
    const signing = withPolicy.has(verb) ? ['--signature-policy', policy] : [];
    return runCommand(['buildah', ...storage, verb, ...signing, ...rest], {
      env: { CONTAINERS_REGISTRIES_CONF: registries },
      ...(onProgress && { onStderr: onProgress }),
    });
  };
  const takenFile = join(directory, 'taken.json');
  return {
    run,
    async takeIn({ name, archive, kind }, libraryDirectory) {
      const taken = existsSync(takenFile)
        ? (JSON.parse(await readFile(takenFile, 'utf8')) as Record<string, string>)
        : {};
      if (taken[name] === archive) return;
      const id = (await run(['pull', '--quiet', `${kind}-archive:${join(libraryDirectory, archive)}`])).trim();
      await run(['tag', id, name]);
      await writeFile(takenFile, JSON.stringify({ ...taken, [name]: archive }));
    },
  };
}

/** `chroot` needs nothing of the machine; who knows better says so the way buildah documents it. */
function isolation(): string {
  return process.env['BUILDAH_ISOLATION'] ?? 'chroot';
}

function findDockerfile(context: string): string {
  const found = ['Dockerfile', 'Containerfile'].map((name) => join(context, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`there is no Dockerfile in ${context}`);
  return found;
}
