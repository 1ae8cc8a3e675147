import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve, sep } from 'node:path';
import type { Duplex } from 'node:stream';
import type { HttpsClient } from '../../client/https-client.ts';
import { CliError } from '../errors.ts';
import { interruptible } from '../interrupt.ts';
import { type KubeFlags, withKube } from './session.ts';

export interface ProxyFlags extends KubeFlags {
  port: string;
  address: string;
  unixSocket?: string;
  apiPrefix: string;
  www?: string;
  wwwPrefix: string;
  acceptHosts: string;
  acceptPaths: string;
  rejectPaths: string;
  rejectMethods: string;
  disableFilter?: boolean;
}

/** `timonel proxy`: the API server without credentials, for programs of this machine, until Ctrl-C. */
export async function proxy(flags: ProxyFlags): Promise<void> {
  const port = Number(flags.port);
  if (!/^\d+$/.test(flags.port) || port > 65_535) {
    throw new CliError(`invalid argument "${flags.port}" for "-p, --port" flag`, { exitCode: 2 });
  }
  if (flags.disableFilter && flags.unixSocket === undefined) {
    process.stderr.write('Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious\n');
  }
  await withKube(flags, async ({ client }) => {
    await interruptible(async (signal) => {
      const server = serverOf(client, flags);
      if (flags.unixSocket === undefined) server.listen(port, flags.address);
      else server.listen(flags.unixSocket);
      await once(server, 'listening');
      try {
        process.stdout.write(`Starting to serve on ${shownAddress(server)}\n`);
        await once(signal, 'abort');
        signal.throwIfAborted();
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  });
}

function shownAddress(server: Server): string {
  const address = server.address() as AddressInfo | string;
  if (typeof address === 'string') return address;
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

/** A server that asks the API server what it is asked. */
export function serverOf(client: HttpsClient, flags: ProxyFlags): Server {
  const isAllowed = filterOf(flags);
  const www = flags.www === undefined ? undefined : { root: flags.www, prefix: inSlashes(flags.wwwPrefix) };
  const pathOf = (request: IncomingMessage): string | undefined => apiPath(request.url ?? '/', flags.apiPrefix);
  const server = createServer((request, response) => {
    if (!isAllowed(request)) return answer(response, 403, 'Forbidden');
    const url = request.url ?? '/';
    if (www && url.startsWith(www.prefix)) return void sendFile(response, www.root, url.slice(www.prefix.length));
    const path = pathOf(request);
    if (path === undefined) return answer(response, 404, '404 page not found');
    const outgoing = client.relay(request, path);
    outgoing.on('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    outgoing.on('error', (error) => answer(response, 502, error.message));
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isAllowed(request)) return refuse(socket, '403 Forbidden');
    const path = pathOf(request);
    if (path === undefined) return refuse(socket, '404 Not Found');
    upgrade(client, { request, socket, head, path });
  });
  return server;
}

/** Joins what becomes another protocol (exec, attach, port-forward) on both sides. */
function upgrade(
  client: HttpsClient,
  { request, socket, head, path }: { request: IncomingMessage; socket: Duplex; head: Buffer; path: string },
): void {
  const outgoing = client.relay(request, path);
  outgoing.on('upgrade', (incoming: IncomingMessage, remote: Duplex, first: Buffer) => {
    socket.write(headOf(incoming));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) remote.write(head);
    for (const [from, to] of [
      [socket, remote],
      [remote, socket],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  // What the server refuses.
  outgoing.on('response', (incoming) => {
    socket.write(headOf(incoming));
    incoming.pipe(socket);
  });
  outgoing.on('error', () => refuse(socket, '502 Bad Gateway'));
  outgoing.end();
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
  response.end(`${text}\n`);
}

/** Who may ask what: a page of somewhere else that a browser shows must not be the user. */
function filterOf(flags: ProxyFlags): (request: IncomingMessage) => boolean {
  if (flags.disableFilter) return () => true;
  const [hosts, paths, rejectedPaths, rejectedMethods] = (
    [
      ['accept-hosts', flags.acceptHosts],
      ['accept-paths', flags.acceptPaths],
      ['reject-paths', flags.rejectPaths],
      ['reject-methods', flags.rejectMethods],
    ] as const
  ).map(([flag, text]) => expressionsOf(flag, text)) as [RegExp[], RegExp[], RegExp[], RegExp[]];
  const matches = (expressions: readonly RegExp[], text: string): boolean =>
    expressions.some((each) => each.test(text));
  return ({ method = 'GET', url = '/', headers }) => {
    const host = (headers.host ?? '').replace(/:\d+$/, '');
    const path = url.split('?')[0] ?? '/';
    const isAccepted =
      matches(paths, path) &&
      matches(hosts, host) &&
      !matches(rejectedPaths, path) &&
      !matches(rejectedMethods, method);
    if (!isAccepted) process.stderr.write(`Filter rejecting ${method} ${path} ${host}\n`);
    return isAccepted;
  };
}

function expressionsOf(flag: string, text: string): RegExp[] {
  return text.split(',').map((part) => {
    try {
      return new RegExp(part);
    } catch (error) {
      throw new CliError(`invalid argument "${text}" for "--${flag}": ${(error as Error).message}`, { cause: error });
    }
  });
}

function inSlashes(path: string): string {
  return `/${path.replace(/^\/+|\/+$/g, '')}/`.replace(/^\/\/$/, '/');
}

/** The API server's path of one of the proxy's; undefined for what is not below the prefix. */
function apiPath(url: string, prefix: string): string | undefined {
  const base = inSlashes(prefix);
  if (base === '/') return url;
  return url.startsWith(base) ? `/${url.slice(base.length)}` : undefined;
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
};

async function sendFile(response: ServerResponse, directory: string, url: string): Promise<void> {
  const root = resolve(directory);
  try {
    const path = resolve(root, `.${sep}${decodeURIComponent(url.split('?')[0] ?? '')}`);
    if (path !== root && !path.startsWith(root + sep)) return answer(response, 403, 'Forbidden');
    const file = (await stat(path)).isDirectory() ? join(path, 'index.html') : path;
    const content = await readFile(file);
    response.writeHead(200, { 'content-type': mediaTypes[extname(file)] ?? 'application/octet-stream' });
    response.end(content);
  } catch {
    answer(response, 404, '404 page not found');
  }
}
