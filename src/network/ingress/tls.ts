import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Secret } from '../../api/types/core-v1.ts';

const known = new WeakMap<Secret, { pem: string } | { problem: string }>();

/**
 * Chain and key of a secret of type kubernetes.io/tls as one PEM text, or why they cannot be used. They are tried as
 * the proxy will use them: a certificate that it refuses must not keep it from loading the others.
 */
export function certificateOf(secret: Secret): { pem: string } | { problem: string } {
  const found = known.get(secret) ?? readCertificate(secret);
  known.set(secret, found);
  return found;
}

function readCertificate(secret: Secret): { pem: string } | { problem: string } {
  const chain = blocks(secret.data?.['tls.crt'], /CERTIFICATE/);
  const [key, ...more] = blocks(secret.data?.['tls.key'], /(?:RSA |EC |)PRIVATE KEY/);
  if (chain.length === 0) return { problem: 'it has no certificate in tls.crt' };
  if (key === undefined || more.length > 0) return { problem: 'it has no single unencrypted private key in tls.key' };
  try {
    // Level 2 is what Debian's OpenSSL insists on: no RSA keys below 2,048 bits, no SHA-1.
    createSecureContext({ cert: chain.join(''), key, ciphers: 'DEFAULT:@SECLEVEL=2' });
  } catch (error) {
    return { problem: (error as Error).message.replace(/^error:[0-9A-F]+:/i, '') };
  }
  return { pem: chain.join('') + key };
}

/** The certificates of `ca.crt` as one PEM text; undefined when there are none that can be used. */
export function authoritiesOf({ data }: Secret): string | undefined {
  const all = blocks(data?.['ca.crt'], /CERTIFICATE/);
  try {
    for (const pem of all) new X509Certificate(pem);
    return all.length > 0 ? all.join('') : undefined;
  } catch {
    return undefined;
  }
}

/** The PEM blocks of a kind, each with a final newline and without blank lines. */
function blocks(base64: string | undefined, label: RegExp): string[] {
  const text = Buffer.from(base64 ?? '', 'base64').toString('latin1');
  const block = new RegExp(
    `-----BEGIN (${label.source})-----\\r?\\n([A-Za-z0-9+/=\\s]+?)\\r?\\n?-----END \\1-----`,
    'g',
  );
  return [...text.matchAll(block)].map(([, name, body = '']) => {
    const lines = body.split(/\s+/).filter((line) => line !== '');
    return [`-----BEGIN ${name}-----`, ...lines, `-----END ${name}-----`, ''].join('\n');
  });
}
