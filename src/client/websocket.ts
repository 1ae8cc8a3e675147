import type { IncomingMessage } from 'node:http';
import type { ClientOptions, WebSocket } from 'ws';
import { failureOf, readBody } from './http-answer.ts';

/** A WebSocket that is open. */
export interface OpenWebSocket {
  socket: WebSocket;
  /** The protocol that the server chose. */
  protocol: string;
  /** What has come already; messages after it come as the socket's events, as soon as this was taken. */
  start(onMessage: (message: Buffer) => void): void;
}

/** Opens a WebSocket; the library is loaded with the first one. Rejects with ApiError when the server refuses. */
export async function openWebSocket(
  url: string,
  protocols: readonly string[],
  options: ClientOptions,
): Promise<OpenWebSocket> {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url, [...protocols], { ...options, perMessageDeflate: false });
  // Messages may come in the same packet as the server's yes, before anybody listens.
  const early: Buffer[] = [];
  const keep = (message: Buffer): void => void early.push(message);
  socket.on('message', keep);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      void readBody(response).then((text) => reject(failureOf(response.statusCode ?? 500, text)), reject);
    });
    socket.once('open', () => {
      socket.off('error', reject);
      const start = (onMessage: (message: Buffer) => void): void => {
        socket.off('message', keep);
        socket.on('message', onMessage);
        for (const message of early.splice(0)) onMessage(message);
      };
      resolve({ socket, protocol: socket.protocol, start });
    });
  });
}
