import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { ApiError } from '../../api/status.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { Endpoint } from '../endpoint.ts';
import type { ApiRequest, ApiResponse } from '../handler.ts';
import type { Backend, NodeConnector } from './node-connector.ts';
import { passThrough } from './pass-through.ts';
import { findPod, nodeOf } from './pod-target.ts';
import { isWebSocket, offeredProtocols, webSocketAnswer } from './websocket.ts';

const tunnelPrefix = 'SPDY/3.1+';

/**
 * GET and POST pods/portforward. SPDY goes through as bytes, whether on the connection itself or in the binary
 * messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`, KEP-4006); older WebSocket protocols are the container
 * runtime's own.
 */
export function createPortForwardEndpoint(lookup: Lookup, connector: NodeConnector): Endpoint {
  return {
    group: '',
    plural: 'pods',
    subresource: 'portforward',
    async handle({ request, namespace, name }) {
      const pod = await findPod(lookup, namespace, name);
      const backend = connector.node(await nodeOf(lookup, pod));
      const ports = request.query.getAll('ports');
      const query = new URLSearchParams(ports.map((port): [string, string] => ['port', port])).toString();
      const path = `/portForward/${namespace}/${name}${query && `?${query}`}`;
      const tunnelled = offeredProtocols(request).find((protocol) => protocol.startsWith(tunnelPrefix));
      if (isWebSocket(request) && tunnelled) return overTunnel({ request, backend, path, protocol: tunnelled });
      if (!request.headers.upgrade) throw ApiError.of('BadRequest', 'Upgrade request required');
      const headers = upgradeHeaders(request);
      return passThrough(await backend.send({ method: request.method, path, upgrade: true, headers }));
    },
  };
}

function upgradeHeaders(request: ApiRequest): Record<string, string> {
  const kept = [
    'upgrade',
    'x-stream-protocol-version',
    'sec-websocket-key',
    'sec-websocket-version',
    'sec-websocket-protocol',
  ];
  const headers: Record<string, string> = { connection: 'Upgrade' };
  for (const name of kept) {
    const value = request.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

async function overTunnel(options: {
  request: ApiRequest;
  backend: Backend;
  path: string;
  protocol: string;
}): Promise<ApiResponse> {
  const { request, backend, path, protocol } = options;
  const inner = protocol.slice(tunnelPrefix.length);
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': inner };
  const answer = await backend.send({ method: 'POST', path, upgrade: true, headers });
  if (answer.kind === 'answer') return passThrough(answer);
  return webSocketAnswer(request, protocol, (socket, opening) => {
    socket.once('close', () => answer.socket.destroy());
    void opening.then((client) => tunnel(client, answer.socket, answer.head));
  });
}

/** Bytes waiting for a slow client before we stop reading from the node. */
const backlogBytes = 1 << 20;

function tunnel(client: WebSocket, node: Duplex, head: Uint8Array): void {
  const forward = (chunk: Uint8Array): void => {
    client.send(chunk, { binary: true }, () => {
      if (client.bufferedAmount < backlogBytes) node.resume();
    });
    if (client.bufferedAmount >= backlogBytes) node.pause();
  };
  if (head.length > 0) forward(head);
  node.on('data', forward);
  node.once('end', () => client.close(1000));
  node.once('close', () => client.close(1000));
  node.on('error', () => client.close(1011));
  client.on('message', (message: Buffer) => {
    if (node.write(message)) return;
    client.pause();
    node.once('drain', () => client.resume());
  });
  client.once('close', () => node.end());
  client.on('error', () => node.destroy());
}
