import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveNodeLogs } from './node-logs.ts';

let root: string;
let server: Server;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'node-logs-'));
  await mkdir(join(root, 'pods/default_web_1/app'), { recursive: true });
  await writeFile(join(root, 'pods/default_web_1/app/0.log'), 'one\ntwo\n');
  await writeFile(join(root, 'pods/a&b.log'), '');
  await writeFile(join(root, 'secret'), 'secret');
  server = createServer((asked, response) => {
    void serveNodeLogs({ pods: join(root, 'pods') }, asked.url ?? '', response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(async () => {
  server.close();
  await rm(root, { recursive: true });
});

/** With a path as it is: nothing makes `..` disappear. */
async function get(path: string): Promise<{ status: number | undefined; location?: string; body: string }> {
  const { port } = server.address() as AddressInfo;
  const asked = request({ host: '127.0.0.1', port, path, agent: false }).end();
  const [answer] = await once(asked, 'response');
  const { location } = answer.headers as { location?: string };
  return { status: answer.statusCode, ...(location !== undefined && { location }), body: await text(answer) };
}

const page = (links: string): string => `<!doctype html>\n<pre>\n${links}</pre>\n`;

it('lists directories as links, and shows files', async () => {
  expect(await get('/logs/')).toEqual({ status: 200, body: page('<a href="pods/">pods/</a>\n') });
  const links = '<a href="a&b.log">a&#38;b.log</a>\n<a href="default_web_1/">default_web_1/</a>\n';
  expect(await get('/logs/pods/')).toEqual({ status: 200, body: page(links) });
  expect(await get('/logs/pods')).toEqual({ status: 301, location: 'pods/', body: '' });
  expect(await get('/logs/pods/default_web_1/app/0.log')).toEqual({ status: 200, body: 'one\ntwo\n' });
  expect(await get('/logs/pods/a%26b.log')).toEqual({ status: 200, body: '' });
});

it.each(['/logs/other', '/logs/pods/../secret', '/logs/pods/..%2Fsecret', '/logs/constructor/', '/logs/pods/none'])(
  'has nothing at %s',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);
