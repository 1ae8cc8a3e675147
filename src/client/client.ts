import type { KubeList, KubeObject } from '../api/object.ts';
import type { Status } from '../api/types/meta-v1.ts';

/** Names a kind in one version by its URL: what a request needs and no more. */
export interface Resource<T extends KubeObject = KubeObject> {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  /** Type only: carries `T`, never set. */
  readonly __object?: T;
}

export interface ObjectName {
  name: string;
  /** Left out for cluster-scoped kinds. */
  namespace?: string;
}

export interface ListOptions {
  /** Undefined: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  /** '' (default): newest; '0': any; else not older than. */
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  signal?: AbortSignal;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  allowBookmarks?: boolean;
  timeoutSeconds?: number;
}

export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
  /** What the server does about fields it does not know (default: warns). */
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  signal?: AbortSignal;
  /** `status`, `scale`, `binding`, `token` …: write that subresource. */
  subresource?: string;
}

export interface DeleteOptions extends WriteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Only `metadata.resourceVersion` is set. */
  | { type: 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: Status };

/** How a patch is applied: the three media types of the API, and server-side apply. */
export type Patch =
  | { kind: 'json'; operations: readonly Record<string, unknown>[] }
  | { kind: 'merge'; document: Record<string, unknown> }
  | { kind: 'strategic'; document: Record<string, unknown> };

/**
 * A Kubernetes API server, as every component sees it: ours in process, ours over HTTPS, or anybody's. All methods
 * reject with {@link ApiError} when the server answers with a failure. Objects that come back may be frozen and
 * shared: copy before changing one (`structuredClone`).
 */
export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, name: ObjectName, options?: ReadOptions): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<KubeList<T>>;
  /**
   * Yields events in order until the server ends the watch (normal, after some minutes) or `options.signal` is aborted
   * (the iterator then returns). An ERROR event is yielded, not thrown; a connection that breaks throws.
   */
  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /**
   * POST to a subresource whose body and answer are of another kind: `pods/binding`, `pods/eviction`,
   * `serviceaccounts/token`.
   */
  createSubresource<B, R>(
    resource: Resource,
    name: ObjectName,
    subresource: string,
    body: B,
    options?: WriteOptions,
  ): Promise<R>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;
  /** The object when it lingers (grace, finalizers), else a Status. */
  delete<T extends KubeObject>(resource: Resource<T>, name: ObjectName, options?: DeleteOptions): Promise<T | Status>;
  deleteCollection<T extends KubeObject>(resource: Resource<T>, options?: DeleteOptions & ListOptions): Promise<void>;
  /**
   * Anything else: discovery, `/version`, `/healthz`, tables, server-side apply. `path` is absolute; answers the parsed
   * JSON body (or text).
   */
  raw(method: string, path: string, body?: unknown, options?: RawOptions): Promise<unknown>;
}

export interface RawOptions {
  /** Default: `application/json`. */
  accept?: string;
  /** Of a body, which is sent as JSON whatever this says. Default: `application/json`. */
  contentType?: string;
  /** More of them, in place of those of the same name in lower case: for what is behind a proxy of the server. */
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface ReadOptions {
  resourceVersion?: string;
  signal?: AbortSignal;
}
