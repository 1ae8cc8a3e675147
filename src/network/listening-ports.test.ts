import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createListeningPorts } from './listening-ports.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

/** Says what it was told, once that has ended. */
async function echo(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => socket.end(`heard ${text}`));
  }).listen(0, '127.0.0.1');
  cleanUps.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What comes back for a word, or the error's code. */
function say(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end('hello'));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('end', () => resolve(text));
  });
}

describe('ports that are held by listening', () => {
  it('relay connections with their half-closes where there is somewhere to go, and reset them where there is not', async () => {
    const holder = createListeningPorts();
    cleanUps.push(() => holder.close());
    const target = { host: '127.0.0.1', port: await echo() };
    let relayTo: typeof target | undefined = target;
    const port = { hostPort: await freePort(), port: 80, protocol: 'tcp' };
    expect(await holder.take(port, () => relayTo)).toBeUndefined();
    expect(await say(port.hostPort)).toBe('heard hello');
    relayTo = undefined;
    expect(await say(port.hostPort)).toBe('ECONNRESET');
  });

  it('are nobody else’s until they are released', async () => {
    const [one, other] = [createListeningPorts(), createListeningPorts()];
    cleanUps.push(
      () => one.close(),
      () => other.close(),
    );
    for (const protocol of ['tcp', 'udp']) {
      const port = { hostPort: await freePort(), port: 80, protocol };
      expect(await one.take(port, () => undefined)).toBeUndefined();
      expect(await other.take(port, () => undefined)).toBe('EADDRINUSE');
      one.release(port);
    }
    expect(await one.take({ hostPort: 9, port: 9, protocol: 'sctp' }, () => undefined)).toContain('not published');
  });
});
