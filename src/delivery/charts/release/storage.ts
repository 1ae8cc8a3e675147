import type { KubeObject } from '../../../api/object.ts';
import type { ConfigMap, Secret } from '../../../api/types/core-v1.ts';
import { isApiError } from '../../../api/status.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Client, Resource } from '../../../client/client.ts';
import { configMaps, secrets } from '../../../client/resources.ts';
import { decodeRelease, encodeRelease } from './codec.ts';
import { type Release, ReleaseError, ReleaseNotFound, type ReleaseStatus } from './release.ts';

/** Where revisions of releases are kept. */
export interface ReleaseStorage {
  /** Rejects with {@link ReleaseError} when the revision is there already. */
  create(release: Release): Promise<void>;
  update(release: Release): Promise<void>;
  /** Rejects with {@link ReleaseNotFound}. */
  get(name: string, version: number): Promise<Release>;
  remove(name: string, version: number): Promise<void>;
  /** What is known of revisions without reading them, oldest first; of one release, or of all. */
  index(name?: string): Promise<StoredRevision[]>;
}

/** A revision that can be read when it is wanted. */
export interface StoredRevision {
  name: string;
  version: number;
  status: ReleaseStatus;
  namespace: string;
  labels: Record<string, string>;
  read(): Release;
}

/** The driver as HELM_DRIVER names it. */
export type StorageDriver = 'secret' | 'configmap' | 'memory';

export function parseDriver(text: string | undefined): StorageDriver {
  switch (text) {
    case undefined:
    case '':
    case 'secret':
    case 'secrets':
      return 'secret';
    case 'configmap':
    case 'configmaps':
      return 'configmap';
    case 'memory':
      return 'memory';
    default:
      throw new ReleaseError(`unknown driver in $HELM_DRIVER: ${text}`, {
        hint: 'There are secret (the default), configmap and memory.',
      });
  }
}

/** The label `owner` of what is stored. */
export const owner = 'helm';
/** Who does a pending operation; Helm leaves annotations alone. */
const ownerAnnotation = 'timonel.dev/operation';
/** Labels that are the storage's own: no user may set them. */
const systemLabels = ['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt'];

export function requireUserLabels(labels: Record<string, string>): void {
  const taken = Object.keys(labels).filter((label) => systemLabels.includes(label));
  if (taken.length === 0) return;
  throw new ReleaseError(
    `user supplied labels contains system reserved label name. System labels: [${systemLabels.join(' ')}]`,
  );
}

/** In which namespace releases are kept; undefined: all of them, to list. */
export function createStorage(options: {
  client: Client;
  clock: Clock;
  namespace: string | undefined;
  driver: StorageDriver;
}): ReleaseStorage {
  switch (options.driver) {
    case 'secret':
      return createObjectStorage<Secret>(options, secretForm);
    case 'configmap':
      return createObjectStorage<ConfigMap>(options, configMapForm);
    case 'memory':
      return createMemoryStorage();
  }
}

/** How a release's text lies in an object. */
interface ObjectForm<T extends KubeObject> {
  resource: Resource<T>;
  wrap(metadata: KubeObject['metadata'], text: string): T;
  textOf(object: T): string | undefined;
}

const secretForm: ObjectForm<Secret> = {
  resource: secrets,
  wrap: (metadata, text) => ({
    metadata,
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(text).toString('base64') },
  }),
  textOf: ({ data }) => data?.['release'] && Buffer.from(data['release'], 'base64').toString(),
};

const configMapForm: ObjectForm<ConfigMap> = {
  resource: configMaps,
  wrap: (metadata, text) => ({ metadata, data: { release: text } }),
  textOf: ({ data }) => data?.['release'],
};

function keyOf(name: string, version: number): string {
  return `sh.helm.release.v1.${name}.v${version}`;
}

function createObjectStorage<T extends KubeObject>(
  options: { client: Client; clock: Clock; namespace: string | undefined },
  form: ObjectForm<T>,
): ReleaseStorage {
  return new ObjectStorage(options, form);
}

class ObjectStorage<T extends KubeObject> implements ReleaseStorage {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #namespace: string | undefined;
  readonly #form: ObjectForm<T>;

  constructor(options: { client: Client; clock: Clock; namespace: string | undefined }, form: ObjectForm<T>) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#namespace = options.namespace;
    this.#form = form;
  }

  async create(release: Release): Promise<void> {
    try {
      await this.#client.create(this.#form.resource, this.#wrap(release, 'createdAt'));
    } catch (error) {
      if (isApiError(error, 'NotFound')) {
        throw new ReleaseError(error.message, { hint: 'Create the namespace with --create-namespace.', cause: error });
      }
      if (!isApiError(error, 'AlreadyExists')) throw withoutQuotes(error, release);
      throw new ReleaseError(`revision ${release.version} of release "${release.name}" already exists`, {
        hint: 'Somebody else changes this release right now: look again with `timonel chart status`.',
        cause: error,
      });
    }
  }

  async update(release: Release): Promise<void> {
    try {
      await this.#client.update(this.#form.resource, this.#wrap(release, 'modifiedAt'));
    } catch (error) {
      if (isApiError(error, 'NotFound')) throw new ReleaseNotFound(release.name);
      throw withoutQuotes(error, release);
    }
  }

  async get(name: string, version: number): Promise<Release> {
    try {
      return this.#read(await this.#client.get(this.#form.resource, this.#at(name, version)));
    } catch (error) {
      if (isApiError(error, 'NotFound')) throw new ReleaseNotFound(name);
      throw error;
    }
  }

  async remove(name: string, version: number): Promise<void> {
    try {
      await this.#client.delete(this.#form.resource, this.#at(name, version));
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  async index(name?: string): Promise<StoredRevision[]> {
    const labelSelector = `owner=${owner}${name === undefined ? '' : `,name=${name}`}`;
    const where = this.#namespace === undefined ? {} : { namespace: this.#namespace };
    const { items } = await this.#client.list(this.#form.resource, { ...where, labelSelector });
    return items
      .map((object): StoredRevision => {
        const labels = object.metadata.labels ?? {};
        return {
          name: labels['name'] ?? '',
          version: Number(labels['version'] ?? 0),
          status: (labels['status'] ?? 'unknown') as ReleaseStatus,
          namespace: object.metadata.namespace ?? '',
          labels: userLabels(object),
          read: () => this.#read(object),
        };
      })
      .toSorted((a, b) => a.version - b.version);
  }

  #at(name: string, version: number): { name: string; namespace: string } {
    return { name: keyOf(name, version), namespace: this.#namespace ?? 'default' };
  }

  #wrap(release: Release, time: 'createdAt' | 'modifiedAt'): T {
    const { name, version, info, labels } = release;
    const seconds = String(Math.floor(this.#clock.now() / 1000));
    const own = { name, owner, status: info.status, version: String(version), [time]: seconds };
    const metadata = {
      ...this.#at(name, version),
      labels: { ...labels, ...own },
      ...(release.owner !== undefined && { annotations: { [ownerAnnotation]: release.owner } }),
    };
    return this.#form.wrap(metadata, encodeRelease(release));
  }

  #read(object: T): Release {
    const release = decodeRelease(this.#form.textOf(object) ?? '');
    const { namespace: where = '', annotations } = object.metadata;
    const by = annotations?.[ownerAnnotation];
    return {
      ...release,
      namespace: release.namespace || where,
      labels: userLabels(object),
      ...(by !== undefined && { owner: by }),
    };
  }
}

/** What a server says about an object may quote it: a release holds its values. */
function withoutQuotes(error: unknown, { name, version }: Release): unknown {
  if (!isApiError(error) || ![400, 413, 422].includes(error.code)) return error;
  const isLarge = error.code === 413 || /too (?:long|large)/i.test(error.message);
  const why = isLarge
    ? 'it is too large: what a chart renders to, its files and values must fit into one object (1 MiB)'
    : (error.reason ?? 'the server does not accept it');
  return new ReleaseError(`revision ${version} of release "${name}" cannot be stored: ${why}`);
}

function userLabels({ metadata }: KubeObject): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([label]) => !systemLabels.includes(label)));
}

/** Forgotten with the process: for tries. */
function createMemoryStorage(): ReleaseStorage {
  const kept = new Map<string, Release>();
  return {
    create: async (release) => void kept.set(keyOf(release.name, release.version), structuredClone(release)),
    update: async (release) => void kept.set(keyOf(release.name, release.version), structuredClone(release)),
    async get(name, version) {
      const found = kept.get(keyOf(name, version));
      if (!found) throw new ReleaseNotFound(name);
      return structuredClone(found);
    },
    remove: async (name, version) => void kept.delete(keyOf(name, version)),
    index: async (name) =>
      [...kept.values()]
        .filter((release) => name === undefined || release.name === name)
        .map((release) => ({
          name: release.name,
          version: release.version,
          status: release.info.status,
          namespace: release.namespace,
          labels: release.labels,
          read: () => structuredClone(release),
        }))
        .toSorted((a, b) => a.version - b.version),
  };
}
