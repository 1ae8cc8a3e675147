import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type DerValue, objectIdentifier, readAll } from '../base/der.ts';

/** Hashes of the signature algorithms that keys of requests have; null: the algorithm brings its own (Ed25519). */
const hashes: readonly (readonly [string, string | null])[] = [
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
];

export interface SigningRequest {
  subject: DerValue;
  publicKey: KeyObject;
  /** The extension with the subject's alternative names, whole, where it is asked for. */
  alternativeNames: Buffer | undefined;
}

/**
 * Reads a certificate signing request (PKCS #10, RFC 2986) in PEM. Throws for what is none, and for one that its
 * key has not signed.
 */
export function parseSigningRequest(pem: string): SigningRequest {
  const base64 = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(pem)?.[1];
  if (!base64) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [info, algorithm, signature] = partsOf(readAll(Buffer.from(base64, 'base64'))[0]);
  const [, subject, key, attributes] = partsOf(info);
  if (!info || !signature || !subject || !key) throw new Error('the certificate request is incomplete');
  const publicKey = createPublicKey({ key: key.whole, format: 'der', type: 'spki' });
  const oid = partsOf(algorithm)[0];
  const hash = hashes.find(([dotted]) => oid?.whole.equals(objectIdentifier(dotted)));
  if (!hash) throw new Error('the signature algorithm of the certificate request is not known');
  // A bit string begins with the number of bits that it does not use.
  if (!verify(hash[1], info.whole, publicKey, signature.content.subarray(1))) {
    throw new Error('the signature of the certificate request is not that of its key');
  }
  return { subject, publicKey, alternativeNames: alternativeNamesOf(attributes) };
}

/** What a constructed value holds. */
export function partsOf(value: DerValue | undefined): DerValue[] {
  return value ? readAll(value.content) : [];
}

/** Of the attribute that carries extensions (PKCS #9, extensionRequest). */
function alternativeNamesOf(attributes: DerValue | undefined): Buffer | undefined {
  const extensionRequest = objectIdentifier('1.2.840.113549.1.9.14');
  const wanted = objectIdentifier('2.5.29.17');
  for (const attribute of partsOf(attributes)) {
    const [type, values] = partsOf(attribute);
    if (!type?.whole.equals(extensionRequest)) continue;
    const extensions = partsOf(partsOf(values)[0]);
    const found = extensions.find((each) => partsOf(each)[0]?.whole.equals(wanted));
    if (found) return found.whole;
  }
  return undefined;
}
