import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/system-clock.ts';
import type { Client } from '../../client/client.ts';
import { runCheck } from './check.ts';
import { readShipFile, type ShipCheck } from './ship-file.ts';

let server: Server;
let asked: IncomingHttpHeaders[];
beforeEach(async () => {
  asked = [];
  // As a framework that knows the names it is called by.
  server = createServer((request, response) => {
    asked.push(request.headers);
    if (request.headers.host !== 'shop.test') response.statusCode = 400;
    response.end('welcome');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

const surroundings = { client: {} as Client, clock: systemClock, namespace: 'default' };

async function checkOf(more: string): Promise<ShipCheck> {
  const { port } = server.address() as AddressInfo;
  const text = `name: a\ndeploy: {chart: c}\nverify: [{url: "http://127.0.0.1:${port}/", timeout: 10ms, ${more}}]\n`;
  return (await readShipFile(text, 'timonel.yaml')).checks[0] as ShipCheck;
}

describe('a check', () => {
  it('sends the headers that it names, a host in place of the address too', async () => {
    const check = await checkOf('contains: welcome, headers: {Host: shop.test, X-Probe: "1"}');
    await expect(runCheck(check, surroundings)).resolves.toBeTypeOf('number');
    expect(asked).toEqual([expect.objectContaining({ host: 'shop.test', 'x-probe': '1' })]);
  });

  it('says what it was answered instead', async () => {
    await expect(runCheck(await checkOf('status: 200'), surroundings)).rejects.toThrow('it answers 400 instead of 200');
    const silent = runCheck(await checkOf('headers: {Host: shop.test}, contains: goodbye'), surroundings);
    await expect(silent).rejects.toThrow('its answer does not contain "goodbye"');
  });

  it('ends when it is called off', async () => {
    const abort = new AbortController();
    abort.abort(new Error('interrupted'));
    const check = { ...(await checkOf('status: 200')), timeoutMs: 60_000 };
    await expect(runCheck(check, { ...surroundings, signal: abort.signal })).rejects.toThrow('interrupted');
  });
});
