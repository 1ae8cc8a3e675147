import type { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import { ApiError } from '../../api/status.ts';
import type { ApiRequest, ApiResponse } from '../handler.ts';
import { offeredProtocols, webSocketAnswer } from './websocket.ts';

/** How bytes go over a WebSocket that only reads: as they are, or in base64. Without a subprotocol as they are. */
const encodings: Readonly<Record<string, 'binary' | 'base64'>> = {
  'binary.k8s.io': 'binary',
  'base64.binary.k8s.io': 'base64',
};

/**
 * A stream over a WebSocket, as upstream has it for logs: an empty message first, then one for each piece, then the
 * end. Throws where none of the subprotocols is known.
 */
export async function readOverWebSocket(request: ApiRequest, source: Readable): Promise<ApiResponse> {
  const offered = offeredProtocols(request);
  const protocol = offered.find((name) => name in encodings) ?? '';
  if (offered.length > 0 && protocol === '') {
    source.destroy();
    throw ApiError.of('BadRequest', `unable to upgrade: none of the subprotocols is supported: ${offered.join(', ')}`);
  }
  return webSocketAnswer(request, protocol, (socket, opening) => {
    socket.once('close', () => source.destroy());
    void opening.then((client) => pump(client, source, encodings[protocol] ?? 'binary'));
  });
}

async function pump(client: WebSocket, source: Readable, encoding: 'binary' | 'base64'): Promise<void> {
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      const data = encoding === 'base64' ? Buffer.from(bytes).toString('base64') : bytes;
      client.send(data, (error) => (error ? reject(error) : resolve()));
    });
  try {
    await send(new Uint8Array(0));
    for await (const chunk of source) await send(chunk as Uint8Array);
    client.close(1000);
  } catch {
    // The client is gone, or the node is: either way there is nobody to tell.
    client.terminate();
    source.destroy();
  }
}
