import { createHash } from 'node:crypto';
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { ApiError } from '../api/status.ts';
import type { ApiResponse, Handler, RequestContext } from './handler.ts';
import { HttpRequest } from './http-request.ts';
import { sendResponse } from './http-response.ts';
import { Turns } from './turns.ts';

export interface ListenOptions {
  handler: Handler;
  /** Addresses to listen on, all with the same port. */
  hosts: readonly string[];
  /** 0: any that is free. */
  port: number;
  /** PEM. */
  key: string;
  certificate: string;
  /** PEM of the authority that signs client certificates; absent: nobody has one. */
  clientAuthority?: string;
  clock: Clock;
  /** Names the requests that bring no name with them. */
  random: Random;
  log: Logger;
}

export interface Listener {
  port: number;
  /** Lets another handler serve the connection that is about to come from `from`. Answers how to forget it. */
  divert(from: RemoteEnd, handler: Handler): () => void;
  /** Takes no more connections, and ends those that are still open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Idle connections are kept this long: longer than clients keep theirs, so that none is reset under a request. */
const idleMs = 120_000;
/** Go's servers take as much: the command of an exec is in its query. */
const longestHeaders = 1024 * 1024;

/** Serves a handler on HTTPS (HTTP/1.1). Rejects when a port cannot be had. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const servers: Server[] = [];
  const diverted: Diverted = new Map();
  let { port } = options;
  try {
    for (const host of options.hosts) {
      const server = createListener(options, diverted);
      servers.push(server);
      port = await open(server, host, port);
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    port,
    divert(from, handler) {
      const key = keyOf(from);
      diverted.set(key, handler);
      return () => void diverted.delete(key);
    },
    async close(graceMs) {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const server of servers) server.closeIdleConnections();
      const cancel = options.clock.setTimer(graceMs, () => {
        for (const server of servers) server.closeAllConnections();
      });
      if (graceMs === 0) for (const server of servers) server.closeAllConnections();
      await Promise.all(closed);
      cancel();
    },
  };
}

function open(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Where a connection comes from. */
export interface RemoteEnd {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}

/** Handlers of single connections, by their other end. */
type Diverted = Map<string, Handler>;

function keyOf({ remoteAddress, remotePort }: RemoteEnd): string {
  return `${remoteAddress} ${remotePort}`;
}

function createListener(options: ListenOptions, diverted: Diverted): Server {
  const { handler, key, certificate, clientAuthority, random, log } = options;
  const server = createServer({
    key,
    cert: certificate,
    ...(clientAuthority !== undefined && { ca: clientAuthority, requestCert: true, rejectUnauthorized: false }),
    keepAliveTimeout: idleMs,
    maxHeaderSize: longestHeaders,
  });
  const sockets = new Set<Duplex>();
  const turns = new Turns();
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => socket.destroy());
    peers.set(socket, lookAt(socket, diverted.get(keyOf(socket)) ?? handler));
  });
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    turns.take(() => void serve({ message, response, random, log }));
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The server forgets sockets that it handed over; they end with it all the same.
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void upgrade({ message, socket, head, random, log });
  });
  const closeAll = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeAll();
    for (const socket of sockets) socket.destroy();
  };
  return server;
}

async function serve(parts: {
  message: IncomingMessage;
  response: ServerResponse;
  random: Random;
  log: Logger;
}): Promise<void> {
  const { message, response, log } = parts;
  const request = new HttpRequest(parts);
  response.on('error', (error) => log.debug('a client went away', { path: message.url, error }));
  try {
    const peer = peerOf(message);
    const answer = await handlerFor(peer, message)(request, peer.context);
    await sendResponse(named(answer, request), { message, response });
  } catch (error) {
    log.error('an answer could not be sent', { method: message.method, path: message.url, error });
    response.destroy();
  }
}

async function upgrade(parts: {
  message: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  random: Random;
  log: Logger;
}): Promise<void> {
  const { message, socket, head, random, log } = parts;
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(message);
  const request = new HttpRequest({ message, response, random });
  socket.once('close', () => request.abort());
  try {
    const peer = peerOf(message);
    const answer = await handlerFor(peer, message)(request, peer.context);
    if (answer.body.kind === 'upgrade') return answer.body.accept(socket, head);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as TLSSocket);
    response.once('finish', () => socket.end());
    await sendResponse(named(answer, request), { message, response });
  } catch (error) {
    log.error('an upgrade failed', { path: message.url, error });
    socket.destroy();
  }
}

/** The answer with the request's name, unless an extension server has named it already. */
function named(answer: ApiResponse, { auditId }: HttpRequest): ApiResponse {
  return { ...answer, headers: { 'audit-id': auditId, ...answer.headers } };
}

/** Whoever shows a certificate that is not ours, and nothing else, is refused before anybody asks who it is. */
function handlerFor({ context, isRefused, handler }: Peer, { headers }: IncomingMessage): Handler {
  if (!isRefused || context.clientCertificate || headers.authorization !== undefined) return handler;
  return () => Promise.resolve(unauthorized());
}

function unauthorized(): ApiResponse {
  const { status, code } = ApiError.of('Unauthorized', 'Unauthorized');
  return { status: code, headers: { 'content-type': 'application/json' }, body: { kind: 'object', object: status } };
}

interface Peer {
  context: RequestContext;
  handler: Handler;
  /** It showed a certificate that our authority did not sign. */
  isRefused: boolean;
}

/** Each connection's peer, looked at once. */
const peers = new WeakMap<Duplex, Peer>();

function peerOf({ socket }: IncomingMessage): Peer {
  return peers.get(socket) as Peer;
}

function lookAt(socket: TLSSocket, handler: Handler): Peer {
  const certificate = socket.getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | undefined;
  const { remoteAddress } = socket;
  const base = remoteAddress === undefined ? {} : { remoteAddress };
  if (!certificate?.raw) return { context: base, handler, isRefused: false };
  if (!socket.authorized) return { context: base, handler, isRefused: true };
  const { CN, O = [] } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const clientCertificate = {
    commonName: [CN ?? ''].flat()[0] ?? '',
    organizations: [O].flat(),
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
  };
  return { context: { ...base, clientCertificate }, handler, isRefused: false };
}
