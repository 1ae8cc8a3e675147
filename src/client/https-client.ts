import { readFileSync } from 'node:fs';
import { Agent, type RequestOptions, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { KubeList, KubeObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { Status } from '../api/types/meta-v1.ts';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectName,
  Patch,
  Resource,
  WatchEvent,
  WriteOptions,
} from './client.ts';
import { collectionPath, listQuery, objectPath, patchMediaType, watchQuery, writeQuery } from './request-path.ts';

/** How to reach an API server, and as whom. PEM texts. */
export interface Connection {
  /** `https://127.0.0.1:6443` */
  server: string;
  /** Default: the certificates that the machine trusts. */
  certificateAuthority?: string;
  insecureSkipTlsVerify?: boolean;
  clientCertificate?: string;
  clientKey?: string;
  token?: string;
  /** Read again as it is renewed (a pod's own token). */
  tokenFile?: string;
}

export interface HttpsClient extends Client {
  /** Ends idle connections and watches. */
  close(): void;
}

interface Call {
  method: string;
  path: string;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}

const maxRetries = 5;

/** A client over HTTPS with connections kept alive. Watches have a connection each. */
export function createHttpsClient(connection: Connection, { clock }: { clock: Clock }): HttpsClient {
  const transport = new Transport(connection, clock);
  const write = (resource: Resource, name: ObjectName, options: WriteOptions = {}): string =>
    objectPath(resource, name, options.subresource) + writeQuery(options);
  const nameOf = ({ metadata }: KubeObject): ObjectName => ({
    name: metadata.name ?? '',
    namespace: metadata.namespace,
  });
  const withType = <T extends KubeObject>(resource: Resource, object: T): T => ({
    apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
    kind: resource.kind,
    ...object,
  });
  return {
    get: (resource, name, options = {}) => {
      const query = options.resourceVersion ? `?resourceVersion=${encodeURIComponent(options.resourceVersion)}` : '';
      return transport.json({ method: 'GET', path: objectPath(resource, name) + query, signal: options.signal });
    },
    list: async <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) => {
      const path = collectionPath(resource, options.namespace) + listQuery(options);
      return transport.json<KubeList<T>>({ method: 'GET', path, signal: options.signal });
    },
    watch: <T extends KubeObject>(resource: Resource<T>, options: ListOptions) => {
      const path = collectionPath(resource, options.namespace) + watchQuery(options);
      return transport.watch<T>(path, options.signal);
    },
    create: (resource, object, options = {}) => {
      const { namespace } = object.metadata;
      const path = collectionPath(resource, namespace) + writeQuery(options);
      return transport.json({ method: 'POST', path, body: withType(resource, object), signal: options.signal });
    },
    createSubresource: (resource, name, subresource, body, options = {}) => {
      const path = write(resource, name, { ...options, subresource });
      return transport.json({ method: 'POST', path, body, signal: options.signal });
    },
    update: (resource, object, options = {}) => {
      const path = write(resource, nameOf(object), options);
      return transport.json({ method: 'PUT', path, body: withType(resource, object), signal: options.signal });
    },
    patch: (resource, name, patch: Patch, options = {}) => {
      const body = patch.kind === 'json' ? patch.operations : patch.document;
      const path = write(resource, name, options);
      const contentType = patchMediaType[patch.kind];
      return transport.json({ method: 'PATCH', path, body, contentType, signal: options.signal });
    },
    delete: (resource, name, options = {}) => {
      const path = objectPath(resource, name) + writeQuery(options);
      return transport.json({ method: 'DELETE', path, body: deleteBody(options), signal: options.signal });
    },
    deleteCollection: async (resource, options = {}) => {
      const path = collectionPath(resource, options.namespace) + listQuery(options);
      await transport.json({ method: 'DELETE', path, body: deleteBody(options), signal: options.signal });
    },
    raw: (method, path, body) => transport.loose({ method, path, body }),
    close: () => transport.close(),
  };
}

function deleteBody({ gracePeriodSeconds, propagationPolicy, preconditions }: DeleteOptions): unknown {
  return { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds, propagationPolicy, preconditions };
}

class Transport {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #options: RequestOptions;
  readonly #agent: Agent;
  readonly #prefix: string;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#agent = new Agent({
      keepAlive: true,
      ca: connection.certificateAuthority,
      cert: connection.clientCertificate,
      key: connection.clientKey,
      rejectUnauthorized: !connection.insecureSkipTlsVerify,
    });
    const url = new URL(connection.server);
    this.#options = { host: url.hostname, port: url.port || 443, agent: this.#agent };
    this.#prefix = url.pathname.replace(/\/$/, '');
  }

  close(): void {
    this.#agent.destroy();
  }

  async json<T>(call: Call): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.send(call);
      const text = await readBody(response);
      const status = response.statusCode ?? 500;
      if (status < 400) return JSON.parse(text) as T;
      const retryAfter = Number(response.headers['retry-after']);
      if (status === 429 && retryAfter > 0 && attempt < maxRetries && !isEviction(call)) {
        await this.#clock.sleep(retryAfter * 1000, call.signal);
        continue;
      }
      throw failureOf(status, text);
    }
  }

  /** Whatever the server answers: parsed when it is JSON, else its text. */
  async loose(call: Call): Promise<unknown> {
    const response = await this.send(call);
    const text = await readBody(response);
    const status = response.statusCode ?? 500;
    if (status >= 400) throw failureOf(status, text);
    return parseLoosely(text);
  }

  async *watch<T extends KubeObject>(path: string, signal: AbortSignal | undefined): AsyncIterable<WatchEvent<T>> {
    let response: IncomingMessage;
    try {
      response = await this.send({ method: 'GET', path, signal });
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    }
    if ((response.statusCode ?? 500) >= 400) throw failureOf(response.statusCode ?? 500, await readBody(response));
    const pieces: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        let from = 0;
        for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
          pieces.push(chunk.subarray(from, end));
          const line = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
          pieces.length = 0;
          from = end + 1;
          if (line.length > 0) yield JSON.parse(line.toString()) as WatchEvent<T>;
        }
        if (from < chunk.length) pieces.push(chunk.subarray(from));
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      response.destroy();
    }
  }

  send({ method, path, body, contentType = 'application/json', signal }: Call): Promise<IncomingMessage> {
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const token = this.#token();
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          ...this.#options,
          ...{ method, path: this.#prefix + path, signal },
          headers: {
            accept: 'application/json',
            'user-agent': 'timonel',
            ...(token && { authorization: `Bearer ${token}` }),
            ...(data && { 'content-type': contentType, 'content-length': data.length }),
          },
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(data);
    });
  }

  #token(): string | undefined {
    const { token, tokenFile } = this.#connection;
    return tokenFile ? readFileSync(tokenFile, 'utf8').trim() : token;
  }
}

/** A refused eviction is an answer: who asked decides when to ask again. */
function isEviction({ path }: Call): boolean {
  return path.split('?')[0]?.endsWith('/eviction') ?? false;
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The server's own Status, or one made from a bare answer. */
function failureOf(code: number, text: string): ApiError {
  const body = parseLoosely(text);
  if (typeof body === 'object' && body !== null && (body as Status).kind === 'Status')
    return new ApiError(body as Status);
  const message = `the server answered ${code}: ${text.slice(0, 300)}`;
  return new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code });
}
