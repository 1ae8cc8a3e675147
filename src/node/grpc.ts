import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { hostAndPort } from '../base/ip-address.ts';
import { createPushStream } from './push-stream.ts';

/**
 * gRPC calls over one HTTP/2 connection without TLS (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md):
 * unary and server streaming, messages as bytes. The connection is made at the first call and made anew after it
 * broke; a call that breaks with it rejects with `unavailable`. A library costs 40 ms of an agent's start: this costs
 * none.
 */
export interface GrpcChannel {
  /**
   * Sends one message, resolves with the answer. Rejects with {@link GrpcError}. `timeoutMs` is enforced by the peer;
   * `signal` gives up here (`deadlineExceeded`), also while the peer cannot be reached.
   */
  call(method: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  /** Sends one message at once, iterates the answers. Ends on abort; throws {@link GrpcError}. */
  stream(
    method: string,
    request: Uint8Array,
    options: { signal: AbortSignal; metadata?: Metadata },
  ): AsyncIterable<Uint8Array>;
  close(): void;
}

interface CallOptions {
  timeoutMs?: number;
  metadata?: Metadata;
  signal?: AbortSignal;
}

export type Metadata = Readonly<Record<string, string>>;

/** Codes of https://grpc.github.io/grpc/core/md_doc_statuscodes.html, those that somebody here looks at. */
export const grpcCode = { ok: 0, unknown: 2, deadlineExceeded: 4, notFound: 5, unimplemented: 12, unavailable: 14 };

export class GrpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.code = code;
  }
}

/** `target`: a UNIX socket's path, or host and port. */
export function createGrpcChannel(target: { path: string } | { host: string; port: number }): GrpcChannel {
  let session: ClientHttp2Session | undefined;
  const name = 'path' in target ? 'localhost' : hostAndPort(target.host, target.port);
  const open = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    const made = connectHttp2(`http://${name}`, {
      createConnection: () => connectSocket(target),
      settings: { enablePush: false, initialWindowSize: 1 << 20 },
    });
    // Each call learns of a broken connection by its own stream.
    made.on('error', () => made.destroy());
    made.on('goaway', () => (session = session === made ? undefined : session));
    return (session = made);
  };
  const start = (method: string, message: Uint8Array, more: Metadata): ClientHttp2Stream => {
    const stream = open().request({
      ':method': 'POST',
      ':path': `/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...more,
    });
    stream.end(frame(message));
    return stream;
  };
  return {
    call: (method, request, { timeoutMs, metadata, signal } = {}) =>
      new Promise((resolve, reject) => {
        const limit: Metadata = timeoutMs === undefined ? {} : { 'grpc-timeout': `${Math.ceil(timeoutMs)}m` };
        let answer: Uint8Array | undefined;
        const stream = start(method, request, { ...metadata, ...limit });
        const giveUp = (): void => {
          reject(new GrpcError(grpcCode.deadlineExceeded, 'context deadline exceeded'));
          stream.close(constants.NGHTTP2_CANCEL);
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        receive(stream, {
          message: (data) => (answer = data),
          end: (error) => {
            signal?.removeEventListener('abort', giveUp);
            if (error) reject(error);
            else if (answer) resolve(answer);
            else reject(new GrpcError(grpcCode.unknown, `${method} ended without an answer`));
          },
        });
      }),
    stream(method, request, { signal, metadata }) {
      const messages = createPushStream<Uint8Array>(signal);
      const stream = start(method, request, metadata ?? {});
      const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
      signal.addEventListener('abort', cancel, { once: true });
      receive(stream, {
        message: (data) => messages.push(data),
        end(error) {
          signal.removeEventListener('abort', cancel);
          messages.end(error);
        },
      });
      return messages;
    },
    close() {
      if (session?.connecting) session.destroy();
      else session?.close();
    },
  };
}

/** Hands over each message of an answer, then its end, once. */
function receive(
  stream: ClientHttp2Stream,
  to: { message: (data: Uint8Array) => void; end: (error?: GrpcError) => void },
): void {
  let pending: Buffer = Buffer.alloc(0);
  let failure: GrpcError | undefined;
  let status: { code: number; message: string } | undefined;
  const readStatus = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    const text = headers['grpc-message'];
    status = { code: Number(code), message: typeof text === 'string' ? decodeText(text) : '' };
  };
  stream.on('response', (headers) => {
    readStatus(headers);
    if (headers[':status'] !== 200 && !status)
      failure = new GrpcError(grpcCode.unknown, `HTTP status ${headers[':status']} instead of a gRPC answer`);
  });
  stream.on('trailers', readStatus);
  stream.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 5) {
      const end = 5 + pending.readUInt32BE(1);
      if (pending.length < end) return;
      to.message(pending.subarray(5, end));
      pending = pending.subarray(end);
    }
  });
  stream.on('error', (error) => {
    failure ??= new GrpcError(grpcCode.unavailable, error.message);
  });
  stream.on('close', () => {
    if (status?.code === grpcCode.ok) to.end();
    else if (status) to.end(new GrpcError(status.code, status.message));
    else to.end(failure ?? new GrpcError(grpcCode.unavailable, 'the connection ended before the answer'));
  });
}

/** A message's prefix: not compressed, length in four bytes. */
function frame(message: Uint8Array): Buffer {
  const out = Buffer.alloc(5 + message.length);
  out.writeUInt32BE(message.length, 1);
  out.set(message, 5);
  return out;
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
