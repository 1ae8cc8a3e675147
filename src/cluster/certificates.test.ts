import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority, isCurrent, issueCertificate, loadAuthority } from './certificates.ts';
import type { CertificateRequest } from './certificates.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const day = 24 * 3600_000;
const request: CertificateRequest = {
  commonName: 'kube-apiserver',
  organizations: ['system:masters', 'another'],
  usages: ['server', 'client'],
  hosts: ['localhost', '127.0.0.1', '::1', 'fd00::A:1', '::ffff:10.0.0.1'],
};

describe('certificates', () => {
  it('are signed by the CA and carry subject, names, usages and lifetime', () => {
    const authority = createAuthority('kubernetes', now);
    const ca = new X509Certificate(authority.certificate);
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(Date.parse(ca.validTo)).toBe(now + 3650 * day);

    const pair = issueCertificate(authority, request, now);
    const certificate = new X509Certificate(pair.certificate);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
    expect(certificate.subject).toBe('O=system:masters\nO=another\nCN=kube-apiserver');
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.checkIP('fd00::a:1')).toBe('fd00::a:1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(Date.parse(certificate.validTo)).toBe(now + 365 * day);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(now);
  });

  it('never outlive their CA', () => {
    const authority = createAuthority('kubernetes', now);
    const late = issueCertificate(authority, request, now + 3600 * day);
    expect(Date.parse(new X509Certificate(late.certificate).validTo)).toBe(now + 3650 * day);
  });

  it('are issued again under 30 days before the end, for new names, and from a new CA', () => {
    const authority = createAuthority('kubernetes', now);
    const pair = issueCertificate(authority, request, now);
    expect(isCurrent(pair, authority, request, now)).toBe(true);
    expect(isCurrent(pair, authority, request, now + 334 * day)).toBe(true);
    expect(isCurrent(pair, authority, request, now + 336 * day)).toBe(false);
    expect(isCurrent(pair, authority, { ...request, hosts: ['example.test'] }, now)).toBe(false);
    expect(isCurrent(pair, authority, { ...request, commonName: 'another' }, now)).toBe(false);
    expect(isCurrent(pair, createAuthority('kubernetes', now), request, now)).toBe(false);
    expect(isCurrent({ ...pair, certificate: 'garbage' }, authority, request, now)).toBe(false);
  });

  it('come from a CA that was read back as from the new one', () => {
    const authority = createAuthority('kubernetes', now);
    const loaded = loadAuthority({ certificate: authority.certificate, key: authority.key });
    const pair = issueCertificate(loaded, request, now);
    expect(isCurrent(pair, authority, request, now)).toBe(true);
    const other = createAuthority('kubernetes', now);
    expect(() => loadAuthority({ certificate: authority.certificate, key: other.key })).toThrow('does not belong');
  });

  it('write dates after 2049 in the longer form', () => {
    const far = createAuthority('kubernetes', Date.parse('2045-01-01T00:00:00Z'));
    expect(new X509Certificate(far.certificate).validTo).toContain('2054');
  });
});
