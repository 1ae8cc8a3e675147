import { join, relative, resolve } from 'node:path';
import type { AnyObject } from '../../api/object.ts';
import { ManifestError } from '../apply/errors.ts';
import { parseManifests } from '../apply/manifests.ts';
import { identityOf } from '../apply/order.ts';
import { contentHash, generate } from './generators.ts';
import { KustomizeError } from './kustomize-error.ts';
import { type Kustomization, parseKustomization } from './kustomization.ts';
import { applyPatch } from './patches.ts';
import { followRenames } from './references.ts';
import { describeResource, type KustomizeResource, renamed, resourceOf } from './resource.ts';
import { setAnnotations, setImages, setLabels, setNames, setNamespace, setReplicas } from './transformers.ts';

/** The files that kustomizations are made of. Paths are absolute. */
export interface KustomizeFiles {
  /** Undefined when there is no such file. */
  read(path: string): Buffer | undefined;
  isDirectory(path: string): boolean;
  /** Where a path leads when its links are followed; itself when there is nothing. */
  realPath(path: string): string;
}

export interface KustomizeOptions {
  files: KustomizeFiles;
  /** Gives variables of env files that have no value their own. */
  environment: Readonly<Record<string, string | undefined>>;
}

const fileNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
const maxDepth = 50;

/**
 * The objects of a kustomization (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/): resources and
 * bases, generators, components, then patches, namespace, names, labels, annotations, replicas and images, in
 * kustomize's own order; at last the digests behind the names of what was generated. Fields that are not supported are
 * errors. Pure but for `files`.
 * @throws KustomizeError with the file and field of the mistake
 */
export function buildKustomization(directory: string, options: KustomizeOptions): AnyObject[] {
  const root = resolve(directory);
  const built = new Builder(options, root).build(root, []);
  const hashed = built.map((resource) =>
    resource.needsHash
      ? renamed(resource, `${resource.object.metadata.name}-${contentHash(resource.object)}`)
      : resource,
  );
  return followRenames(built, hashed).map(({ object }) => object);
}

class Builder {
  readonly #options: KustomizeOptions;
  readonly #root: string;

  constructor(options: KustomizeOptions, root: string) {
    this.#options = options;
    this.#root = root;
  }

  build(directory: string, above: readonly string[]): KustomizeResource[] {
    const { kustomization, source } = this.#open(directory, above);
    if (kustomization.kind === 'Component')
      throw new KustomizeError(source, 'is a Component: name it under components');
    return this.#process([], { kustomization, directory, source, above: [...above, directory] });
  }

  #open(directory: string, above: readonly string[]): { kustomization: Kustomization; source: string } {
    const shown = this.#shown(directory);
    if (above.includes(directory)) throw new KustomizeError(shown, 'leads back to itself');
    if (above.length > maxDepth) throw new KustomizeError(shown, `lies more than ${maxDepth} bases deep`);
    const found = fileNames.filter((name) => this.#options.files.read(join(directory, name)) !== undefined);
    const [name, ...others] = found;
    if (name === undefined) throw new KustomizeError(shown, `there is no ${fileNames.join(', ')} in it`);
    if (others.length > 0) throw new KustomizeError(shown, `has several kustomizations: ${found.join(', ')}`);
    const path = join(directory, name);
    const source = this.#shown(path);
    return { kustomization: parseKustomization(this.#options.files.read(path)?.toString() ?? '', source), source };
  }

  #process(given: readonly KustomizeResource[], at: Place): KustomizeResource[] {
    const { kustomization, source, directory, above } = at;
    let resources = [...given];
    for (const [index, path] of kustomization.resources.entries()) {
      const added = this.#resource(path, { ...at, where: `${source}: resources[${index}]` });
      for (const each of added) resources = [...resources, unique(each, resources, source)];
    }
    resources = this.#generate(resources, at);
    for (const [index, path] of kustomization.components.entries()) {
      const where = `${source}: components[${index}]`;
      const inner = this.#directory(path, directory, where);
      const component = this.#open(inner, above);
      if (component.kustomization.kind !== 'Component') throw new KustomizeError(where, `${path} is no Component`);
      resources = this.#process(resources, { ...component, directory: inner, above: [...above, inner] });
    }
    return this.#transform(resources, at);
  }

  #resource(path: string, { directory, above, where }: Place & { where: string }): KustomizeResource[] {
    refuseRemote(path, where);
    const full = resolve(directory, path);
    if (this.#options.files.isDirectory(full)) return this.build(full, above);
    const text = this.#file(path, directory, where).toString();
    try {
      return parseManifests(text, this.#shown(full)).map(({ object }) => resourceOf(object));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      throw new KustomizeError(where, error.message, error);
    }
  }

  #generate(resources: KustomizeResource[], { kustomization, source, directory }: Place): KustomizeResource[] {
    const { environment } = this.#options;
    const each = (['configMapGenerator', 'secretGenerator'] as const).flatMap((field) =>
      kustomization[field].map((args, index) => ({ args, field, where: `${source}: ${field}[${index}]` })),
    );
    return each.reduce<KustomizeResource[]>((all, { args, field, where }) => {
      const kind = field === 'configMapGenerator' ? ('ConfigMap' as const) : ('Secret' as const);
      const read = (path: string): Buffer => this.#file(path, directory, where);
      return generate(all, { kind, args, where, read, environment, common: kustomization.generatorOptions });
    }, resources);
  }

  #transform(
    resources: readonly KustomizeResource[],
    { kustomization, source, directory }: Place,
  ): KustomizeResource[] {
    const patched = kustomization.patches.reduce<readonly KustomizeResource[]>((all, args, index) => {
      const where = `${source}: patches[${index}]`;
      if ((args.path === undefined) === (args.patch === undefined)) {
        throw new KustomizeError(where, 'one of path and patch is meant');
      }
      const text = args.patch ?? this.#file(args.path ?? '', directory, where).toString();
      return applyPatch(all, { args, text, where });
    }, resources);
    const placed = setNamespace(kustomization.namespace)(patched);
    const named = followRenames(placed, setNames(kustomization)(placed));
    const labelled = setAnnotations(kustomization.commonAnnotations)(setLabels(kustomization.labels)(named));
    return setImages(kustomization.images)(setReplicas(kustomization.replicas, source)(labelled));
  }

  #directory(path: string, directory: string, where: string): string {
    refuseRemote(path, where);
    const full = resolve(directory, path);
    if (!this.#options.files.isDirectory(full)) throw new KustomizeError(where, `there is no directory ${path}`);
    return full;
  }

  /** A file of a kustomization lies in its directory or below: what else the machine has is none of its business. */
  #file(path: string, directory: string, where: string): Buffer {
    const full = resolve(directory, path);
    const { files } = this.#options;
    if (relative(files.realPath(directory), files.realPath(full)).startsWith('..'))
      throw new KustomizeError(where, `${path} lies outside of its directory`);
    const data = files.read(full);
    if (!data) throw new KustomizeError(where, `there is no file ${path}`);
    return data;
  }

  #shown(path: string): string {
    return relative(join(this.#root, '..'), path) || '.';
  }
}

interface Place {
  kustomization: Kustomization;
  directory: string;
  source: string;
  /** The kustomizations that lead here. */
  above: readonly string[];
}

function refuseRemote(path: string, where: string): void {
  if (!/^[a-z][a-z0-9+.-]*:\/\/|^git@|\?ref=|^github\.com\//i.test(path)) return;
  throw new KustomizeError(where, `${path} is not on this machine: remote bases are not supported`);
}

function unique(resource: KustomizeResource, others: readonly KustomizeResource[], source: string): KustomizeResource {
  const identity = identityOf(resource.object);
  if (!others.some((other) => identityOf(other.object) === identity)) return resource;
  throw new KustomizeError(source, `${describeResource(resource)} is there twice`);
}
