import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Random } from '../base/random.ts';
import { ApiError } from '../api/status.ts';
import type { ApiRequest, RequestBody } from './handler.ts';

/** Upstream's limit for resource requests. */
const largestBody = 3 * 1024 * 1024;
const noQuery = new URLSearchParams();

/** A request of HTTP/1.1. What few handlers ask for is made when they do. */
export class HttpRequest implements ApiRequest {
  readonly method: ApiRequest['method'];
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ApiRequest['headers'];
  readonly body: RequestBody;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor({ message, response, random }: { message: IncomingMessage; response: ServerResponse; random: Random }) {
    const { url = '/' } = message;
    const mark = url.indexOf('?');
    this.method = message.method as ApiRequest['method'];
    this.path = decodePath(mark < 0 ? url : url.slice(0, mark));
    this.query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1));
    // Only set-cookie is ever a list, and it is no request header.
    this.headers = message.headers as ApiRequest['headers'];
    // An extension server, to which the request is handed on, gets it, too.
    message.headers['audit-id'] ||= random.uuid();
    this.body = bodyOf(message);
    this.#message = message;
    this.#response = response;
  }

  headerValues(name: string): readonly string[] {
    return this.#message.headersDistinct[name] ?? [];
  }

  /** What the client calls the request, or a new UUID: the same in its answer (`Audit-Id`). */
  get auditId(): string {
    return this.headers['audit-id'] as string;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#response.destroyed) this.abort();
      else this.#response.once('close', () => this.abort());
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(new Error('the client went away'));
  }
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function bodyOf(message: IncomingMessage): RequestBody {
  const length = message.headers['content-length'];
  if (length === undefined ? message.headers['transfer-encoding'] === undefined : length === '0')
    return { kind: 'none' };
  let reading: Promise<Uint8Array> | undefined;
  return {
    kind: 'bytes',
    read: () => (reading ??= readAll(message, Number(length ?? 0))),
    stream: () => message,
    ...(length !== undefined && { length: Number(length) }),
  };
}

function readAll(message: IncomingMessage, announced: number): Promise<Uint8Array> {
  if (announced > largestBody) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > largestBody) {
        message.removeAllListeners('data').resume();
        return reject(tooLarge());
      }
      chunks.push(chunk);
    });
    message.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    message.once('error', reject);
    message.once('close', () => {
      if (!message.complete) reject(ApiError.of('BadRequest', 'unexpected EOF'));
    });
  });
}

function tooLarge(): ApiError {
  return ApiError.of('RequestEntityTooLarge', `Request entity too large: limit is ${largestBody}`, {});
}
