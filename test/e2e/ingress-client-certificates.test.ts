import { X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/system-clock.ts';
import { type Authority, createAuthority, issueCertificate } from '../../src/cluster/certificates.ts';
import type { Secret, Service } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import type { Ingress } from '../../src/api/types/networking-v1.ts';
import { ingressOf, path, webService } from '../support/ingress-objects.ts';
import { call } from '../support/http-call.ts';
import { standIn, startTestProxy, type TestProxy } from '../support/ingress-proxy.ts';

const now = systemClock.now();
const [ours, others] = [createAuthority('ours', now), createAuthority('others', now)];
const certificateOf = (authority: Authority, commonName: string) =>
  issueCertificate(authority, { commonName, usages: ['client'], hosts: [] }, now);
const [ann, eve] = [certificateOf(ours, 'ann'), certificateOf(others, 'eve')];

const app: Server = createServer(({ headers }, response) => response.end(JSON.stringify(headers)));
let test: TestProxy;
let objects: (Service | EndpointSlice | Secret)[] = [];

function authorities(name: string, { certificate }: Authority): Secret {
  const data = { 'ca.crt': Buffer.from(certificate).toString('base64') };
  return { kind: 'Secret', metadata: { namespace: 'default', name }, data };
}

function guarded(host: string, annotations: Record<string, string>, second = 0): Ingress {
  const all = { 'auth-tls-secret': 'default/ours', ...annotations };
  const prefixed = Object.entries(all).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  const rules = [{ host, http: { paths: [path('/', 'a')] } }];
  return ingressOf(`${host}-${second}`, { rules }, Object.fromEntries(prefixed), second);
}

interface Seen {
  status: number;
  headers: IncomingMessage['headers'];
  /** Of the request, as the service saw it. */
  sent: Record<string, string>;
}

function get(options: {
  as?: { certificate: string; key: string };
  servername?: string;
  host?: string;
  headers?: Record<string, string>;
}): Promise<Seen> {
  const { as, servername = 'a.example', host = servername, headers = {} } = options;
  const pair = as && { cert: as.certificate, key: as.key };
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: test.tlsPort, agent: false, rejectUnauthorized: false } as const;
    const sent = request({ ...to, ...pair, servername, headers: { ...headers, host } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, headers: answered, sent: text.startsWith('{') ? (JSON.parse(text) as Seen['sent']) : {} });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** One request on a TLS connection of its own; `session`: what could be resumed. */
function exchange(servername: string, options: ConnectionOptions): Promise<{ answer: string; session?: Buffer }> {
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: test.tlsPort, rejectUnauthorized: false };
    const socket = connect({ ...to, servername, ...options }, () => {
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
    });
    let answer = '';
    let session: Buffer | undefined;
    socket.on('session', (made: Buffer) => (session = made));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('end', () => resolve({ answer, ...(session && { session }) }));
    socket.on('error', reject);
  });
}

beforeAll(async () => {
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const { port } = app.address() as AddressInfo;
  objects = [...webService('a', `${standIn}:${port}`), authorities('ours', ours), authorities('others', others)];
  test = await startTestProxy();
});

afterAll(() => {
  test?.stop();
  app.close();
});

describe('auth-tls-secret', () => {
  it('lets those pass who have a certificate of the authority, and tells the service whose it is', async () => {
    expect(await test.serve([guarded('a.example', {})], ...objects)).toEqual([]);
    const { status, sent } = await get({ as: ann, headers: { 'ssl-client-cert': 'forged' } });
    expect([status, sent['ssl-client-verify'], sent['ssl-client-cert']]).toEqual([200, 'SUCCESS', undefined]);
    expect([sent['ssl-client-subject-dn'], sent['ssl-client-issuer-dn']]).toEqual(['CN=ann', 'CN=ours']);
    expect([(await get({})).status, (await get({ as: eve })).status]).toEqual([400, 400]);
    expect((await call(test.clearPort, '/')).status).toBe(400);
  });

  it('holds for the host of the connection: a certificate that was judged for another one does not count', async () => {
    const second = guarded('b.example', { 'auth-tls-secret': 'default/others' });
    expect(await test.serve([guarded('a.example', {}), second], ...objects)).toEqual([]);
    expect((await get({ as: eve, servername: 'b.example' })).status).toBe(200);
    expect((await get({ as: eve, servername: 'b.example', host: 'a.example' })).status).toBe(400);
    expect((await get({ as: ann, servername: 'b.example' })).status).toBe(400);
    expect((await get({ as: ann, host: 'A.example:443' })).status).toBe(200);
  });

  it('cannot be come by with a session of another host', async () => {
    await test.serve(
      [guarded('a.example', {}), guarded('b.example', { 'auth-tls-secret': 'default/others' })],
      ...objects,
    );
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = await exchange('b.example', { cert: eve.certificate, key: eve.key, maxVersion });
      expect(first.answer).toContain('200 OK');
      const { session } = first;
      const again = await exchange('a.example', { maxVersion, ...(session && { session }) });
      expect(again.answer).toContain('400 Bad request');
    }
  });

  it('leaves other hosts as they are, and sends those away that it refuses', async () => {
    const open = ingressOf('open', { rules: [{ host: 'o.example', http: { paths: [path('/', 'a')] } }] });
    const page = 'http://help.example/certificates';
    await test.serve([guarded('a.example', { 'auth-tls-error-page': page }), open], ...objects);
    expect((await get({ servername: 'o.example' })).status).toBe(200);
    const refused = await get({});
    expect([refused.status, refused.headers.location]).toEqual([302, page]);
  });

  it('may be optional, be off, or leave it to the service', async () => {
    const statusesFor = async (verify: string): Promise<(number | string | undefined)[]> => {
      await test.serve([guarded('a.example', { 'auth-tls-verify-client': verify })], ...objects);
      const answers = [await get({ as: ann }), await get({}), await get({ as: eve })];
      return answers.flatMap(({ status, sent }) => [status, sent['ssl-client-verify']]);
    };
    expect(await statusesFor('optional')).toEqual([200, 'SUCCESS', 200, 'NONE', 400, undefined]);
    expect(await statusesFor('optional_no_ca')).toEqual([200, 'SUCCESS', 200, 'NONE', 200, 'FAILED']);
    expect(await statusesFor('off')).toEqual([200, undefined, 200, undefined, 200, undefined]);
  });

  it('looks at the subject, and passes the certificate on', async () => {
    const annotations = { 'auth-tls-match-cn': 'CN=an+$', 'auth-tls-pass-certificate-to-upstream': 'true' };
    await test.serve([guarded('a.example', annotations)], ...objects);
    const { status, sent } = await get({ as: ann });
    const pem = decodeURIComponent(sent['ssl-client-cert'] ?? '');
    expect([status, new X509Certificate(pem).fingerprint256]).toEqual([
      200,
      new X509Certificate(ann.certificate).fingerprint256,
    ]);
    expect((await get({ as: certificateOf(ours, 'bob') })).status).toBe(403);
  });

  it('that cannot hold closes the ingress', async () => {
    const told = async (...ingresses: Ingress[]): Promise<string> => (await test.serve(ingresses, ...objects)).join();
    expect(await told(guarded('a.example', { 'auth-tls-secret': 'default/none' }))).toContain(
      'there is no secret none',
    );
    expect(await told(guarded('a.example', { 'auth-tls-secret': 'elsewhere/ours' }))).toContain('another namespace');
    expect((await get({ as: ann })).status).toBe(503);
    const other = guarded('a.example', { 'auth-tls-secret': 'default/others' }, 1);
    other.spec = { rules: [{ host: 'a.example', http: { paths: [path('/other', 'a')] } }] };
    expect(await told(guarded('a.example', {}), other)).toContain('a.example has that of an older ingress');
    expect((await get({ as: ann })).status).toBe(200);
  });
});
