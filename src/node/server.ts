import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { tieStreams } from '../base/tie-streams.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import { parseLogOptions } from './log-lines.ts';
import type { LogOptions } from './log-lines.ts';
import { readLog } from './logs.ts';
import { serveNodeLogs } from './node-logs.ts';
import { renderContainerMetrics } from './container-metrics.ts';
import { renderNodeMetrics, renderResourceMetrics } from './resource-metrics.ts';
import { checkAccess } from './server-access.ts';
import type { Caller } from './server-access.ts';
import type { ContainerFound, NodeServerBackend } from './server-backend.ts';

export interface NodeServerOptions {
  backend: NodeServerBackend;
  /** PEM: the node's serving certificate, and the CA that signs clients' certificates. */
  tls: { certificate: string; key: string; ca: string };
  host: string;
  /** 0 takes any free port. Kubelets use 10250. */
  port: number;
  clock: Clock;
  log: Logger;
  /** To ask the API server about callers that are neither it nor administrators. */
  client?: Client;
}

/** Go's servers take as much: the command of an exec is in its query. */
const longestHeaders = 1024 * 1024;

export interface NodeServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * The kubelet's HTTPS API: logs, exec, attach, port-forward, pods, stats, metrics, health. Rejects when it cannot
 * listen.
 */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { tls, host, port, log } = options;
  const server: Server = createServer({
    cert: tls.certificate,
    key: tls.key,
    ca: tls.ca,
    requestCert: true,
    rejectUnauthorized: false,
    maxHeaderSize: longestHeaders,
  });
  const failed = (error: unknown): void => log.warn('a request to the node failed', { error });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    handle(options, request, response).catch((error: unknown) => {
      failed(error);
      if (response.headersSent) response.destroy();
      else reply(response, 500, error instanceof Error ? error.message : String(error));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', failed);
    upgrade(options, { request, socket, head }).catch((error: unknown) => {
      failed(error);
      refuse(socket, 500, error instanceof Error ? error.message : String(error));
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function handle(options: NodeServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node');
  const denied = await denial(options, request, url);
  if (denied) return reply(response, denied.status, denied.text);
  const { backend } = options;
  const [door = '', ...rest] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  switch (`/${[door, ...rest].slice(0, 2).join('/')}`) {
    case '/healthz':
    case '/healthz/ping':
    case '/healthz/syncloop':
      return reply(response, 200, 'ok');
    case '/pods':
    case '/pods/':
    case '/runningpods/':
      return json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: backend.pods() });
    case '/stats/summary':
      return json(response, await backend.stats());
    case '/metrics':
      return metrics(
        response,
        renderNodeMetrics({ node: backend.nodeName, pods: backend.pods(), volumes: await backend.claims() }),
      );
    case '/metrics/cadvisor':
      return metrics(response, renderContainerMetrics(await backend.groups()));
    case '/metrics/resource':
      return metrics(response, renderResourceMetrics(await backend.stats()));
    case '/configz':
      return json(response, { kubeletconfig: backend.configuration() });
    default:
      if (door === 'logs') return serveNodeLogs(backend.logs(), url.pathname, response);
      if (door === 'containerLogs') return logs(options, { url, rest, response });
      if (door === 'run' && request.method === 'POST') return run(options, { url, rest, response });
      if (['exec', 'attach', 'portForward'].includes(door)) return reply(response, 400, 'Upgrade request required');
      return reply(response, 404, '404 page not found');
  }
}

async function denial(
  options: NodeServerOptions,
  request: IncomingMessage,
  url: URL,
): Promise<{ status: number; text: string } | undefined> {
  const { backend, client } = options;
  const { nodeName } = backend;
  const method = request.method ?? 'GET';
  const access = await checkAccess({ caller: callerOf(request), method, path: url.pathname, nodeName, client });
  if (access === 'unauthenticated') return { status: 401, text: 'Unauthorized' };
  return access === 'forbidden' ? { status: 403, text: `Forbidden (resource=nodes, path=${url.pathname})` } : undefined;
}

function callerOf(request: IncomingMessage): Caller {
  const socket = request.socket as TLSSocket;
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  // Only a certificate that the cluster's CA signed says anything.
  const subject = socket.authorized ? socket.getPeerCertificate().subject : undefined;
  return {
    ...(subject && {
      certificate: {
        commonName: [subject.CN ?? ''].flat()[0] ?? '',
        organizations: [subject.O ?? []].flat(),
      },
    }),
    ...(token !== undefined && { token }),
  };
}

async function logs(
  options: NodeServerOptions,
  { url, rest, response }: { url: URL; rest: string[]; response: ServerResponse },
): Promise<void> {
  const { backend, clock } = options;
  const [namespace = '', pod = '', container = ''] = rest;
  const previous = url.searchParams.get('previous') === 'true';
  const found = backend.findContainer({ namespace, pod, container, previous });
  const problem = explain(found, { pod, container });
  if (problem || found.kind !== 'found') return reply(response, problem?.status ?? 500, problem?.text ?? '');
  let wanted: LogOptions;
  try {
    wanted = parseLogOptions(url.searchParams, clock.now());
  } catch (error) {
    return reply(response, 400, (error as Error).message);
  }
  const client = new AbortController();
  response.once('close', () => client.abort());
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const stopped = wanted.follow ? backend.stopped(found.id, client.signal) : Promise.resolve();
  for await (const chunk of readLog(found.logPath, wanted, { stopped, signal: client.signal })) {
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

/** Runs a command and answers with what it wrote: `/run/{namespace}/{pod}/{container}?cmd=`. */
async function run(
  options: NodeServerOptions,
  { url, rest, response }: { url: URL; rest: string[]; response: ServerResponse },
): Promise<void> {
  const { backend } = options;
  const [namespace = '', pod = ''] = rest;
  // With four parts the third is the pod's uid.
  const container = rest.at(-1) ?? '';
  const found = backend.findContainer({ namespace, pod, container });
  const problem = explain(found, { pod, container });
  if (problem || found.kind !== 'found') return reply(response, problem?.status ?? 500, problem?.text ?? '');
  const command = (url.searchParams.get('cmd') ?? '').split(' ').filter((word) => word !== '');
  const result = await backend.runtime.execSync(found.id, command, 0);
  const output = Buffer.concat([result.stdout, result.stderr]).toString();
  if (result.exitCode === 0) return reply(response, 200, output);
  return reply(response, 500, `${output}command exited with ${result.exitCode}`);
}

/** Exec, attach and port-forward: the caller's bytes go to the runtime's own streaming server, and back. */
async function upgrade(
  options: NodeServerOptions,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node');
  const denied = await denial(options, request, url);
  if (denied) return refuse(socket, denied.status, denied.text);
  const target = await streamingUrl(options.backend, url);
  if (typeof target !== 'string') return refuse(socket, target.status, target.text);
  const { hostname, port, pathname, search } = new URL(target);
  // Ports asked for in the query are the caller's to ask for, over WebSocket.
  const query = url.pathname.startsWith('/portForward/') && search === '' ? url.search : search;
  const runtime = connect(Number(port), hostname);
  runtime.setNoDelay(true);
  await once(runtime, 'connect');
  const kept = Object.entries(request.headers).filter(([name]) => passed.test(name));
  const lines = kept.map(([name, value]) => `${name}: ${String(value)}`);
  runtime.write(
    `${request.method ?? 'POST'} ${pathname}${query} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${lines.join('\r\n')}\r\n\r\n`,
  );
  if (head.length > 0) runtime.write(head);
  tieStreams(socket, runtime);
}

const passed = /^(connection|upgrade|x-stream-protocol-version|sec-websocket-.*)$/;

async function streamingUrl(backend: NodeServerBackend, url: URL): Promise<string | { status: number; text: string }> {
  const [door = '', namespace = '', pod = '', ...rest] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (door === 'portForward') {
    const sandbox = backend.findSandbox(namespace, pod);
    if (sandbox === undefined) return { status: 404, text: noSuchPod };
    const ports = url.searchParams.getAll('port').map(Number);
    return backend.runtime.portForward(sandbox, ports);
  }
  if (door !== 'exec' && door !== 'attach') return { status: 404, text: '404 page not found' };
  const container = rest.at(-1) ?? '';
  const found = backend.findContainer({ namespace, pod, container });
  if (found.kind === 'noPod') return { status: 404, text: noSuchPod };
  // Whatever holds it up: kubectl takes a text with a colon for an object, and shows nothing of it.
  if (found.kind !== 'found' || !found.running) return { status: 500, text: `container not found ("${container}")` };
  const asked = (name: string): boolean => ['1', 'true'].includes(url.searchParams.get(name) ?? '');
  const streams = { stdin: asked('input'), stdout: asked('output'), stderr: asked('error'), tty: asked('tty') };
  if (door === 'attach') {
    // Whether there is a terminal was settled when the container was made.
    const attach = { ...streams, stdin: streams.stdin && found.stdin, tty: found.tty };
    return backend.runtime.attach({ containerId: found.id, ...attach, stderr: attach.stderr && !found.tty });
  }
  const command = url.searchParams.getAll('command');
  return backend.runtime.exec({ containerId: found.id, command, ...streams, stderr: streams.stderr && !streams.tty });
}

const noSuchPod = 'pod does not exist';

/** Why logs of a container cannot be had, as kubelets word it. */
function explain(
  found: ContainerFound,
  { pod, container }: { pod: string; container: string },
): { status: number; text: string } | undefined {
  switch (found.kind) {
    case 'found':
      return undefined;
    case 'noPod':
      return { status: 404, text: `pod "${pod}" not found` };
    case 'noContainer':
      return { status: 404, text: `container "${container}" not found in pod "${pod}"` };
    case 'waiting':
      return { status: 400, text: `container "${container}" in pod "${pod}" is waiting to start: ${found.reason}` };
    case 'noPrevious':
      return { status: 400, text: `previous terminated container "${container}" in pod "${pod}" not found` };
  }
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function metrics(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(text);
}

function refuse(socket: Duplex, status: number, text: string): void {
  const length = Buffer.byteLength(text);
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\ncontent-length: ${length}\r\nconnection: close`;
  socket.end(`${head}\r\n\r\n${text}`);
}
