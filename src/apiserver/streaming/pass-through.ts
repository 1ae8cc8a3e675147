import { tieStreams } from '../../base/tie-streams.ts';
import type { ApiResponse } from '../handler.ts';
import type { BackendResponse } from './node-connector.ts';

/** Headers that belong to one connection (RFC 9110, 7.6.1) and are not handed on. */
const connectionHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function withoutConnectionHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !connectionHeaders.has(name.toLowerCase())) kept[name] = value;
  }
  return kept;
}

/** The backend's answer as ours: bodies are streamed, an upgrade ties the two sockets together. */
export function passThrough(response: BackendResponse): ApiResponse {
  if (response.kind === 'answer') {
    const { status, headers, body } = response;
    return {
      status,
      headers: withoutConnectionHeaders(headers),
      body: {
        kind: 'stream',
        pipe(write, end) {
          body.on('data', (chunk: Buffer) => {
            if (!write(chunk)) body.pause();
          });
          body.once('end', () => end());
          body.once('error', (error) => end(error));
          return { close: () => void body.destroy(), resume: () => void body.resume() };
        },
      },
    };
  }
  const { headers, socket, head } = response;
  return {
    status: 101,
    headers: {},
    body: {
      kind: 'upgrade',
      accept(client, clientHead) {
        client.write(switchingProtocols(headers));
        if (head.length > 0) client.write(head);
        if (clientHead.length > 0) socket.write(clientHead);
        tieStreams(client, socket);
      },
    },
  };
}

function switchingProtocols(headers: Record<string, string | string[]>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each) => `${canonical(name)}: ${each}`),
  );
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** `x-stream-protocol-version` as HTTP/1.1 writes it: some old clients compare letters. */
function canonical(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase());
}
