import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePki, issueNodeCertificates } from './pki.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const day = 24 * 3600_000;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pki-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('ensurePki', () => {
  const ensure = (at: number, advertised: string[] = []): ReturnType<typeof ensurePki> =>
    ensurePki({ directory, now: at, serviceIp: '10.96.0.1', advertised });

  it('makes everything once, for its owner only', () => {
    const first = ensure(now);
    const again = ensure(now + day);
    expect(again.server).toEqual(first.server);
    expect(again.admin).toEqual(first.admin);
    expect(again.serviceAccountKey).toBe(first.serviceAccountKey);
    for (const name of ['ca.key', 'apiserver.key', 'sa.key', 'admin.crt']) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    const server = new X509Certificate(first.server.certificate);
    for (const name of ['localhost', 'kubernetes', 'kubernetes.default.svc.cluster.local']) {
      expect(server.checkHost(name)).toBe(name);
    }
    for (const address of ['127.0.0.1', '::1', '10.96.0.1']) expect(server.checkIP(address)).toBe(address);
    expect(new X509Certificate(first.admin.certificate).subject).toBe('O=system:masters\nCN=kubernetes-admin');
  });

  it('takes what was checked as it is, and makes what is missing', () => {
    const first = ensure(now);
    rmSync(join(directory, 'admin.crt'));
    const late = now + 350 * day;
    const read = ensurePki({ directory, now: late, serviceIp: '10.96.0.1', isChecked: true });
    expect(read.server).toEqual(first.server);
    expect(read.admin).not.toEqual(first.admin);
    expect(ensure(late).server).not.toEqual(first.server);
  });

  it('renews what is about to end and what lacks an address, and keeps the CA', () => {
    const first = ensure(now);
    const moved = ensure(now, ['192.168.7.7']);
    expect(moved.authority.certificate).toBe(first.authority.certificate);
    expect(moved.admin).toEqual(first.admin);
    expect(new X509Certificate(moved.server.certificate).checkIP('192.168.7.7')).toBe('192.168.7.7');
    const later = ensure(now + 340 * day);
    expect(later.admin.certificate).not.toBe(first.admin.certificate);
    expect(later.authority.certificate).toBe(first.authority.certificate);
  });

  it('makes again a certificate that is broken, but never a CA', () => {
    ensure(now);
    writeFileSync(join(directory, 'scheduler.crt'), 'broken');
    ensure(now);
    expect(readFileSync(join(directory, 'scheduler.crt'), 'utf8')).toContain('BEGIN CERTIFICATE');
    writeFileSync(join(directory, 'ca.crt'), 'broken');
    expect(() => ensure(now)).toThrow('cannot be used');
  });

  it('does not replace a CA whose key is missing, nor a signing key that is broken', () => {
    ensure(now);
    writeFileSync(join(directory, 'sa.key'), '');
    expect(() => ensure(now)).toThrow(/sa\.key, which signs .* is not a private key/);
    rmSync(join(directory, 'sa.key'));
    rmSync(join(directory, 'ca.key'));
    expect(() => ensure(now)).toThrow(/key of the cluster's CA is missing: .*ca\.key/);
    expect(existsSync(join(directory, 'ca.key'))).toBe(false);
  });

  it('gives a node who it is', () => {
    const { authority } = ensure(now);
    const options = { directory: join(directory, 'n1'), authority, name: 'n1', addresses: ['10.1.0.2'], now };
    const { client, server, proxy } = issueNodeCertificates(options);
    expect(new X509Certificate(client.certificate).subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect(new X509Certificate(server.certificate).checkIP('10.1.0.2')).toBe('10.1.0.2');
    expect(new X509Certificate(proxy.certificate).subject).toBe('CN=system:kube-proxy');
  });
});
