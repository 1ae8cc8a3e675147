import { generateKeyPairSync, sign } from 'node:crypto';
import {
  bitString,
  contextual,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utf8String,
} from '../../src/base/der.ts';

/** A request (RFC 2986) for a name, with one alternative name, base64 of PEM. */
export function requestFor(commonName: string, organization: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const attribute = (type: string, value: string): Buffer => set(sequence(objectIdentifier(type), utf8String(value)));
  const names = sequence(contextual(2, false, Buffer.from('a.example.com')));
  const extensions = sequence(sequence(objectIdentifier('2.5.29.17'), octetString(names)));
  const info = sequence(
    integer(Buffer.from([0])),
    sequence(attribute('2.5.4.10', organization), attribute('2.5.4.3', commonName)),
    publicKey.export({ type: 'spki', format: 'der' }),
    contextual(0, true, sequence(objectIdentifier('1.2.840.113549.1.9.14'), set(extensions))),
  );
  const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
  const der = sequence(info, algorithm, bitString(sign('sha256', info, privateKey)));
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  return Buffer.from(pem).toString('base64');
}
