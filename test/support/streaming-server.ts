import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { FrameDecoder, FrameEncoder } from '../../src/apiserver/streaming/spdy-frames.ts';

/** What a command that ends well says on its error channel. */
export const success = JSON.stringify({ metadata: {}, status: 'Success' });

/** A container runtime's streaming server that runs `cat`: stdin comes back on stdout, and its end is the end. */
export function cat(socket: Duplex): void {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n',
  );
  const encoder = new FrameEncoder();
  const decoder = new FrameDecoder();
  const ids = new Map<string, number>();
  const send = (name: string, text: string | Uint8Array, fin = false): void => {
    socket.write(encoder.encode({ kind: 'data', streamId: ids.get(name) ?? 0, fin, data: Buffer.from(text) }));
  };
  socket.on('data', (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) {
      if (frame.kind === 'synStream') {
        ids.set(frame.headers.streamtype ?? '', frame.streamId);
        socket.write(encoder.encode({ kind: 'synReply', streamId: frame.streamId, fin: false, headers: {} }));
      }
      if (frame.kind !== 'data') continue;
      if (frame.streamId === ids.get('resize')) send('stdout', `resized ${Buffer.from(frame.data).toString()}`);
      if (frame.streamId !== ids.get('stdin')) continue;
      if (frame.data.length > 0) send('stdout', frame.data);
      if (!frame.fin) continue;
      send('error', success, true);
      send('stdout', '', true);
      if (ids.has('stderr')) send('stderr', '', true);
    }
  });
}

/** A streaming server that ends when it has all four streams of a command and has written to one, without an outcome. */
export function breakOff(socket: Duplex): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
  const encoder = new FrameEncoder();
  const decoder = new FrameDecoder();
  let streams = 0;
  socket.on('data', (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) {
      if (frame.kind !== 'synStream') continue;
      const { streamId } = frame;
      socket.write(encoder.encode({ kind: 'synReply', streamId, fin: false, headers: {} }));
      if (frame.headers.streamtype === 'stdout')
        socket.write(encoder.encode({ kind: 'data', streamId, fin: false, data: Buffer.from('half') }));
      if (++streams === 4) socket.end();
    }
  });
}

/** `/page` is a page with links, `/zipped` the same, compressed; `/moved` leads to it, `/asked` says what was asked. */
export function answerAsServer(message: IncomingMessage, response: ServerResponse): void {
  const { url = '', headers } = message;
  const page = '<a href="/rewriteme">test</a>';
  if (url === '/moved') response.writeHead(302, { location: '/page?a=b' }).end();
  else if (url === '/page') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  else if (url === '/zipped')
    response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(gzipSync(page));
  else if (url.startsWith('/asked')) response.end(`${url} ${String(headers['x-forwarded-uri'])}`);
  else if (url === '/echo') message.pipe(response);
  else if (url === '/count') {
    let size = 0;
    message.on('data', (chunk: Buffer) => (size += chunk.length));
    message.on('end', () => response.end(`${size} bytes, length ${headers['content-length']}`));
  } else if (url === '/refuse') response.writeHead(413).end('enough');
  else response.end('plain');
}
