import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemProbeNetwork } from './probe-network.ts';

let server: Http2Server | undefined;

/** A health service that gives this answer (a frame, or none) and these trailers. */
function serve(answer: Buffer | undefined, trailers: Record<string, string> | undefined): Promise<number> {
  const started = createServer();
  server = started;
  started.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    if (!trailers) return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(answer);
  });
  return new Promise((resolve) => {
    started.listen(0, '127.0.0.1', () => resolve((started.address() as AddressInfo).port));
  });
}

/** HealthCheckResponse with this serving status, in a gRPC frame. */
function frame(status: number): Buffer {
  return Buffer.from([0, 0, 0, 0, 2, 0x08, status]);
}

function probe(port: number, timeoutMs = 5_000): ReturnType<typeof systemProbeNetwork.grpc> {
  return systemProbeNetwork.grpc({ host: '127.0.0.1', port, service: 'web', timeoutMs });
}

afterEach(() => {
  server?.close();
  server = undefined;
});

describe('a gRPC probe', () => {
  it('succeeds when the service says that it serves', async () => {
    expect(await probe(await serve(frame(1), { 'grpc-status': '0' }))).toEqual({ kind: 'success', output: '' });
  });

  it('fails with the status of a service that does not', async () => {
    const result = await probe(await serve(frame(2), { 'grpc-status': '0' }));
    expect(result).toEqual({ kind: 'failure', output: 'service unhealthy (responded with "NOT_SERVING")' });
  });

  it('says so when nobody implements the health protocol', async () => {
    const result = await probe(await serve(undefined, { 'grpc-status': '12', 'grpc-message': 'unknown service' }));
    expect(result.output).toBe(
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
    );
  });

  it('gives up at its timeout, and at once when nobody listens', async () => {
    const port = await serve(undefined, undefined);
    const words = `timeout: failed to connect service "127.0.0.1:${port}" within`;
    expect((await probe(port, 50)).output).toBe(`${words} 50ms: context deadline exceeded`);
    server?.close();
    expect((await probe(1)).output).toMatch(/^timeout: failed to connect service "127.0.0.1:1" within 5s/);
  });
});
