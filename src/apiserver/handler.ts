import type { Duplex, Readable } from 'node:stream';
import type { KubeObject } from '../api/object.ts';
import type { Entry } from '../store/store.ts';

/** Who makes a request, once authenticated (`authentication.k8s.io/v1` UserInfo). */
export interface User {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** A request as the API server sees it: no socket, no bytes that were not asked for. */
export interface ApiRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Decoded path without query: `/api/v1/namespaces/default/pods`. */
  path: string;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Each value of a header that was sent several times, which `headers` has in one; absent where there is no wire. */
  headerValues?(name: string): readonly string[];
  body: RequestBody;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

export type RequestBody =
  | { kind: 'none' }
  /**
   * `read` gives all of it, and refuses what is larger than a resource may be. `stream`: as it comes, of any length, and
   * `length` if the client has said it; for who hands it on. One of both, once.
   */
  | { kind: 'bytes'; read: () => Promise<Uint8Array>; stream?: () => Readable; length?: number }
  /** In process: an object that the caller gives away (the server may change it). */
  | { kind: 'object'; object: unknown };

/** Set by the transport: credentials for the authenticator to look at, or a user that is already known (in process). */
export interface RequestContext {
  user?: User;
  /** The peer's verified client certificate, if any. */
  clientCertificate?: { commonName: string; organizations: readonly string[]; fingerprint: string };
  remoteAddress?: string;
}

export interface ApiResponse {
  status: number;
  headers: Record<string, string | string[]>;
  body: ResponseBody;
}

/** The listener turns these into bytes; the in-process transport hands the objects over as they are (frozen). */
export type ResponseBody =
  | { kind: 'none' }
  | { kind: 'bytes'; bytes: Uint8Array | readonly Uint8Array[] }
  | { kind: 'object'; object: unknown }
  /** One stored object, sent as its stored bytes. */
  | { kind: 'entry'; entry: Entry; object: () => KubeObject }
  /** A list of stored objects: `head` and `tail` are the JSON around the items. */
  | { kind: 'list'; entries: readonly Entry[]; list: () => unknown; head: string; tail: string }
  | { kind: 'watch'; start: (sink: WatchResponseSink) => { close: () => void } }
  | {
      kind: 'stream';
      /** `write` answers false when the client is slow: the source then pauses until the listener calls `resume` (on drain). */
      pipe: (
        write: (chunk: Uint8Array) => boolean,
        end: (error?: Error) => void,
      ) => { close: () => void; resume?: () => void };
    }
  /** 101: the listener hands over the socket (exec, attach, port-forward). */
  | { kind: 'upgrade'; accept: (socket: Duplex, head: Uint8Array) => void };

export interface WatchResponseSink {
  /** `bytes` is one complete JSON line, made once for all watchers; `object` the same event's object, decoded once. */
  event(
    type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR',
    bytes: () => Uint8Array,
    object: () => unknown,
  ): void;
  end(): void;
  /** Bytes waiting in the client's socket; a watcher that falls too far behind is ended. */
  backlogBytes(): number;
  /** Resolves when the client has taken most of what was sent, or is gone: for whoever has much to send. */
  drained(): Promise<void>;
}

/** The API server, whole: the HTTP listener and the in-process transport both call it. Never rejects: failures are Status answers. */
export type Handler = (request: ApiRequest, context: RequestContext) => Promise<ApiResponse>;
