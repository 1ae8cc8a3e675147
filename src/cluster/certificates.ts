import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import {
  bitString,
  boolean,
  contextual,
  integer,
  objectIdentifier,
  octetString,
  readAll,
  sequence,
  set,
  time,
  utf8String,
} from '../base/der.ts';

/** A certificate with its key, both PEM, as they lie in files and kubeconfigs. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** A certificate authority, ready to sign. */
export interface Authority extends KeyPair {
  privateKey: KeyObject;
  /** DER of the subject's name: the issuer of everything it signs. */
  subject: Buffer;
  keyIdentifier: Buffer;
}

export interface CertificateRequest {
  commonName: string;
  organizations?: readonly string[];
  usages: readonly ('client' | 'server')[];
  /** DNS names and IP addresses that the certificate stands for. */
  hosts?: readonly string[];
}

const day = 24 * 3600_000;
const certificateLifetimeMs = 365 * day;
const authorityLifetimeMs = 3650 * day;
const renewBeforeMs = 30 * day;
/** Certificates are valid from a little before now: the clocks of nodes differ. */
const backdateMs = 5 * 60_000;

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const usageIdentifiers = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

/** A new self-signed CA on a P-256 key, valid ten years from `now` (epoch milliseconds). */
export function createAuthority(commonName: string, now: number): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = nameOf(commonName, []);
  const keyIdentifier = identifierOf(publicKey);
  const certificate = signCertificate({
    issuer: { subject, keyIdentifier, privateKey },
    subject,
    publicKey,
    notBefore: now - backdateMs,
    notAfter: now + authorityLifetimeMs,
    extensions: [
      extension('2.5.29.15', true, bitString(Buffer.from([0b1010_0100]), 2)),
      extension('2.5.29.19', true, sequence(boolean(true))),
      extension('2.5.29.14', false, octetString(keyIdentifier)),
      extension('2.5.29.17', false, sequence(contextual(2, false, Buffer.from(commonName)))),
    ],
  });
  return { certificate, key: exportKey(privateKey), privateKey, subject, keyIdentifier };
}

/** Reads a CA back. Throws when the PEM is broken or the key is not the certificate's. */
export function loadAuthority(pair: KeyPair): Authority {
  const certificate = new X509Certificate(pair.certificate);
  const privateKey = createPrivateKey(pair.key);
  if (!certificate.checkPrivateKey(privateKey)) throw new Error('the key does not belong to the CA certificate');
  const body = readAll(readAll(certificate.raw)[0]?.content ?? Buffer.alloc(0))[0];
  // version, serial number, signature algorithm, issuer, validity, subject (RFC 5280, 4.1)
  const subject = readAll(body?.content ?? Buffer.alloc(0))[5]?.whole;
  if (!subject) throw new Error('the CA certificate has no subject');
  return { ...pair, privateKey, subject, keyIdentifier: identifierOf(certificate.publicKey) };
}

/** A new key and its certificate, valid one year from `now`, or as long as `authority` at most. */
export function issueCertificate(authority: Authority, request: CertificateRequest, now: number): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { certificate: certify(authority, publicKey, request, now), key: exportKey(privateKey) };
}

function certify(authority: Authority, publicKey: KeyObject, request: CertificateRequest, now: number): string {
  const { commonName, organizations = [], usages, hosts = [] } = request;
  const authorityEnd = Date.parse(new X509Certificate(authority.certificate).validTo);
  return signCertificate({
    issuer: authority,
    subject: nameOf(commonName, organizations),
    publicKey,
    notBefore: now - backdateMs,
    notAfter: Math.min(now + certificateLifetimeMs, authorityEnd),
    extensions: [
      extension('2.5.29.15', true, bitString(Buffer.from([0b1000_0000]), 7)),
      extendedUsages(usages),
      extension('2.5.29.19', true, sequence()),
      issuerIdentifier(authority),
      ...(hosts.length > 0 ? [extension('2.5.29.17', false, sequence(...hosts.map(alternativeName)))] : []),
    ],
  });
}

/** A certificate for a subject (DER of its name) and key that somebody asks for. `now` and `notAfter` are epoch milliseconds. */
export function signForRequest(
  authority: Authority,
  request: { subject: Buffer; publicKey: KeyObject; now: number; notAfter: number; extensions: readonly Buffer[] },
): string {
  const { subject, publicKey, now, notAfter, extensions } = request;
  return signCertificate({
    ...{ issuer: authority, subject, publicKey, notBefore: now - backdateMs, notAfter },
    extensions: [...extensions, extension('2.5.29.19', true, sequence()), issuerIdentifier(authority)],
  });
}

function issuerIdentifier({ keyIdentifier }: Authority): Buffer {
  return extension('2.5.29.35', false, sequence(contextual(0, false, keyIdentifier)));
}

export function extendedUsages(usages: CertificateRequest['usages']): Buffer {
  const purposes = usages.map((usage) => objectIdentifier(usageIdentifiers[usage]));
  return extension('2.5.29.37', false, sequence(...purposes));
}

/** True when `certificate` may stay: readable, from `authority`, as asked for, and with more than 30 days left. */
export function isCurrent(pair: KeyPair, authority: Authority, request: CertificateRequest, now: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    const named = new Set(namesOf(certificate));
    const [issuer, , subject] = readAll(bodyOf(certificate)).slice(3);
    return (
      Date.parse(certificate.validTo) - now > renewBeforeMs &&
      issuer?.whole.equals(authority.subject) === true &&
      subject?.whole.equals(nameOf(request.commonName, request.organizations ?? [])) === true &&
      certificate.verify(createPublicKey(authority.certificate)) &&
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      (request.hosts ?? []).every((host) => named.has(isIPv6(host) ? shortAddress(host) : host))
    );
  } catch {
    // A file that cannot be read as a certificate is one to be issued again.
    return false;
  }
}

function bodyOf(certificate: X509Certificate): Buffer {
  return readAll(readAll(certificate.raw)[0]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0);
}

/** A private key without certificate: signs service-account tokens (ES256). */
export function createSigningKey(): string {
  return exportKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

interface Unsigned {
  issuer: { subject: Buffer; keyIdentifier: Buffer; privateKey: KeyObject };
  subject: Buffer;
  publicKey: KeyObject;
  notBefore: number;
  notAfter: number;
  extensions: readonly Buffer[];
}

function signCertificate(unsigned: Unsigned): string {
  const { issuer, subject, publicKey, notBefore, notAfter, extensions } = unsigned;
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  const body = sequence(
    contextual(0, true, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    issuer.subject,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    contextual(3, true, sequence(...extensions)),
  );
  return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, issuer.privateKey))));
}

/** Organizations first, then the common name: the order in which Go writes them. */
function nameOf(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (type: string, value: string): Buffer => set(sequence(objectIdentifier(type), utf8String(value)));
  return sequence(
    ...organizations.map((organization) => attribute('2.5.4.10', organization)),
    attribute('2.5.4.3', commonName),
  );
}

function alternativeName(host: string): Buffer {
  const address = addressBytes(host);
  return address ? contextual(7, false, address) : contextual(2, false, Buffer.from(host, 'ascii'));
}

function addressBytes(host: string): Buffer | undefined {
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number));
  if (!isIPv6(host)) return undefined;
  // A dotted tail (::ffff:10.0.0.1) stands for the last two groups.
  const text = host.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = text.split('::');
  const groups = (part: string | undefined): number[] =>
    part ? part.split(':').map((g) => Number.parseInt(g, 16)) : [];
  const left = groups(head);
  const right = groups(tail);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
  const bytes = Buffer.alloc(16);
  all.forEach((group, i) => bytes.writeUInt16BE(group, i * 2));
  return bytes;
}

/** The DNS names and addresses in a certificate, addresses in their shortest form. */
function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '').split(', ').map((entry) => {
    const [type = '', ...rest] = entry.split(':');
    const value = rest.join(':');
    return type === 'IP Address' && value.includes(':') ? shortAddress(value) : value;
  });
}

/** Node prints IPv6 addresses in full; requests spell them in any way. */
function shortAddress(address: string): string {
  return new URL(`https://[${address}]`).hostname.slice(1, -1);
}

/** One extension of a certificate (RFC 5280, 4.1.2.9). */
export function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** SHA-1 of the public key's bits (RFC 5280, 4.2.1.2). */
function identifierOf(publicKey: KeyObject): Buffer {
  const parts = readAll(readAll(publicKey.export({ type: 'spki', format: 'der' }))[0]?.content ?? Buffer.alloc(0));
  const bits = parts[1]?.content.subarray(1) ?? Buffer.alloc(0);
  return createHash('sha1').update(bits).digest();
}

function exportKey(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }).toString();
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
