import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { Handler } from '../../apiserver/handler.ts';
import type { Listener } from '../../apiserver/listener.ts';

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: object;
  /** Default: `application/json`, for a PATCH a merge patch. */
  contentType?: string;
}

/** A connection of the process to its own listener, with one request at a time. */
export interface Connection {
  /** Resolves to the status when the answer is whole. Rejects when the connection ends before. */
  call(call: Call): Promise<number>;
  /** A request whose answer does not end; it is read, and nobody looks at it. */
  watch(path: string): void;
  close(): void;
}

/** What differs between clients of different makes, so that V8 does not come to expect one of them. */
const clientHeaders = [
  'Host: 127.0.0.1:6443\r\nUser-Agent: kubectl/v1.36.0 (linux/amd64)\r\nAccept: application/json\r\nAccept-Encoding: gzip',
  'Host: localhost:6443\r\nAccept: application/json',
  'accept: application/json\r\nHost: localhost:6443\r\nConnection: keep-alive',
  'Host: localhost:6443\r\nUser-Agent: python-requests\r\nAccept: */*',
];
const headEnd = '\r\n\r\n';

/** Opens a connection whose requests `handler` answers instead of the listener's own. */
export async function connectTo(
  listener: Listener,
  { handler, secureContext }: { handler: Handler; secureContext: SecureContext },
): Promise<Connection> {
  const raw = connectTcp({ host: '127.0.0.1', port: listener.port });
  await once(raw, 'connect');
  const forget = listener.divert({ remoteAddress: raw.localAddress, remotePort: raw.localPort }, handler);
  const socket = connectTls({ socket: raw, secureContext, servername: 'localhost' });
  await once(socket, 'secureConnect');
  let onData: (chunk: Buffer) => void = () => {};
  let onClose: () => void = () => {};
  socket.on('data', (chunk: Buffer) => onData(chunk));
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    forget();
    onClose();
  });
  let calls = 0;
  const send = ({ method, path, body, contentType }: Call): void => {
    const type = contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const data = body ? JSON.stringify(body) : '';
    const entity = body ? `\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(data)}` : '';
    const headers = clientHeaders[calls++ % clientHeaders.length] as string;
    socket.write(`${method} ${path} HTTP/1.1\r\n${headers}${entity}${headEnd}${data}`);
  };
  return {
    call: (call) =>
      new Promise((resolve, reject) => {
        let head: { status: number } | undefined;
        let missing = 0;
        onClose = () => reject(new Error('the connection was closed'));
        onData = (chunk) => {
          if (!head) {
            // The server writes head and body in one piece.
            const end = chunk.indexOf(headEnd);
            const text = chunk.toString('latin1', 0, end);
            head = { status: Number(text.slice(9, 12)) };
            missing = end + headEnd.length + Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0);
          }
          missing -= chunk.length;
          if (missing <= 0) resolve(head.status);
        };
        send(call);
      }),
    watch(path) {
      send({ method: 'GET', path });
    },
    close: () => void socket.destroy(),
  };
}
