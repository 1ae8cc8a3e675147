import type { KindVersion, ResourceKind, Subresource } from '../api/kind.ts';
import { apiVersionOf } from '../api/object.ts';

/** One kind in one of the versions it is served in: what a URL names. */
export interface Served {
  readonly kind: ResourceKind;
  readonly version: KindVersion;
  /** `apps/v1`: of this version. */
  readonly apiVersion: string;
  /** Of the version that is stored. */
  readonly storageApiVersion: string;
  /** Stored bytes can be sent as they are. */
  readonly isStorageVersion: boolean;
  /** `/core/pods/`: where the objects lie in the store. */
  readonly prefix: string;
  /** Answered by endpoints only, never stored. */
  readonly isVirtual: boolean;
  /** Of a custom resource whose definition is being deleted: nothing new is made. */
  readonly isTerminating?: boolean;
  /** Of a custom resource: ends with its definition, or when that changes. */
  readonly retirement?: Retirement;
}

/** Tells whoever serves a kind for long (watches) that it is not served like this any more. */
export class Retirement {
  readonly #callbacks = new Set<() => void>();

  /** Answers the function that takes the callback back. */
  onRetired(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  retire(): void {
    for (const callback of Array.from(this.#callbacks)) callback();
    this.#callbacks.clear();
  }
}

/** Every kind by its URL. */
export interface KindIndex {
  /** Another array after each change: what is made from it can be kept for as long as it is the same. */
  readonly all: readonly Served[];
  find(group: string, version: string, plural: string): Served | undefined;
  /** True when some kind is served in this group and version. */
  hasVersion(group: string, version: string): boolean;
  /** Serves these custom resources, and no others. Where a built-in kind has the same URL, that one is found. */
  replaceCustom(custom: readonly Served[]): void;
}

export function createKindIndex(kinds: readonly ResourceKind[], virtualKinds: readonly ResourceKind[]): KindIndex {
  const builtIn = [
    ...kinds.flatMap((kind) => servedVersions(kind, false)),
    ...virtualKinds.flatMap((kind) => servedVersions(kind, true)),
  ];
  const urlOf = (served: Served): string => `${served.apiVersion} ${served.kind.plural}`;
  const builtInByUrl = new Map(builtIn.map((served) => [urlOf(served), served]));
  let all: readonly Served[] = builtIn;
  let byUrl = builtInByUrl;
  let versions = new Set(all.map((served) => served.apiVersion));
  return {
    get all() {
      return all;
    },
    find: (group, version, plural) => byUrl.get(`${apiVersionOf(group, version)} ${plural}`),
    hasVersion: (group, version) => versions.has(apiVersionOf(group, version)),
    replaceCustom(custom) {
      const own = custom.filter((served) => !builtInByUrl.has(urlOf(served)));
      all = [...builtIn, ...own];
      byUrl = new Map([...builtInByUrl, ...own.map((served) => [urlOf(served), served] as const)]);
      versions = new Set(all.map((served) => served.apiVersion));
    },
  };
}

function servedVersions(kind: ResourceKind, isVirtual: boolean): Served[] {
  const [storage] = kind.versions;
  if (!storage) return [];
  return kind.versions.map((version) => ({
    kind,
    version,
    apiVersion: apiVersionOf(version.group, version.version),
    storageApiVersion: apiVersionOf(storage.group, storage.version),
    isStorageVersion: version === storage,
    prefix: `/${kind.group || 'core'}/${kind.plural}/`,
    isVirtual,
  }));
}

/** The key in the store; `namespace` is '' for cluster-scoped kinds. */
export function storeKeyOf(served: Served, namespace: string, name: string): string {
  return served.kind.scope === 'Namespaced' ? `${served.prefix}${namespace}/${name}` : served.prefix + name;
}

/** Every version of the same resource: what is stored as one is served as each of them. */
export function equivalentsOf({ all }: KindIndex, { prefix, isVirtual }: Served): readonly Served[] {
  return all.filter((other) => other.prefix === prefix && other.isVirtual === isVirtual);
}

export function findSubresource(kind: ResourceKind, name: string): Subresource | undefined {
  return kind.subresources?.find((subresource) => subresource.name === name);
}

/** `deployments.apps`, as messages name resources. */
export function qualifiedResource({ group, plural }: ResourceKind): string {
  return group === '' ? plural : `${plural}.${group}`;
}
