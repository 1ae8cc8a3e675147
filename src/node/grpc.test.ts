import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGrpcChannel, type GrpcChannel } from './grpc.ts';

const directory = mkdtempSync(join(tmpdir(), 'grpc-'));
const path = join(directory, 'test.sock');

/** A gRPC server by the letter of the protocol: what each method answers is written out in frames. */
function serve(): Promise<Http2Server> {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const answer = (messages: string[], trailers: Record<string, string>): void => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(Buffer.concat(messages.map(frame)));
    };
    const body: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('end', () => {
      switch (headers[':path']) {
        case '/test/echo':
          return answer([Buffer.concat(body).subarray(5).toString()], { 'grpc-status': '0' });
        case '/test/deadline':
          return answer([String(headers['grpc-timeout'])], { 'grpc-status': '0' });
        case '/test/fail':
          stream.respond(
            { ':status': 200, 'grpc-status': '5', 'grpc-message': 'no%20such thing' },
            { endStream: true },
          );
          return;
        case '/test/many':
          return answer(['a', '', 'c'.repeat(200_000)], { 'grpc-status': '0' });
        case '/test/cut':
          return stream.close(8);
        default:
          return stream.respond({ ':status': 404 }, { endStream: true });
      }
    });
  });
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

function frame(text: string): Buffer {
  const out = Buffer.alloc(5);
  out.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([out, Buffer.from(text)]);
}

describe('a gRPC channel', () => {
  let server: Http2Server;
  let channel: GrpcChannel;
  const call = async (method: string, text = '', options = {}): Promise<string> =>
    Buffer.from(await channel.call(`test/${method}`, Buffer.from(text), options)).toString();

  beforeEach(async () => {
    server = await serve();
    channel = createGrpcChannel({ path });
  });
  afterEach(async () => {
    channel.close();
    await new Promise((resolve) => server.close(resolve));
    rmSync(path, { force: true });
  });

  it('sends a message and gives back the answer', async () => {
    expect(await call('echo', 'hello')).toBe('hello');
    expect(await Promise.all(['a', 'b', ''].map((text) => call('echo', text)))).toEqual(['a', 'b', '']);
  });

  it('passes the deadline on', async () => {
    expect(await call('deadline', '', { timeoutMs: 1500.2 })).toBe('1501m');
  });

  it('rejects with the code and the message of the answer', async () => {
    await expect(call('fail')).rejects.toMatchObject({ code: 5, message: 'no such thing' });
    await expect(call('unknown')).rejects.toMatchObject({ code: 2 });
    await expect(call('cut')).rejects.toMatchObject({ code: 14 });
  });

  it('streams messages, whatever pieces they come in', async () => {
    const sizes: number[] = [];
    const signal = new AbortController().signal;
    for await (const message of channel.stream('test/many', new Uint8Array(), { signal })) sizes.push(message.length);
    expect(sizes).toEqual([1, 0, 200_000]);
  });

  it('is unavailable while nobody listens, and works again afterwards', async () => {
    const elsewhere = createGrpcChannel({ path: `${path}.none` });
    await expect(elsewhere.call('test/echo', new Uint8Array())).rejects.toMatchObject({ code: 14 });
    elsewhere.close();
    await expect(call('cut')).rejects.toMatchObject({ code: 14 });
    expect(await call('echo', 'again')).toBe('again');
  });
});
