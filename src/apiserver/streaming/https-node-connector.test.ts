import { once } from 'node:events';
import { Agent } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backend } from './https-node-connector.ts';

/** Answers the first request of each connection and closes it at the second, as a server whose patience has just ended. */
const server = createServer((socket) => {
  let asked = 0;
  connections.push(socket);
  socket.on('error', () => undefined);
  socket.on('data', () => {
    if (asked++ > 0) return void socket.destroy();
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n#${connections.length}`);
  });
});
const connections: Socket[] = [];
let agent: Agent;
let target: Parameters<typeof backend>[0];

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  agent = new Agent({ keepAlive: true });
  target = { protocol: 'http:', host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent };
});
afterEach(async () => {
  agent.destroy();
  for (const socket of connections.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

async function send(method: string, upgrade = false): Promise<string> {
  const answer = await backend(target).send({ method, path: '/', headers: {}, upgrade });
  const body = answer.kind === 'answer' ? await text(answer.body) : 'upgraded';
  // The connection goes back to the agent a moment after the body has ended.
  await new Promise((resolve) => setImmediate(resolve));
  return body;
}

it('reads once more where a connection was closed while it was not used', async () => {
  expect(await send('GET')).toBe('#1');
  expect(await send('GET')).toBe('#2');
});

it('does not do twice what may have been done', async () => {
  expect(await send('GET')).toBe('#1');
  await expect(send('POST')).rejects.toThrow('error dialing backend: socket hang up');
});

it('takes a connection of its own for what takes it over', async () => {
  target.upgrades = new Agent();
  expect(await send('GET')).toBe('#1');
  expect(await send('POST', true)).toBe('#2');
});
