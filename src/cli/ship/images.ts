import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildImageFromDockerfile } from '../../cluster/images/build/build-image.ts';
import { baseImages } from '../../cluster/images/build/dockerfile.ts';
import { runInImage } from '../../cluster/images/build/run-in-image.ts';
import { type ImageLibrary, normaliseImageName, openImageLibrary } from '../../cluster/images/image-library.ts';
import { pushImage } from '../../cluster/images/transfer.ts';
import { registryEndpoint } from '../../cluster/registry/local-registry.ts';
import { createRegistryClient } from '../../cluster/registry/registry-client.ts';
import { type ClusterState, clusterPaths, dataRoot, readableStates } from '../../cluster/state.ts';
import { hashContext } from '../../delivery/pipeline/build-context.ts';
import type { ShipFile, ShipImage, ShipTest } from '../../delivery/pipeline/ship-file.ts';
import { fillIn, type ImageReference } from '../../delivery/pipeline/variables.ts';
import { loginFiles } from '../../delivery/registry/docker-config.ts';
import { requireRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { SupersededError } from './superseded.ts';
import { clusterImages } from '../image.ts';
import { accessTo, ownRegistry } from '../registry/transfer.ts';
import type { ShipProject } from './project.ts';

/** Where images are made and kept on this machine. */
interface Workshop {
  library: ImageLibrary;
  libraryDirectory: string;
  storageDirectory: string;
  /** Nodes that get every image at once. */
  sockets: readonly string[];
}

export interface ShipImages {
  /** `localhost:5000`, `ghcr.io/team`; undefined: images go to the nodes without a registry. */
  registry: string | undefined;
  references: Readonly<Record<string, ImageReference>>;
  /** Names the images anew, by their inputs as they are now. */
  refresh(): Promise<void>;
  isBuilt(image: ShipImage): Promise<boolean>;
  /**
   * Builds unless the same inputs were built before. Tells whether it did. Rejects with {@link SupersededError} when
   * the inputs change meanwhile: nobody knows what such an image is made of.
   */
  build(image: ShipImage, signal?: AbortSignal): Promise<boolean>;
  /** Resolves with the digest in the registry. What is there already is not sent again. */
  push(image: ShipImage, signal?: AbortSignal): Promise<string>;
  /** Runs a test in a built image; resolves with the exit code. */
  test(test: ShipTest & { where: { kind: 'image' } }, signal: AbortSignal): Promise<number>;
}

export interface ImagesOptions {
  project: ShipProject;
  local: ClusterState | undefined;
  builder: 'buildah' | 'docker';
  say: (message: string) => void;
  /** What builders and tests write. */
  onOutput: (text: string) => void;
}

export async function openShipImages(options: ImagesOptions): Promise<ShipImages> {
  const { project, local } = options;
  const { images } = project.file;
  const workshop = images.length === 0 ? undefined : workshopOf(local);
  const registry = images.length === 0 ? undefined : registryOf(project.file, local);
  const made = new Images({ ...options, workshop, registry });
  await made.refresh();
  return made;
}

/** That of the cluster itself; for others that of this machine's own, which has base images, where there is one. */
function workshopOf(local: ClusterState | undefined): Workshop {
  const own = readableStates().find(({ name }) => name === (process.env['TIMONEL_CLUSTER'] ?? 'dev'));
  const cluster = local ?? (own?.runtime === 'containerd' ? own : undefined);
  if (cluster) {
    const { library, directory, sockets } = clusterImages(cluster);
    const storageDirectory = clusterPaths(cluster.name).builds;
    return { library, libraryDirectory: directory, sockets, storageDirectory };
  }
  requireRoot('building images');
  const home = join(dataRoot(), '.ship');
  const libraryDirectory = join(home, 'images');
  const library = openImageLibrary(libraryDirectory);
  return { library, libraryDirectory, sockets: [], storageDirectory: join(home, 'builds') };
}

function registryOf({ registry }: ShipFile, local: ClusterState | undefined): string | undefined {
  const own = local && registryEndpoint(local)?.name;
  if (registry === 'none' || (registry === undefined && !own)) {
    if (local) return undefined;
    throw new CliError('images get to a cluster of other machines by a registry only', {
      hint: 'Name it in timonel.yaml: registry: HOST/PATH',
    });
  }
  if (registry !== undefined && registry !== 'cluster') return registry.replace(/\/+$/, '');
  if (own) return own;
  throw new CliError(local ? `cluster ${local.name} has no registry` : 'the cluster is none of this machine', {
    hint: local ? `Start it: timonel registry up --name ${local.name}` : 'Name it: registry: HOST/PATH',
  });
}

/** A digest of everything that the image is made of, and of the bases among the cluster's images as they are now. */
async function tagOf(
  given: ShipImage,
  { directory }: ShipProject,
  workshop: Pick<Workshop, 'library'>,
): Promise<string> {
  const library = await workshop.library.list();
  const image = withArgs(given);
  const { args, target = '', platforms, secrets } = image;
  const dockerfile = dockerfileOf(image, directory);
  const text = await readFile(dockerfile, 'utf8').catch(() => '');
  const bases = [...baseImages(text, args)].map(
    (base) => `${base} ${library.find(({ name }) => name === base)?.archive ?? ''}`,
  );
  const settings = [JSON.stringify(args), target, ...platforms, '', ...secrets, '', ...bases];
  return (await hashContext(resolve(directory, image.context), { dockerfile, more: settings })).slice(0, 16);
}

/** Build arguments with what they name; images themselves have no names yet. */
function withArgs(image: ShipImage): ShipImage {
  const variables = { images: {}, commit: '', environment: process.env };
  return { ...image, args: fillIn(image.args, variables, `images.${image.key}.args`) };
}

function dockerfileOf({ context, dockerfile }: ShipImage, directory: string): string {
  if (dockerfile !== undefined) return resolve(directory, dockerfile);
  const inContext = (name: string): string => resolve(directory, context, name);
  return existsSync(inContext('Containerfile')) && !existsSync(inContext('Dockerfile'))
    ? inContext('Containerfile')
    : inContext('Dockerfile');
}

class Images implements ShipImages {
  readonly registry: string | undefined;
  references: Readonly<Record<string, ImageReference>> = {};
  readonly #options: ImagesOptions & { workshop: Workshop | undefined };

  constructor(options: ImagesOptions & Pick<ShipImages, 'registry'> & { workshop: Workshop | undefined }) {
    this.registry = options.registry;
    this.#options = options;
  }

  async refresh(): Promise<void> {
    const { registry } = this;
    const { project } = this.#options;
    const references: Record<string, ImageReference> = {};
    for (const image of project.file.images) {
      const tag = await tagOf(image, project, this.#workshop());
      const repository = registry === undefined ? image.repository : `${registry}/${image.repository}`;
      references[image.key] = { reference: `${repository}:${tag}`, repository, tag };
    }
    this.references = references;
  }

  async isBuilt(image: ShipImage): Promise<boolean> {
    return (await this.#inLibrary(this.#referenceOf(image))) !== undefined;
  }

  async build(image: ShipImage, signal?: AbortSignal): Promise<boolean> {
    if (await this.isBuilt(image)) return false;
    const { project, builder, say, onOutput } = this.#options;
    const { args, target, secrets, platforms, context } = withArgs(image);
    const authFile = loginFiles(process.env).find((file) => existsSync(file));
    await buildImageFromDockerfile(
      {
        context: resolve(project.directory, context),
        dockerfile: dockerfileOf(image, project.directory),
        names: [this.#referenceOf(image)],
        buildArgs: args,
        secrets: secrets.map((secret) => secret.replace(/(^|,)src=(?!\/)/, `$1src=${project.directory}/`)),
        ...(target !== undefined && { target }),
        ...(platforms.length > 0 && { platforms }),
      },
      {
        ...this.#workshop(),
        builder,
        cacheDirectory: join(dataRoot(), '.cache'),
        ...(authFile && { authFile }),
        onProgress: onOutput,
        onNotice: say,
        beforeImport: () => this.#requireUnchanged(image),
        signal,
      },
    );
    return true;
  }

  /** Of the same inputs still: otherwise one name would mean two things. */
  async #requireUnchanged(image: ShipImage): Promise<void> {
    const tag = await tagOf(image, this.#options.project, this.#workshop());
    if (tag === this.references[image.key]?.tag) return;
    throw new SupersededError(`files of image ${image.key} changed while it was built`);
  }

  async push(image: ShipImage, signal?: AbortSignal): Promise<string> {
    const name = normaliseImageName(this.#referenceOf(image));
    const own = ownRegistry(name);
    if (own) {
      const [repository = '', tag = ''] = name.slice(own.name.length + 1).split(':');
      const there = await createRegistryClient(own).digestOf(repository, tag);
      if (there !== undefined) return there;
    }
    const found = await this.#inLibrary(name);
    if (!found) throw new CliError(`there is no image ${name} to push`);
    return pushImage(found, this.#workshop().libraryDirectory, name, await accessTo(name), signal);
  }

  async test(test: ShipTest & { where: { kind: 'image' } }, signal: AbortSignal): Promise<number> {
    const image = this.#options.project.file.images.find(({ key }) => key === test.where.image);
    return runInImage({
      ...this.#workshop(),
      image: normaliseImageName(this.#referenceOf(image as ShipImage)),
      script: test.run,
      environment: test.environment,
      builder: this.#options.builder,
      onOutput: this.#options.onOutput,
      signal,
    });
  }

  #workshop(): Workshop {
    const { workshop } = this.#options;
    if (!workshop) throw new Error('there are no images');
    return workshop;
  }

  #referenceOf({ key }: ShipImage): string {
    return (this.references[key] as ImageReference).reference;
  }

  async #inLibrary(name: string) {
    const wanted = normaliseImageName(name);
    return (await this.#workshop().library.list()).find((each) => each.name === wanted);
  }
}
