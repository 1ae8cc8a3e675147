import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ApiRequest, ApiResponse } from '../handler.ts';

export function isWebSocket(request: ApiRequest): boolean {
  const { headers } = request;
  return headers.upgrade?.toLowerCase() === 'websocket' && /\bupgrade\b/i.test(headers.connection ?? '');
}

/** The subprotocols that the client offers, its bearer token apart. */
export function offeredProtocols(request: ApiRequest): string[] {
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  return offered.filter((name) => name !== '' && !name.startsWith('base64url.bearer.authorization.k8s.io.'));
}

/** Largest message that a client may send. */
const messageLimit = 32 * 1024 * 1024;

/**
 * The answer that makes a WebSocket of the connection. `serve` is called with the socket when it is the server's, before
 * the handshake: a socket that dies in that has no WebSocket to tell of it. `opening` resolves after it.
 */
export async function webSocketAnswer(
  request: ApiRequest,
  protocol: string,
  serve: (socket: Duplex, opening: Promise<WebSocket>) => void,
): Promise<ApiResponse> {
  const accept = await webSocketServer(request, protocol);
  return {
    status: 101,
    headers: {},
    body: { kind: 'upgrade', accept: (socket, head) => serve(socket, accept(socket, head)) },
  };
}

/** Prepares the server's side of a WebSocket; the library is loaded with the first one. */
async function webSocketServer(
  request: ApiRequest,
  protocol: string,
): Promise<(socket: Duplex, head: Uint8Array) => Promise<WebSocket>> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageLimit,
  });
  // The library refuses names that are no HTTP tokens, and kubectl's `SPDY/3.1+portforward.k8s.io` is none: we answer
  // ourselves.
  const { 'sec-websocket-protocol': _, ...headers } = request.headers;
  if (protocol !== '') server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return (socket, head) =>
    new Promise((resolve) => {
      // The handshake reads nothing but method, URL and headers.
      const message = {
        method: request.method,
        url: request.path,
        headers,
      } as unknown as IncomingMessage;
      server.handleUpgrade(message, socket, Buffer.from(head), (accepted) => resolve(accepted));
    });
}
