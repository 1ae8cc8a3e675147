import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/api/types/core-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { call } from '../support/http-call.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

interface Told {
  application: number;
  params: Record<string, string>;
  body: string;
}

/** Records of the FastCGI specification, 3.3. */
const [endRequest, paramsRecord, stdin, stdout] = [3, 4, 5, 6];

function record(type: number, id: number, content: Buffer): Buffer {
  const header = Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([header, content]);
}

/** Pairs of names and values with their lengths before them (3.4). */
function paramsOf(bytes: Buffer): Record<string, string> {
  const params: Record<string, string> = {};
  let at = 0;
  const length = (): number => {
    const isLong = bytes.readUInt8(at) > 127;
    const read = isLong ? bytes.readUInt32BE(at) & 0x7fffffff : bytes.readUInt8(at);
    at += isLong ? 4 : 1;
    return read;
  };
  while (at < bytes.length) {
    const [name, value] = [length(), length()];
    params[bytes.toString('latin1', at, at + name)] = bytes.toString('latin1', at + name, at + name + value);
    at += name + value;
  }
  return params;
}

/** An application that says what it was told, one request on each connection. */
function serveFastCgi(application: number, socket: Socket): void {
  let bytes = Buffer.alloc(0);
  const streams = new Map<number, Buffer[]>([
    [paramsRecord, []],
    [stdin, []],
  ]);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 8 && bytes.length >= 8 + bytes.readUInt16BE(4) + bytes.readUInt8(6)) {
      const [type, id, length] = [bytes.readUInt8(1), bytes.readUInt16BE(2), bytes.readUInt16BE(4)];
      const content = bytes.subarray(8, 8 + length);
      bytes = bytes.subarray(8 + length + bytes.readUInt8(6));
      streams.get(type)?.push(content);
      if (type !== stdin || length > 0) continue;
      const text = (stream: number): Buffer => Buffer.concat(streams.get(stream) ?? []);
      const told: Told = { application, params: paramsOf(text(paramsRecord)), body: text(stdin).toString() };
      const answer = `Status: 201 Created\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(told)}`;
      socket.end(
        Buffer.concat([
          ...[record(stdout, id, Buffer.from(answer)), record(stdout, id, Buffer.alloc(0))],
          record(endRequest, id, Buffer.alloc(8)),
        ]),
      );
    }
  });
}

const servers: Server[] = [];
const ports: number[] = [];
let test: TestProxy;

beforeAll(async () => {
  for (const application of [0, 1]) {
    const server = createServer((socket) => serveFastCgi(application, socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ports.push((server.address() as AddressInfo).port);
  }
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  for (const server of servers) server.close();
});

const serve = (annotations: Record<string, string>, endpoints: string[], ...maps: ConfigMap[]): Promise<string[]> => {
  const all = { 'backend-protocol': 'FCGI', ...annotations };
  const prefixed = Object.entries(all).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]);
  const rules = [{ host: 'a.example', http: { paths: [path('/', 'a')] } }];
  return test.serve(
    [ingressOf('i', { rules }, Object.fromEntries(prefixed))],
    ...webService('a', ...endpoints),
    ...maps,
  );
};
const told = async (url: string, options?: Parameters<typeof call>[2]): Promise<Told> => {
  const { status, body } = await call(test.clearPort, url, options);
  expect(status).toBe(201);
  return JSON.parse(body) as Told;
};
const at = (application: number): string => `${standIn}:${ports[application]}`;
const mapOf = (data: Record<string, string>): ConfigMap => ({
  ...{ kind: 'ConfigMap', metadata: { namespace: 'default', name: 'params' }, data },
});

describe('backend-protocol: FCGI', () => {
  it('tells applications what CGI does, and takes status, headers and body from them', async () => {
    expect(await serve({}, [at(0)])).toEqual([]);
    const headers = { 'x-more': 'yes', proxy: 'http://forged.example', 'content-type': 'text/plain' };
    const { params, body } = await told('/x/hello.php?y=1', { method: 'POST', body: 'text', headers });
    expect(body).toBe('text');
    expect(params).toMatchObject({
      ...{ REQUEST_METHOD: 'POST', SCRIPT_NAME: '/x/hello.php', QUERY_STRING: 'y=1', CONTENT_LENGTH: '4' },
      ...{ REQUEST_URI: '/x/hello.php?y=1', DOCUMENT_URI: '/x/hello.php', REMOTE_ADDR: '127.0.0.1' },
      ...{ HTTP_HOST: 'a.example', HTTP_X_MORE: 'yes', HTTP_X_FORWARDED_PROTO: 'http' },
      ...{ REDIRECT_STATUS: '200', REQUEST_SCHEME: 'http', SCRIPT_FILENAME: '/x/hello.php' },
    });
    expect(params['HTTP_PROXY']).toBeUndefined();
  });

  it('has an index, and parameters of a config map', async () => {
    const annotations = { 'fastcgi-index': 'index.php', 'fastcgi-params-configmap': 'default/params' };
    const params = { SCRIPT_FILENAME: '/srv$fastcgi_script_name', ASKED_BY: "100% $http_user_agent's" };
    expect(await serve(annotations, [at(0)], mapOf(params))).toEqual([]);
    const headers = { 'user-agent': 'test' };
    const expected = { SCRIPT_NAME: '/x/index.php', SCRIPT_FILENAME: '/srv/x/index.php', ASKED_BY: "100% test's" };
    expect((await told('/x/', { headers })).params).toMatchObject(expected);
    expect((await told('/x/y.php')).params['SCRIPT_FILENAME']).toBe('/srv/x/y.php');
    await serve({ 'fastcgi-index': 'index.php' }, [at(0)]);
    expect((await told('/x/')).params['SCRIPT_FILENAME']).toBe('/x/index.php');
  });

  it('closes the ingress when the config map is not there, or cannot be understood', async () => {
    const annotations = { 'fastcgi-params-configmap': 'params' };
    expect((await serve(annotations, [at(0)])).join()).toContain('config map params is of no use: it is not there');
    expect((await serve(annotations, [at(0)], mapOf({ A: '$document_root' }))).join()).toContain('A cannot be made');
    expect((await serve({ 'fastcgi-params-configmap': 'other/params' }, [at(0)])).join()).toContain('of another');
    expect((await call(test.clearPort, '/')).status).toBe(503);
  });

  it('takes endpoints by commands, and none at first', async () => {
    expect(await serve({}, [])).toEqual([]);
    expect((await call(test.clearPort, '/')).status).toBe(503);
    const pid = test.pid();
    await serve({}, [at(0)]);
    expect((await told('/')).application).toBe(0);
    await serve({}, [at(1)]);
    expect((await told('/')).application).toBe(1);
    expect(test.pid()).toBe(pid);
  });
});
