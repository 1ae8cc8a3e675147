import { apiVersionOf, parseApiVersion } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { APIGroupList, APIResourceList } from '../../api/types/meta-v1.ts';
import type { Client, Resource } from '../../client/client.ts';
import { UnknownKindError } from './errors.ts';

/** Finds the URL of a kind by the server's discovery. Answers are kept; a miss asks once more (a new CRD). */
export interface ResourceMapper {
  /** Rejects with {@link UnknownKindError}. */
  resourceOf(apiVersion: string, kind: string): Promise<Resource>;
  /**
   * As `resourceOf`, but where the version is gone, the kind in a version or group that is served instead
   * (`extensions/v1beta1` Ingress → `networking.k8s.io/v1`); undefined when there is none at all.
   */
  servedResourceOf(apiVersion: string, kind: string): Promise<Resource | undefined>;
  /** `v1`, `apps/v1` … and `apps/v1/Deployment` …: what Helm's `.Capabilities.APIVersions` holds. */
  apiVersions(): Promise<string[]>;
  /** Every kind that can be listed and deleted, in the group's preferred version. */
  listableResources(): Promise<Resource[]>;
  /** Forgets everything: kinds were added. */
  invalidate(): void;
}

/** Where kinds moved to when their group's beta was taken away (Kubernetes' deprecation guide). */
const successors: Readonly<Record<string, string>> = {
  'extensions/Deployment': 'apps',
  'extensions/DaemonSet': 'apps',
  'extensions/ReplicaSet': 'apps',
  'extensions/Ingress': 'networking.k8s.io',
  'extensions/NetworkPolicy': 'networking.k8s.io',
};

export function createResourceMapper(client: Client): ResourceMapper {
  const discovery = new Discovery(client);
  return {
    async resourceOf(apiVersion, kind) {
      const found = await discovery.find(apiVersion, kind);
      if (!found) throw new UnknownKindError(apiVersion, kind);
      return found;
    },
    async servedResourceOf(apiVersion, kind) {
      const found = await discovery.find(apiVersion, kind);
      if (found) return found;
      const { group } = parseApiVersion(apiVersion);
      const now = successors[`${group}/${kind}`] ?? group;
      for (const version of await discovery.versions()) {
        const other = parseApiVersion(version).group === now && (await discovery.kindsOf(version)).get(kind);
        if (other) return other;
      }
      return undefined;
    },
    async apiVersions() {
      const versions = await discovery.versions();
      const kinds = await Promise.all(
        versions.map(async (version) =>
          [...(await discovery.kindsOrNone(version)).keys()].map((kind) => `${version}/${kind}`),
        ),
      );
      return [...versions, ...kinds.flat()];
    },
    async listableResources() {
      const all = await Promise.all((await discovery.preferred()).map((version) => discovery.kindsOrNone(version)));
      return all.flatMap((kinds) => [...kinds.values()]).filter(isListable);
    },
    invalidate: () => discovery.forget(),
  };
}

/** What the server said of itself, kept. */
class Discovery {
  readonly #client: Client;
  readonly #kinds = new Map<string, Promise<Map<string, Listable>>>();
  #groups: Promise<APIGroupList> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** A kind that is not there is asked for once more: it may be new. */
  async find(apiVersion: string, kind: string): Promise<Listable | undefined> {
    const found = (await this.kindsOf(apiVersion)).get(kind);
    if (found) return found;
    this.#kinds.delete(apiVersion);
    return (await this.kindsOf(apiVersion)).get(kind);
  }

  kindsOf(apiVersion: string): Promise<Map<string, Listable>> {
    let loading = this.#kinds.get(apiVersion);
    if (!loading) {
      loading = resourcesOf(this.#client, apiVersion);
      loading.catch(() => this.#kinds.delete(apiVersion));
      this.#kinds.set(apiVersion, loading);
    }
    return loading;
  }

  /** A group whose own server is down must not keep everything else from working. */
  kindsOrNone(apiVersion: string): Promise<Map<string, Listable>> {
    return this.kindsOf(apiVersion).catch(() => new Map<string, Listable>());
  }

  async versions(): Promise<string[]> {
    const { groups } = await this.#listGroups();
    return ['v1', ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion))];
  }

  async preferred(): Promise<string[]> {
    const { groups } = await this.#listGroups();
    return ['v1', ...groups.flatMap(({ preferredVersion }) => preferredVersion?.groupVersion ?? [])];
  }

  forget(): void {
    this.#kinds.clear();
    this.#groups = undefined;
  }

  #listGroups(): Promise<APIGroupList> {
    if (!this.#groups) {
      this.#groups = this.#client.raw('GET', '/apis') as Promise<APIGroupList>;
      this.#groups.catch(() => (this.#groups = undefined));
    }
    return this.#groups;
  }
}

type Listable = Resource & { verbs: readonly string[] };

function isListable({ verbs }: Listable): boolean {
  return verbs.includes('list') && verbs.includes('delete');
}

async function resourcesOf(client: Client, apiVersion: string): Promise<Map<string, Listable>> {
  const { group, version } = parseApiVersion(apiVersion);
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const found = new Map<string, Listable>();
  let list: APIResourceList;
  try {
    list = (await client.raw('GET', path)) as APIResourceList;
  } catch (error) {
    if (isApiError(error) && error.code === 404) return found;
    throw error;
  }
  for (const { name, kind, namespaced, verbs } of list.resources) {
    if (name.includes('/') || found.has(kind)) continue;
    const resource: Listable = { group, version, plural: name, kind, namespaced, verbs: verbs ?? [] };
    found.set(kind, resource);
  }
  return found;
}

/** `apps/v1` of a resource. */
export function resourceApiVersion({ group, version }: Resource): string {
  return apiVersionOf(group, version);
}
