import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/system-clock.ts';
import { createAuthority, issueCertificate } from '../../cluster/certificates.ts';
import { checkLogin } from './check-login.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('a login', () => {
  let server: Server;
  let host: string;
  /** How the registry wants to be spoken to. */
  let wants: 'nothing' | 'basic' | 'bearer' = 'basic';

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { authorization = '', host: own = '' } = request.headers;
      const url = new URL(request.url ?? '/', `http://${own}`);
      if (url.pathname === '/token') {
        const isKnown = authorization === basic('u:p') && url.searchParams.get('service') === 'this one';
        response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ token: 'tok' }));
        return;
      }
      const challenge =
        wants === 'bearer' ? `Bearer realm="http://${own}/token",service="this one"` : 'Basic realm="x"';
      const isKnown = { nothing: true, basic: authorization === basic('u:p'), bearer: authorization === 'Bearer tok' }[
        wants
      ];
      response.writeHead(isKnown ? 200 : 401, { 'www-authenticate': challenge }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each(['nothing', 'basic', 'bearer'] as const)('is accepted by a registry that wants %s', async (kind) => {
    wants = kind;
    await expect(checkLogin(host, { username: 'u', password: 'p' }, { insecure: true })).resolves.toBeUndefined();
  });

  it.each(['basic', 'bearer'] as const)(
    'is refused by a registry that wants %s, without its password in the error',
    async (kind) => {
      wants = kind;
      const error = await checkLogin(host, { username: 'u', password: 'geheim' }, { insecure: true }).catch(
        (e: unknown) => e,
      );
      expect(error).toMatchObject({ kind: 'refused' });
      expect((error as Error).message).not.toContain('geheim');
    },
  );

  it('comes to nothing where nobody answers, or nobody speaks TLS', async () => {
    await expect(checkLogin('127.0.0.1:1', { username: 'u', password: 'p' })).rejects.toMatchObject({
      kind: 'unreachable',
    });
    await expect(checkLogin(host, { username: 'u', password: 'p' })).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('may need an authority that the machine does not know, and a certificate to identify with', async () => {
    const now = systemClock.now();
    const authority = createAuthority('registry-ca', now);
    const hosts = ['127.0.0.1'];
    const serving = issueCertificate(authority, { commonName: 'registry', usages: ['server'], hosts }, now);
    const own = issueCertificate(authority, { commonName: 'me', usages: ['client'] }, now);
    const tls = { key: serving.key, cert: serving.certificate, ca: authority.certificate };
    const secure = createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (_, response) => {
      response.end('{}');
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const at = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const login = { username: 'u', password: 'p' };
    const trusting = { certificateAuthority: authority.certificate };
    try {
      await expect(checkLogin(at, login)).rejects.toMatchObject({ kind: 'untrusted' });
      await expect(checkLogin(at, login, trusting)).rejects.toMatchObject({ kind: 'unreachable' });
      await expect(checkLogin(at, login, { ...trusting, ...own })).resolves.toBeUndefined();
    } finally {
      await new Promise((resolve) => secure.close(resolve));
    }
  });
});
