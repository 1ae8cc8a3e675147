import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { createHttpsClient, type HttpsClient } from './https-client.ts';
import { attachToPod, execInPod, forwardToPod, linesOf, openPodLogs } from './pod-streams.ts';

let server: Server;
let client: HttpsClient;
let protocol: string;
let serve: (socket: WebSocket, url: string) => void;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const seen: string[] = [];
const web = { name: 'web', namespace: 'x' };

beforeEach(async () => {
  seen.length = 0;
  protocol = 'v5.channel.k8s.io';
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    sockets.handleUpgrade(request, socket, head, (accepted) => serve(accepted, request.url ?? ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = createHttpsClient(
    { server: `http://127.0.0.1:${port}/prefix`, token: 'secret' },
    { clock: createSimulatedClock() },
  );
});

afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const frame = (number: number, data: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([number]), Buffer.from(data)]);
const exited = (code: number): string =>
  JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  });

/** Answers every message of stdin on stdout, and exits with 3 when stdin ends. */
function cat(socket: WebSocket): void {
  socket.on('message', (message: Buffer) => {
    if (message[0] === 0) socket.send(frame(1, message.subarray(1)));
    if (message[0] === 4) socket.send(frame(2, message.subarray(1)));
    if (message[0] !== 255) return;
    socket.send(frame(3, exited(3)));
    socket.close();
  });
}

describe('exec and attach', () => {
  it('carry stdin, stdout, stderr, sizes of the terminal, the end of stdin and the exit code', async () => {
    serve = cat;
    const process = await execInPod(client, web, { command: ['sh', '-c', 'a b'], container: 'one', stdin: true });
    process.resize({ columns: 80, rows: 24 });
    process.stdin.end('hello');
    expect(await Promise.all([text(process.stdout), text(process.stderr), process.exitCode])).toEqual([
      'hello',
      '{"Width":80,"Height":24}',
      3,
    ]);
    const query = 'container=one&command=sh&command=-c&command=a+b&stdin=true&stdout=true&stderr=true';
    expect(seen).toEqual([`/prefix/api/v1/namespaces/x/pods/web/exec?${query} Bearer secret`]);
  });

  it('carry much data whole, and messages that come with the handshake', async () => {
    const block = Buffer.alloc(300_000, 'x');
    serve = (socket) => {
      for (let i = 0; i < 10; i++) socket.send(frame(1, block));
      socket.send(frame(3, '{"status":"Success"}'));
      socket.close();
    };
    const process = await execInPod(client, web, { command: ['cat'] });
    expect((await text(process.stdout)).length).toBe(10 * block.length);
    expect(await process.exitCode).toBe(0);
  });

  it('say why a process could not run, and that a connection broke', async () => {
    serve = (socket) => {
      socket.send(frame(3, JSON.stringify({ status: 'Failure', message: 'no such file', reason: 'InternalError' })));
      socket.close();
    };
    await expect((await execInPod(client, web, { command: ['x'] })).exitCode).rejects.toThrow('no such file');
    serve = (socket) => socket.close(1011);
    await expect((await attachToPod(client, web)).exitCode).rejects.toThrow('WebSocket code 1011');
  });

  it('work with servers of version 4', async () => {
    protocol = 'v4.channel.k8s.io';
    serve = cat;
    const process = await attachToPod(client, web, { stdin: true, tty: true });
    process.stdin.write('hello');
    const [first] = (await process.stdout.take(1).toArray()) as [Buffer];
    expect(first.toString()).toBe('hello');
    expect(seen[0]).toContain('/attach?stdin=true&stdout=true&tty=true ');
    process.close();
  });

  it("reject with the server's Status when it refuses", async () => {
    server.removeAllListeners('upgrade');
    const status = {
      kind: 'Status',
      status: 'Failure',
      reason: 'NotFound',
      code: 404,
      message: 'pods "web" not found',
    };
    answer = (_, response) => void response.writeHead(404).end(JSON.stringify(status));
    await expect(execInPod(client, web, { command: ['x'] })).rejects.toMatchObject({ status });
  });
});

describe('logs', () => {
  it('come as lines, whatever pieces they arrive in', async () => {
    answer = (_, response) => {
      response.write('one\ntw');
      response.end('o\nthree');
    };
    const log = await openPodLogs(client, web, { follow: true, tailLines: 3, container: 'a', previous: false });
    const lines: string[] = [];
    for await (const line of linesOf(log)) lines.push(line);
    expect(lines).toEqual(['one', 'two', 'three']);
    expect(seen).toEqual(['GET /prefix/api/v1/namespaces/x/pods/web/log?follow=true&tailLines=3&container=a']);
  });

  it('reject with what the server says', async () => {
    answer = (_, response) => void response.writeHead(400).end('container a is waiting');
    await expect(openPodLogs(client, web)).rejects.toThrow('container a is waiting');
  });
});

describe('port-forward', () => {
  it('is a stream of bytes to the port', async () => {
    protocol = 'v4.channel.k8s.io';
    serve = (socket) => {
      socket.send(frame(0, Buffer.from([0x50, 0])));
      socket.send(frame(1, Buffer.from([0x50, 0])));
      socket.on('message', (message: Buffer) => {
        socket.send(frame(0, `got ${message.subarray(1).toString()}`));
        socket.close();
      });
    };
    const stream = await forwardToPod(client, web, 80);
    stream.write('GET /');
    expect(await text(stream)).toBe('got GET /');
    expect(seen[0]).toContain('/portforward?ports=80 ');
  });

  it('fails with what the node says', async () => {
    protocol = 'v4.channel.k8s.io';
    serve = (socket) => {
      for (const number of [0, 1]) socket.send(frame(number, Buffer.from([0x50, 0])));
      socket.send(frame(1, 'connection refused'));
    };
    await expect(text(await forwardToPod(client, web, 80))).rejects.toThrow('connection refused');
  });
});
