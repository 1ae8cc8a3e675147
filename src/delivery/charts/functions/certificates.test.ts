import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import { parseTemplates } from '../template/engine.ts';
import { settle } from '../template/pause.ts';
import { chartFunctions } from './functions.ts';

const now = Date.UTC(2026, 0, 1);
const functions = chartFunctions({ clock: createSimulatedClock(now), random: seededRandom(1) });

async function render(text: string, values: unknown = {}): Promise<string> {
  const set = parseTemplates([{ name: 't', text }], functions);
  return settle(() => set.execute('t', values));
}

const key = await render('{{ genPrivateKey "ecdsa" }}');

it('makes an authority that signs certificates for names and addresses', async () => {
  const [ca = '', cert = '', certKey = ''] = (
    await render(
      `{{ $ca := genCAWithKey "my-ca" 365 .key }}
{{- $c := genSignedCert "svc" (list "10.0.0.1" "fd00::1") (list "svc" "svc.ns.svc") 30 $ca }}
{{- $ca.Cert }}|{{ $c.Cert }}|{{ $c.Key }}`,
      { key },
    )
  ).split('|');
  const authority = new X509Certificate(ca);
  const signed = new X509Certificate(cert);
  expect(authority.ca).toBe(true);
  expect(authority.subject).toBe('CN=my-ca');
  expect(authority.verify(authority.publicKey)).toBe(true);
  expect(signed.ca).toBe(false);
  expect(signed.checkIssued(authority)).toBe(true);
  expect(signed.verify(authority.publicKey)).toBe(true);
  expect(signed.checkPrivateKey(createPrivateKey(certKey))).toBe(true);
  expect(certKey).toContain('BEGIN RSA PRIVATE KEY');
  expect(signed.subjectAltName).toBe('DNS:svc, DNS:svc.ns.svc, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1');
  expect(Date.parse(signed.validFrom)).toBe(now);
  expect(Date.parse(signed.validTo)).toBe(now + 30 * 86_400_000);
  expect(signed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
});

it('makes certificates with keys of every kind, and reads them again', async () => {
  const ed25519 = await render('{{ genPrivateKey "ed25519" }}');
  for (const given of [key, ed25519]) {
    const text = '{{ (genSelfSignedCertWithKey "cn" nil (list "a") 1 .given).Cert }}';
    const certificate = new X509Certificate(await render(text, { given }));
    expect(certificate.verify(createPublicKey(given))).toBe(true);
  }
  const custom = `{{ $c := genSelfSignedCertWithKey "cn" nil nil 1 .key }}
{{- $b := buildCustomCert ($c.Cert | b64enc) ($c.Key | b64enc) }}{{ eq $b.Cert $c.Cert }}
{{- (genSignedCertWithKey "leaf" nil nil 1 $b .key).Cert | trunc 27 }}`;
  expect(await render(custom, { key })).toBe('true-----BEGIN CERTIFICATE-----');
});

it.each([
  ['rsa', 'RSA PRIVATE KEY', 'rsa'],
  ['ecdsa', 'EC PRIVATE KEY', 'ec'],
  ['ed25519', 'PRIVATE KEY', 'ed25519'],
])('generates keys: %s', async (type, label, kind) => {
  const pem = await render('{{ genPrivateKey .type }}', { type });
  expect(pem).toContain(`-----BEGIN ${label}-----`);
  expect(createPrivateKey(pem).asymmetricKeyType).toBe(kind);
});

it.each([
  ['{{ genPrivateKey "x" }}', 'Unknown type x'],
  ['{{ genCA "x" 1 | typeOf }}', 'sprig.certificate'],
  ['{{ $c := genSelfSignedCert "x" nil nil 1 }}{{ $c.Key | trunc 31 }}', '-----BEGIN RSA PRIVATE KEY-----'],
])('gives what Sprig gives: %s', async (text, expected) => {
  expect(await render(text)).toBe(expected);
});

it.each([
  ['{{ genSelfSignedCertWithKey "x" (list "nope") nil 1 .key }}', 'error parsing ip: nope'],
  ['{{ genSelfSignedCertWithKey "x" (list 1) nil 1 .key }}', 'error parsing ip: 1 is not a string'],
  ['{{ genSelfSignedCertWithKey "x" nil (list 1) 1 .key }}', 'error processing alternate dns name: 1 is not a string'],
  ['{{ genCAWithKey "x" 1 "nope" }}', 'parsing private key: no PEM data in input'],
  ['{{ buildCustomCert "!" "" }}', 'unable to decode base64 certificate'],
  ['{{ buildCustomCert "eA==" "eA==" }}', 'unable to decode certificate'],
  [
    '{{ genSignedCert "x" nil nil 1 (dict) }}',
    'wrong type for value; expected sprig.certificate; got map[string]interface {}',
  ],
])('refuses: %s', async (text, expected) => {
  await expect(render(text, { key })).rejects.toThrow(expected);
});
