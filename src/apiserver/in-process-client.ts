import { setMaxListeners } from 'node:events';
import type { KubeList, KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { Status } from '../api/types/meta-v1.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectName,
  Patch,
  RawOptions,
  Resource,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../client/client.ts';
import { failureOf } from '../client/http-answer.ts';
import type { ApiRequest, ApiResponse, Handler, RequestContext, User } from './handler.ts';
import { watchStream } from './in-process-watch.ts';

const never = new AbortController().signal;
// All requests without a signal of their own share it.
setMaxListeners(0, never);

/** A client inside the server's process: the handler's objects as they are, frozen and shared. */
export function createInProcessClient(handler: Handler, user: User): Client {
  return new InProcessClient(handler, { user });
}

interface Call {
  method: ApiRequest['method'];
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  accept?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

class InProcessClient implements Client {
  readonly #handler: Handler;
  readonly #context: RequestContext;

  constructor(handler: Handler, context: RequestContext) {
    this.#handler = handler;
    this.#context = context;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: { resourceVersion?: string; signal?: AbortSignal } = {},
  ): Promise<T> {
    const { resourceVersion, signal } = options;
    return this.#object<T>({ method: 'GET', path: objectPath(resource, name), query: { resourceVersion }, signal });
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, signal } = options;
    const path = collectionPath(resource, namespace);
    return this.#object<KubeList<T>>({ method: 'GET', path, query: listQuery(options), signal });
  }

  watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const { namespace, signal, allowBookmarks, timeoutSeconds } = options;
    const query = {
      ...listQuery(options),
      watch: 'true',
      allowWatchBookmarks: allowBookmarks ? 'true' : undefined,
      timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
    };
    const call: Call = { method: 'GET', path: collectionPath(resource, namespace), query, signal };
    return watchStream<T>(async () => refusing(await this.#call(call)), signal);
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const path = collectionPath(resource, resource.namespaced ? namespace : undefined);
    return this.#object<T>({ method: 'POST', path, body: object, ...write(options) });
  }

  async createSubresource<B, R>(
    resource: Resource,
    name: ObjectName,
    subresource: string,
    body: B,
    options: WriteOptions = {},
  ): Promise<R> {
    const path = `${objectPath(resource, name)}/${subresource}`;
    return this.#object<R>({ method: 'POST', path, body, ...write(options) });
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { name = '', namespace } = object.metadata;
    const path = objectPath(resource, { name, ...(namespace !== undefined && { namespace }) }, options.subresource);
    return this.#object<T>({ method: 'PUT', path, body: object, ...write(options) });
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#object<T>({
      method: 'PATCH',
      path: objectPath(resource, name, options.subresource),
      body: patch.kind === 'json' ? patch.operations : patch.document,
      contentType: patchTypes[patch.kind],
      ...write(options),
    });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<T | Status> {
    const path = objectPath(resource, name, options.subresource);
    return this.#object<T | Status>({ method: 'DELETE', path, ...deletion(options) });
  }

  async deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    options: DeleteOptions & ListOptions = {},
  ): Promise<void> {
    const path = collectionPath(resource, options.namespace);
    await this.#object({ method: 'DELETE', path, query: listQuery(options), ...deletion(options) });
  }

  async raw(method: string, path: string, body?: unknown, options: RawOptions = {}): Promise<unknown> {
    const [plain = '', query] = path.split('?', 2);
    const response = await this.#respond({
      method: method as ApiRequest['method'],
      path: plain,
      query: Object.fromEntries(new URLSearchParams(query)),
      ...(body !== undefined && { body }),
      ...options,
    });
    return rawBody(response);
  }

  async #object<T>(call: Call): Promise<T> {
    return objectOf(await this.#respond(call)) as T;
  }

  /** Rejects with the ApiError of a failure. What another server answers is whole. */
  async #respond(call: Call): Promise<ApiResponse> {
    const response = await this.#call(call);
    const isPlain = response.status < 400 && response.body.kind !== 'stream';
    return isPlain ? response : collected(await refusing(response));
  }

  #call({
    method,
    path,
    query = {},
    body,
    contentType = 'application/json',
    accept = 'application/json',
    headers,
    signal = never,
  }: Call): Promise<ApiResponse> {
    signal.throwIfAborted();
    const search = new URLSearchParams();
    for (const name in query) {
      const value = query[name];
      if (value !== undefined && value !== '') search.set(name, value);
    }
    return this.#handler(
      {
        method,
        path,
        query: search,
        headers: { accept, 'content-type': contentType, ...headers },
        body: body === undefined ? { kind: 'none' } : { kind: 'object', object: body },
        signal,
      },
      this.#context,
    );
  }
}

const patchTypes: Readonly<Record<Patch['kind'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

function collectionPath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace ? `${root}/namespaces/${namespace}/${plural}` : `${root}/${plural}`;
}

function objectPath(resource: Resource, { name, namespace }: ObjectName, subresource?: string): string {
  const path = `${collectionPath(resource, resource.namespaced ? namespace : undefined)}/${name}`;
  return subresource ? `${path}/${subresource}` : path;
}

function listQuery(options: ListOptions): Record<string, string | undefined> {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return {
    labelSelector,
    fieldSelector,
    limit: limit === undefined ? undefined : String(limit),
    continue: options.continue,
    resourceVersion,
    resourceVersionMatch,
  };
}

function write({ dryRun, fieldManager, fieldValidation, signal }: WriteOptions): Pick<Call, 'query' | 'signal'> {
  return { query: { dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation }, signal };
}

function deletion(options: DeleteOptions): Pick<Call, 'body' | 'signal'> {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun, signal } = options;
  const body = {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(preconditions && { preconditions }),
    ...(dryRun && { dryRun: ['All'] }),
  };
  return { signal, ...(Object.keys(body).length > 0 && { body }) };
}

function objectOf({ body }: ApiResponse): unknown {
  switch (body.kind) {
    case 'object':
      return body.object;
    case 'entry':
      return body.object();
    case 'list':
      return body.list();
    case 'bytes':
      return JSON.parse(textOf(body.bytes));
    case 'none':
      return undefined;
    case 'watch':
    case 'stream':
    case 'upgrade':
      throw new Error(`an in-process request was answered by a ${body.kind}`);
  }
}

/** Rejects with the ApiError of a failure, whoever answered it. */
async function refusing(response: ApiResponse): Promise<ApiResponse> {
  const { status } = response;
  if (status < 400) return response;
  const whole = await collected(response);
  if (whole.body.kind === 'bytes') throw failureOf(status, textOf(whole.body.bytes));
  throw new ApiError(objectOf(whole) as Status);
}

/** What a node, pod, service or extension server answered through the proxy, whole. */
async function collected(response: ApiResponse): Promise<ApiResponse> {
  const { body } = response;
  if (body.kind !== 'stream') return response;
  const bytes = await new Promise<Uint8Array[]>((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    body.pipe(
      (chunk) => chunks.push(chunk) > 0,
      (error) => (error ? reject(error) : resolve(chunks)),
    );
  });
  return { ...response, body: { kind: 'bytes', bytes } };
}

/** Text of documents that are not JSON, the parsed value of those that are. */
function rawBody(response: ApiResponse): unknown {
  const { body, headers } = response;
  const isJson = String(headers['content-type'] ?? '').includes('json');
  return body.kind === 'bytes' && !isJson ? textOf(body.bytes) : objectOf(response);
}

function textOf(bytes: Uint8Array | readonly Uint8Array[]): string {
  return Buffer.concat(bytes instanceof Uint8Array ? [bytes] : bytes).toString('utf8');
}
