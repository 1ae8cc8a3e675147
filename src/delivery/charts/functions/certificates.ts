import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import * as der from '../../../base/der.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { printText } from '../template/format.ts';
import { goFunction, type FunctionMap } from '../template/function.ts';
import { emptyMap, GoStruct } from '../template/values.ts';
import { decodeBase64 } from './encoding.ts';

/** Keys and X.509 certificates as Sprig makes them. Keys come from the machine's own randomness, whatever `Random` says. */

/** A certificate and its key, both PEM, as templates see them: `.Cert` and `.Key`. */
function pair(cert: string, key: string): GoStruct {
  return new GoStruct({ type: 'sprig.certificate', fields: Object.assign(emptyMap(), { Cert: cert, Key: key }) });
}

function partOf(value: GoStruct, name: 'Cert' | 'Key'): string {
  return value.fields[name] as string;
}

/** PEM of a key in the form that belongs to its type. */
function privatePem(key: KeyObject): string {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs8';
  return String(key.export({ type, format: 'pem' }));
}

function generateKey(type: string): string {
  switch (type) {
    case '':
    case 'rsa':
      return privatePem(generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey);
    case 'ecdsa':
      return privatePem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    case 'ed25519':
      return privatePem(generateKeyPairSync('ed25519').privateKey);
    case 'dsa':
      return generateDsaKey();
    default:
      return `Unknown type ${type}`;
  }
}

/** OpenSSL's old form of DSA keys: version, p, q, g, y, x. */
function generateDsaKey(): string {
  const { privateKey, publicKey } = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });
  const child = (bytes: Uint8Array, ...path: number[]): Buffer =>
    path.reduce<Buffer>((content, i) => der.readAll(content)[i]?.content ?? Buffer.alloc(0), Buffer.from(bytes));
  const pkcs8 = child(privateKey.export({ type: 'pkcs8', format: 'der' }), 0);
  const spki = child(publicKey.export({ type: 'spki', format: 'der' }), 0);
  const parameters = der.readAll(child(pkcs8, 1, 1)).map(({ whole }) => whole);
  const x = der.readAll(child(pkcs8, 2))[0]?.whole ?? Buffer.alloc(0);
  const y = der.readAll(child(spki, 1).subarray(1))[0]?.whole ?? Buffer.alloc(0);
  return pem('DSA PRIVATE KEY', der.sequence(der.integer(Buffer.from([0])), ...parameters, y, x));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function parseKey(text: string): KeyObject {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  if (label === undefined) throw new Error('no PEM data in input');
  if (label !== 'PRIVATE KEY' && !label.endsWith(' PRIVATE KEY')) {
    throw new Error(`no private key data in PEM block of type ${label}`);
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    const kind = label.replace(/ ?PRIVATE KEY$/, '');
    const what = kind === '' ? 'decoding PEM as PKCS#8' : `parsing ${kind} private key from PEM`;
    // OpenSSL's words could hold parts of the key's text.
    throw new Error(`${what}: malformed key`, { cause: error });
  }
}

interface SignatureAlgorithm {
  readonly hash: string | null;
  readonly identifier: Buffer;
}

function algorithmOf(key: KeyObject): SignatureAlgorithm {
  const oid = der.objectIdentifier;
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { hash: 'sha256', identifier: der.sequence(oid('1.2.840.113549.1.1.11'), Buffer.from([5, 0])) };
    case 'ec': {
      const curve = key.asymmetricKeyDetails?.namedCurve;
      const size = curve === 'secp384r1' ? 384 : curve === 'secp521r1' ? 512 : 256;
      return { hash: `sha${size}`, identifier: der.sequence(oid(`1.2.840.10045.4.3.${size / 128}`)) };
    }
    case 'ed25519':
      return { hash: null, identifier: der.sequence(oid('1.3.101.112')) };
    default:
      throw new Error('x509: only RSA, ECDSA and Ed25519 keys supported');
  }
}

interface Request {
  readonly commonName: string;
  readonly ips: readonly string[];
  readonly dnsNames: readonly string[];
  readonly days: number;
  readonly isAuthority: boolean;
  readonly key: KeyObject;
  /** Who signs: the request itself when absent. */
  readonly issuer?: { readonly name: Buffer; readonly keyId: Buffer | undefined; readonly key: KeyObject };
}

function nameOf(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.objectIdentifier('2.5.4.3'), der.utf8String(commonName))));
}

function extension(oid: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.objectIdentifier(oid), ...critical, der.octetString(value));
}

function keyIdOf(publicKey: Buffer): Buffer {
  const bits = der.readAll(der.readAll(publicKey)[0]?.content ?? publicKey)[1]?.content ?? publicKey;
  return createHash('sha1').update(bits.subarray(1)).digest();
}

function addressBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.replace(/%.*$/, '').split('::');
  const groups = (text: string): number[] =>
    text
      .split(':')
      .filter((group) => group !== '')
      .flatMap((group) =>
        group.includes('.')
          ? group.split('.').map(Number)
          : [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255],
      );
  const first = groups(head);
  const last = groups(tail ?? '');
  const mapped = [...first, ...Array.from({ length: 16 - first.length - last.length }, () => 0), ...last];
  return Buffer.from(mapped);
}

function extensionsOf(request: Request, publicKey: Buffer): Buffer[] {
  // Digital signature and key encipherment; authorities also sign certificates.
  const usage = request.isAuthority
    ? der.bitString(Buffer.from([0b1010_0100]), 2)
    : der.bitString(Buffer.from([0b1010_0000]), 5);
  const purposes = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'].map(der.objectIdentifier);
  const list = [
    extension('2.5.29.15', true, usage),
    extension('2.5.29.37', false, der.sequence(...purposes)),
    extension('2.5.29.19', true, der.sequence(...(request.isAuthority ? [der.boolean(true)] : []))),
  ];
  if (request.isAuthority) list.push(extension('2.5.29.14', false, der.octetString(keyIdOf(publicKey))));
  const { keyId } = request.issuer ?? {};
  if (keyId) list.push(extension('2.5.29.35', false, der.sequence(der.contextual(0, false, keyId))));
  const names = [
    ...request.dnsNames.map((name) => der.contextual(2, false, Buffer.from(name))),
    ...request.ips.map((ip) => der.contextual(7, false, addressBytes(ip))),
  ];
  if (names.length > 0) list.push(extension('2.5.29.17', false, der.sequence(...names)));
  return list;
}

function issue(request: Request, clock: Clock, random: Random): GoStruct {
  const { key, issuer } = request;
  const subject = nameOf(request.commonName);
  const signer = issuer?.key ?? key;
  const { hash, identifier } = algorithmOf(signer);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const serial = Uint8Array.from({ length: 16 }, () => random.int(256));
  const now = clock.now();
  const body = der.sequence(
    der.contextual(0, true, der.integer(Buffer.from([2]))),
    der.integer(serial),
    identifier,
    issuer?.name ?? subject,
    der.sequence(der.time(now), der.time(now + request.days * 86_400_000)),
    subject,
    publicKey,
    der.contextual(3, true, der.sequence(...extensionsOf(request, publicKey))),
  );
  const certificate = der.sequence(body, identifier, der.bitString(sign(hash, body, signer)));
  return pair(pem('CERTIFICATE', certificate), privatePem(key));
}

/** Subject and key identifier of a certificate that signs. */
function issuerOf(ca: GoStruct): NonNullable<Request['issuer']> {
  const text = partOf(ca, 'Cert');
  if (!text.includes('-----BEGIN')) throw new Error('unable to decode certificate');
  const certificate = parseCertificate(text, 'decodedSignerCert.Bytes');
  let key: KeyObject;
  try {
    key = parseKey(partOf(ca, 'Key'));
  } catch (error) {
    throw new Error(`error parsing private key: ${(error as Error).message}`, { cause: error });
  }
  const fields = der.readAll(
    der.readAll(der.readAll(certificate.raw)[0]?.content ?? certificate.raw)[0]?.content ?? certificate.raw,
  );
  const isVersioned = fields[0]?.tag === 0xa0;
  const name = fields[isVersioned ? 5 : 4]?.whole ?? nameOf('');
  return { name, keyId: subjectKeyId(fields.at(-1)), key };
}

function parseCertificate(text: string, what: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new Error(`error parsing certificate: ${what}: x509: malformed certificate`, { cause: error });
  }
}

function subjectKeyId(extensions: der.DerValue | undefined): Buffer | undefined {
  if (extensions?.tag !== 0xa3) return undefined;
  const oid = der.objectIdentifier('2.5.29.14');
  for (const { content } of der.readAll(der.readAll(extensions.content)[0]?.content ?? Buffer.alloc(0))) {
    const parts = der.readAll(content);
    if (parts[0]?.whole.equals(oid)) return der.readAll(parts.at(-1)?.content ?? Buffer.alloc(0))[0]?.content;
  }
  return undefined;
}

function addresses(list: readonly unknown[] | null): string[] {
  return (list ?? []).map((ip) => {
    if (typeof ip !== 'string') throw new Error(`error parsing ip: ${printText(ip)} is not a string`);
    if (isIP(ip) === 0) throw new Error(`error parsing ip: ${ip}`);
    return ip;
  });
}

function dnsNames(list: readonly unknown[] | null): string[] {
  return (list ?? []).map((name) => {
    if (typeof name === 'string') return name;
    throw new Error(`error processing alternate dns name: ${printText(name)} is not a string`);
  });
}

function givenKey(text: string): KeyObject {
  try {
    return parseKey(text);
  } catch (error) {
    throw new Error(`parsing private key: ${(error as Error).message}`, { cause: error });
  }
}

function customCertificate(cert: string, key: string): GoStruct {
  const decode = (text: string, what: string): string => {
    try {
      return decodeBase64(text).toString('utf8');
    } catch (error) {
      throw new Error(`unable to decode base64 ${what}`, { cause: error });
    }
  };
  const [certPem, keyPem] = [decode(cert, 'certificate'), decode(key, 'private key')];
  if (!certPem.includes('-----BEGIN')) throw new Error('unable to decode certificate');
  parseCertificate(certPem, 'decodedCert.Bytes');
  try {
    parseKey(keyPem);
  } catch (error) {
    throw new Error(`error parsing private key: ${(error as Error).message}`, { cause: error });
  }
  return pair(certPem, keyPem);
}

export function certificateFunctions(clock: Clock, random: Random): FunctionMap {
  const rsa = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const leaf = { isAuthority: false };
  const authority = (commonName: string, days: number, key: KeyObject): GoStruct =>
    issue({ commonName, ips: [], dnsNames: [], days, isAuthority: true, key }, clock, random);
  type List = unknown[] | null;
  const selfSigned = (commonName: string, ips: List, names: List, days: number, key: KeyObject): GoStruct =>
    issue({ ...leaf, commonName, ips: addresses(ips), dnsNames: dnsNames(names), days, key }, clock, random);
  type Leaf = Parameters<typeof selfSigned>;
  const signed = (ca: GoStruct, ...[commonName, ips, names, days, key]: Leaf): GoStruct => {
    const issuer = issuerOf(ca);
    return issue(
      { ...leaf, commonName, ips: addresses(ips), dnsNames: dnsNames(names), days, key, issuer },
      clock,
      random,
    );
  };
  return {
    genPrivateKey: goFunction(['string'], generateKey),
    buildCustomCert: goFunction(['string', 'string'], customCertificate),
    genCA: goFunction(['string', 'int'], (name, days) => authority(name, days, rsa())),
    genCAWithKey: goFunction(['string', 'int', 'string'], (name, days, key) => authority(name, days, givenKey(key))),
    genSelfSignedCert: goFunction(['string', 'list', 'list', 'int'], (name, ips, names, days) =>
      selfSigned(name, ips, names, days, rsa()),
    ),
    genSelfSignedCertWithKey: goFunction(['string', 'list', 'list', 'int', 'string'], (name, ips, names, days, key) =>
      selfSigned(name, ips, names, days, givenKey(key)),
    ),
    genSignedCert: goFunction(['string', 'list', 'list', 'int', 'certificate'], (name, ips, names, days, ca) =>
      signed(ca, name, ips, names, days, rsa()),
    ),
    genSignedCertWithKey: goFunction(
      ['string', 'list', 'list', 'int', 'certificate', 'string'],
      (name, ips, names, days, ca, key) => signed(ca, name, ips, names, days, givenKey(key)),
    ),
  };
}
