import { X509Certificate } from 'node:crypto';
import { parseSigningRequest, partsOf } from '../api/signing-request.ts';
import { bitString, objectIdentifier } from '../base/der.ts';
import type { DerValue } from '../base/der.ts';
import type { Clock } from '../base/clock.ts';
import type { CertificateSigner, RequestedSubject } from '../controllers/certificates/signing-controller.ts';
import { extendedUsages, extension, signForRequest } from './certificates.ts';
import type { Authority } from './certificates.ts';

const year = 365 * 24 * 3600;

/** Signs what is asked for by PKCS #10 (RFC 2986) with the cluster's CA. */
export function createRequestSigner(authority: Authority, clock: Clock): CertificateSigner {
  const end = Date.parse(new X509Certificate(authority.certificate).validTo);
  return {
    subjectOf: (pem) => subjectOf(parseSigningRequest(pem).subject),
    sign(pem, { usages, expirationSeconds = year }) {
      const { subject, publicKey, alternativeNames } = parseSigningRequest(pem);
      const bits = (usages.includes('digital signature') ? 0x80 : 0) | (usages.includes('key encipherment') ? 0x20 : 0);
      return signForRequest(authority, {
        ...{ subject: subject.whole, publicKey, now: clock.now() },
        notAfter: Math.min(clock.now() + expirationSeconds * 1000, end),
        extensions: [
          ...(bits === 0 ? [] : [extension('2.5.29.15', true, bitString(Buffer.from([bits]), 5))]),
          extendedUsages([
            ...(usages.includes('client auth') ? (['client'] as const) : []),
            ...(usages.includes('server auth') ? (['server'] as const) : []),
          ]),
          ...(alternativeNames ? [alternativeNames] : []),
        ],
      });
    },
  };
}

function subjectOf(subject: DerValue): RequestedSubject {
  const attributes = partsOf(subject).flatMap(partsOf).map(partsOf);
  const texts = (dotted: string): string[] =>
    attributes.flatMap(([type, value]) => {
      return value && type?.whole.equals(objectIdentifier(dotted)) ? [value.content.toString()] : [];
    });
  return { commonName: texts('2.5.4.3')[0] ?? '', organizations: texts('2.5.4.10') };
}
