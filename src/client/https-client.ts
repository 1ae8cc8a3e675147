import { readFileSync } from 'node:fs';
import {
  type AgentOptions,
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { KubeList, KubeObject } from '../api/object.ts';
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
} from './client.ts';
import { failureOf, parseLoosely, readBody } from './http-answer.ts';
import { collectionPath, listQuery, objectPath, patchMediaType, watchQuery, writeQuery } from './request-path.ts';
import { openWebSocket, type OpenWebSocket } from './websocket.ts';

/** How to reach an API server, and as whom. PEM texts. */
export interface Connection {
  /** `https://127.0.0.1:6443`; plain `http://` for a proxy on this machine. */
  server: string;
  /** Name that the server's certificate must have, when it is not the address's. */
  tlsServerName?: string;
  /** Default: the certificates that the machine trusts. */
  certificateAuthority?: string;
  insecureSkipTlsVerify?: boolean;
  clientCertificate?: string;
  clientKey?: string;
  token?: string;
  /** Read again as it is renewed (a pod's own token). */
  tokenFile?: string;
  basic?: { username: string; password: string };
  /** Acts as somebody else (Kubernetes documentation, "User impersonation"). */
  impersonate?: Impersonation;
}

export interface Impersonation {
  user?: string;
  uid?: string;
  groups?: readonly string[];
}

export interface HttpsClient extends Client {
  /**
   * The body of an answer as it arrives, for what does not end (logs, watches of tables). Silence is no failure.
   * Rejects with `ApiError` when the server refuses.
   */
  open(path: string, options?: Omit<RawOptions, 'contentType'>): Promise<IncomingMessage>;
  /** A WebSocket to `path`, with one of `protocols`. Rejects with `ApiError` when the server refuses. */
  webSocket(path: string, protocols: readonly string[]): Promise<OpenWebSocket>;
  /** A request of somebody else's, with this client's credentials where it has none: for a proxy, which ends it. */
  relay(request: Pick<IncomingMessage, 'method' | 'headers'>, path: string): ClientRequest;
  /** Ends idle connections and watches. */
  close(): void;
}

interface Call {
  method: string;
  path: string;
  body?: unknown;
  contentType?: string;
  accept?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** 0: silence is no failure. */
  silenceMs?: number;
  /** Default: false. Whether the answer may go on for as long as it likes. */
  isStream?: boolean;
}

const maxRetries = 5;
/** As many requests at a time; more wait for one of these. */
const maxSockets = 8;
/** Without a byte for so long, a request is given up: the server's own limit for one is a minute. */
const silenceMs = 90_000;
/** Servers end a watch after half an hour to an hour at the latest (kube-apiserver's --min-request-timeout). */
const maxWatchSeconds = 3600;
/** client-go reads a token file again after this long. */
const tokenFileAgeMs = 60_000;

interface HttpsClientOptions {
  clock: Clock;
  /** Told what the server warns of (deprecated versions, unknown fields). */
  onWarning?: (text: string) => void;
  /** How long a request may go without a byte of its answer. Default: 90 s. */
  timeoutMs?: number;
}

/** A client over HTTPS with connections kept alive. Watches have a connection each. */
export function createHttpsClient(connection: Connection, options: HttpsClientOptions): HttpsClient {
  const transport = new Transport(connection, options);
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
    watch: <T extends KubeObject>(resource: Resource<T>, options: WatchOptions) => {
      const path = collectionPath(resource, options.namespace) + watchQuery(options);
      return transport.watch<T>(path, options);
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
    raw: (method, path, body, options = {}) => transport.loose({ method, path, body, ...options }),
    open: (path, options = {}) => transport.open({ method: 'GET', path, silenceMs: 0, ...options }),
    webSocket: (path, protocols) => transport.webSocket(path, protocols),
    relay: (given, path) => transport.relay(given, path),
    close: () => transport.close(),
  };
}

/** A server that gets a body looks at the query no more: a dry run must be told here. */
function deleteBody({ gracePeriodSeconds, propagationPolicy, preconditions, dryRun }: DeleteOptions): unknown {
  return {
    ...{ kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds, propagationPolicy, preconditions },
    ...(dryRun && { dryRun: ['All'] }),
  };
}

class Transport {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #onWarning: HttpsClientOptions['onWarning'];
  readonly #options: RequestOptions;
  /** For requests whose answer is whole at once: a handshake costs both sides more than most waits for a free one. */
  readonly #agent: HttpAgent;
  /** For answers that go on: watches and logs. */
  readonly #streams: HttpAgent;
  readonly #request: (options: RequestOptions, callback?: (response: IncomingMessage) => void) => ClientRequest;
  readonly #agentOf: (options: AgentOptions) => HttpAgent;
  readonly #prefix: string;
  readonly #silenceMs: number;
  readonly #impersonation: Record<string, string | string[]>;
  #tokenRead: { token: string; at: number } | undefined;

  constructor(connection: Connection, { clock, onWarning, timeoutMs = silenceMs }: HttpsClientOptions) {
    this.#silenceMs = timeoutMs;
    this.#onWarning = onWarning;
    this.#connection = connection;
    this.#impersonation = impersonationHeaders(connection.impersonate ?? {});
    this.#clock = clock;
    const url = new URL(connection.server);
    const isPlain = url.protocol === 'http:';
    this.#request = isPlain ? httpRequest : request;
    const tls = isPlain ? undefined : sharedTlsOptions(connection);
    this.#agentOf = (options) => (tls ? new Agent({ ...options, ...tls }) : new HttpAgent(options));
    this.#agent = this.#agentOf({ keepAlive: true, maxSockets });
    this.#streams = this.#agentOf({ keepAlive: true });
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // Node would take the name of the certificate from a request's Host header.
    const servername = isIP(host) ? '' : host;
    this.#options = { host, port: url.port || (isPlain ? 80 : 443), ...(!isPlain && { servername }) };
    this.#prefix = url.pathname.replace(/\/$/, '');
  }

  close(): void {
    this.#agent.destroy();
    this.#streams.destroy();
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

  async *watch<T extends KubeObject>(
    path: string,
    { signal, timeoutSeconds = maxWatchSeconds }: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    let response: IncomingMessage;
    try {
      // A server that is gone without a word leaves the watch silent for longer than it may last.
      const silenceMs = (timeoutSeconds + 30) * 1000;
      response = await this.send({ method: 'GET', path, signal, silenceMs, isStream: true });
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

  async open(call: Call): Promise<IncomingMessage> {
    const response = await this.send({ ...call, isStream: true });
    const status = response.statusCode ?? 500;
    if (status >= 400) throw failureOf(status, await readBody(response));
    return response;
  }

  webSocket(path: string, protocols: readonly string[]): Promise<OpenWebSocket> {
    const authorization = this.#authorization();
    const { server } = this.#connection;
    return openWebSocket(new URL(this.#prefix + path, server).href.replace(/^http/, 'ws'), protocols, {
      ...tlsOptions(this.#connection),
      headers: { 'user-agent': 'timonel', ...(authorization && { authorization }), ...this.#impersonation },
    });
  }

  relay({ method = 'GET', headers }: Pick<IncomingMessage, 'method' | 'headers'>, path: string): ClientRequest {
    const { host: _, connection, authorization = this.#authorization(), ...others } = headers;
    const isUpgrade = headers.upgrade !== undefined;
    return this.#request({
      ...this.#options,
      // A connection that becomes something else is nobody else's any more.
      agent: isUpgrade ? this.#agentOf({}) : this.#streams,
      ...{ method, path: this.#prefix + path },
      headers: {
        ...others,
        ...(isUpgrade && { connection }),
        ...(authorization && { authorization }),
        ...this.#impersonation,
      },
    });
  }

  /** Tries once more where the server had closed an idle connection just as the request went out on it. */
  async send(call: Call): Promise<IncomingMessage> {
    try {
      return await this.#sendOnce(call);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
      return this.#sendOnce(call);
    }
  }

  #sendOnce({
    method,
    path,
    body,
    contentType = 'application/json',
    accept = 'application/json',
    headers,
    signal,
    silenceMs: limitMs,
    isStream = false,
  }: Call): Promise<IncomingMessage> {
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const authorization = this.#authorization();
    const timeout = limitMs ?? this.#silenceMs;
    return new Promise((resolve, reject) => {
      const outgoing = this.#request(
        {
          ...this.#options,
          agent: isStream ? this.#streams : this.#agent,
          ...{ method, path: this.#prefix + path, signal, timeout },
          headers: {
            accept,
            'user-agent': 'timonel',
            ...(authorization && { authorization }),
            ...this.#impersonation,
            ...(data && { 'content-type': contentType, 'content-length': data.length }),
            ...headers,
          },
        },
        (response) => {
          for (const [, text = ''] of (response.headers.warning ?? '').matchAll(warningText)) {
            this.#onWarning?.(text.replaceAll(/\\(.)/g, '$1'));
          }
          resolve(response);
        },
      );
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`no answer from the API server for ${timeout / 1000} s`)),
      );
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(isStale ? new StaleConnectionError(error.message, { cause: error }) : error);
      });
      outgoing.end(data);
    });
  }

  #authorization(): string | undefined {
    const { basic } = this.#connection;
    const token = this.#token();
    if (token) return `Bearer ${token}`;
    return basic && `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
  }

  #token(): string | undefined {
    const { token, tokenFile } = this.#connection;
    if (!tokenFile) return token;
    const now = this.#clock.monotonic();
    if (!this.#tokenRead || now - this.#tokenRead.at > tokenFileAgeMs) {
      this.#tokenRead = { token: readFileSync(tokenFile, 'utf8').trim(), at: now };
    }
    return this.#tokenRead.token;
  }
}

/** `299 - "text"` (RFC 7234, section 5.5), as the API machinery writes it. */
const warningText = /299 \S+ "((?:\\.|[^"\\])*)"/g;

class StaleConnectionError extends Error {}

type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;

function tlsOptions(connection: Connection): TlsOptions {
  const { certificateAuthority, clientCertificate, clientKey, insecureSkipTlsVerify, tlsServerName } = connection;
  return {
    ca: certificateAuthority,
    cert: clientCertificate,
    key: clientKey,
    rejectUnauthorized: !insecureSkipTlsVerify,
    ...(tlsServerName && { servername: tlsServerName }),
  };
}

/** Keys and certificates are read once here; Node reads them again for each connection that is given their text. */
function sharedTlsOptions(connection: Connection): ConnectionOptions {
  const { ca, cert, key, ...others } = tlsOptions(connection);
  return { ...others, secureContext: createSecureContext({ ca, cert, key }) };
}

function impersonationHeaders({ user, uid, groups }: Impersonation): Record<string, string | string[]> {
  return {
    ...(user && { 'impersonate-user': user }),
    ...(uid && { 'impersonate-uid': uid }),
    ...(groups?.length && { 'impersonate-group': [...groups] }),
  };
}

/** A refused eviction is an answer: who asked decides when to ask again. */
function isEviction({ path }: Call): boolean {
  return path.split('?')[0]?.endsWith('/eviction') ?? false;
}
