import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Entry } from '../store/store.ts';
import type { ApiResponse, ResponseBody } from './handler.ts';
import { drained } from './drained.ts';
import { HttpWatch } from './http-watch.ts';

/** Smaller answers are not worth compressing. */
const gzipFrom = 128 * 1024;
/** Large answers are written in pieces of this size, each when the client has taken the one before. */
const pieceBytes = 1024 * 1024;
const compress = promisify(gzip);
const comma = Buffer.from(',');

export interface Exchange {
  message: IncomingMessage;
  response: ServerResponse;
}

/** Turns an answer into bytes on the wire. Resolves when they are handed over, for a watch when it has begun. */
export async function sendResponse(answer: ApiResponse, exchange: Exchange): Promise<void> {
  const { response, message } = exchange;
  const { status, headers, body } = answer;
  if (message.method === 'HEAD' || body.kind === 'none') {
    response.writeHead(status, headers).end();
    return;
  }
  switch (body.kind) {
    case 'entry':
      return sendBytes(answer, body.entry.value, response);
    case 'object':
      return sendAll(answer, [Buffer.from(`${JSON.stringify(body.object)}\n`)], exchange);
    case 'bytes':
      return sendAll(answer, body.bytes instanceof Uint8Array ? [body.bytes] : body.bytes, exchange);
    case 'list':
      return sendAll(answer, piecesOf(body), exchange);
    case 'watch':
      return startWatch(answer, body, response);
    case 'stream':
      return startStream(answer, body, response);
    case 'upgrade':
      response.writeHead(400, { ...headers, 'content-type': 'text/plain' }).end('upgrade request required\n');
  }
}

function sendBytes({ status, headers }: ApiResponse, bytes: Uint8Array, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  response.end(bytes);
}

async function sendAll(answer: ApiResponse, pieces: readonly Uint8Array[], exchange: Exchange): Promise<void> {
  const { response } = exchange;
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (size >= gzipFrom && wantsGzip(exchange)) {
    const compressed = await compress(Buffer.concat(pieces), { level: 1 });
    const headers = { ...answer.headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' };
    return sendBytes({ ...answer, headers }, compressed, response);
  }
  const [only] = pieces;
  if (only && pieces.length === 1) return sendBytes(answer, only, response);
  response.writeHead(answer.status, { ...answer.headers, 'content-length': size });
  for (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

/** A client on this machine gains nothing: compressing costs more time than its bytes take. */
function wantsGzip({ message }: Exchange): boolean {
  const encodings = message.headers['accept-encoding'];
  if (typeof encodings !== 'string' || !/\bgzip\b/.test(encodings)) return false;
  const { remoteAddress = '' } = message.socket;
  return !remoteAddress.startsWith('127.') && remoteAddress !== '::1' && !remoteAddress.startsWith('::ffff:127.');
}

/** Stored bytes one after the other, copied into few buffers: thousands of small writes cost more than one copy. */
function piecesOf({ entries, head, tail }: Extract<ResponseBody, { kind: 'list' }>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let parts: Uint8Array[] = [Buffer.from(head)];
  let size = 0;
  entries.forEach(({ value }: Entry, i) => {
    if (i > 0) parts.push(comma);
    parts.push(value);
    size += value.length;
    if (size < pieceBytes) return;
    pieces.push(Buffer.concat(parts));
    parts = [];
    size = 0;
  });
  parts.push(Buffer.from(`${tail}\n`));
  pieces.push(Buffer.concat(parts));
  return pieces;
}

function startWatch(
  { status, headers }: ApiResponse,
  body: Extract<ResponseBody, { kind: 'watch' }>,
  response: ServerResponse,
): void {
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.flushHeaders();
  const sink = new HttpWatch(response);
  const watch = body.start(sink);
  response.once('close', () => watch.close());
}

function startStream(
  { status, headers }: ApiResponse,
  body: Extract<ResponseBody, { kind: 'stream' }>,
  response: ServerResponse,
): void {
  response.writeHead(status, headers);
  response.flushHeaders();
  const source = body.pipe(
    (chunk) => response.write(chunk),
    (error) => (error ? response.destroy(error) : response.end()),
  );
  if (source.resume) response.on('drain', source.resume);
  response.once('close', () => source.close());
}
