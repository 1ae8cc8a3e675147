import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The payload of a bound service-account token (KEP-1205): RFC 7519 claims, times in seconds since the epoch. */
export interface TokenClaims {
  iss: string;
  sub: string;
  aud: string[];
  iat: number;
  nbf: number;
  exp: number;
  jti: string;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: Reference;
    pod?: Reference;
    secret?: Reference;
    node?: Reference;
    /** A token of longer life than was asked for: its use is noted after this time. */
    warnafter?: number;
  };
}

export interface Reference {
  name: string;
  uid: string;
}

export type Verification =
  | { kind: 'valid'; claims: TokenClaims }
  /** No token of ours: not a JWT, or of another issuer or key. */
  | { kind: 'foreign' }
  | { kind: 'invalid'; reason: string };

/** Signs and checks tokens with one key: ES256 for P-256, RS256 for RSA. */
export interface TokenSigner {
  sign(claims: TokenClaims): string;
  /** Signature, issuer and form; not the times, and not whether what the token is bound to still exists. */
  verify(token: string): Verification;
  /** The public half as RFC 7517 has it. */
  readonly jwk: Record<string, string>;
  readonly algorithm: 'ES256' | 'RS256';
  readonly issuer: string;
}

export function createTokenSigner(options: { privateKey: KeyObject; issuer: string }): TokenSigner {
  const { privateKey, issuer } = options;
  const publicKey = createPublicKey(privateKey);
  const algorithm = privateKey.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
  // JOSE wants ECDSA signatures as two plain numbers (RFC 7518, 3.4).
  const encoding = algorithm === 'ES256' ? { dsaEncoding: 'ieee-p1363' as const } : {};
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  const header = encode({ alg: algorithm, kid: keyId });
  return {
    algorithm,
    issuer,
    jwk: { use: 'sig', kid: keyId, alg: algorithm, ...(publicKey.export({ format: 'jwk' }) as Record<string, string>) },
    sign(claims) {
      const content = `${header}.${encode(claims)}`;
      const signature = sign('sha256', Buffer.from(content), { key: privateKey, ...encoding });
      return `${content}.${signature.toString('base64url')}`;
    },
    verify(token) {
      const parts = token.split('.');
      const [head = '', payload = '', signature = ''] = parts;
      const claims = parts.length === 3 ? (decode(payload) as TokenClaims | undefined) : undefined;
      if (claims?.iss !== issuer) return { kind: 'foreign' };
      const { alg, kid } = (decode(head) ?? {}) as { alg?: string; kid?: string };
      // The header must not choose the algorithm: ours is the only one.
      if (alg !== algorithm || (kid !== undefined && kid !== keyId)) return invalid('signed by another key');
      const content = Buffer.from(`${head}.${payload}`);
      const genuine = verify('sha256', content, { key: publicKey, ...encoding }, Buffer.from(signature, 'base64url'));
      if (!genuine) return invalid('invalid signature');
      const about = claims['kubernetes.io'];
      if (!about?.namespace || !about.serviceaccount?.name) return invalid('no kubernetes.io claims');
      const subject = `system:serviceaccount:${about.namespace}:${about.serviceaccount.name}`;
      return claims.sub === subject ? { kind: 'valid', claims } : invalid('subject and claims differ');
    },
  };
}

function invalid(reason: string): Verification {
  return { kind: 'invalid', reason };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    // Whatever this is, it is no part of a JWT.
    return undefined;
  }
}
