import type { SelfSubjectReview, TokenReview, UserInfo } from '../../api/types/authentication-v1.ts';
import type { Endpoint } from '../endpoint.ts';
import type { ApiResponse, User } from '../handler.ts';
import { created, readReview } from '../review-body.ts';
import type { TokenAuthenticator } from './service-account-authenticator.ts';
import type { TokenSigner } from './tokens.ts';

const group = 'authentication.k8s.io';
const apiVersion = `${group}/v1`;

/** TokenReview and SelfSubjectReview: created, answered, never stored. */
export function createAuthenticationReviews(options: {
  tokens: TokenAuthenticator;
  audiences: readonly string[];
}): Endpoint[] {
  const { tokens, audiences } = options;
  return [
    {
      group,
      plural: 'tokenreviews',
      subresource: '',
      async handle({ request }) {
        const review = await readReview<TokenReview>(request, { apiVersion, kind: 'TokenReview' });
        const wanted = review.spec.audiences?.length ? review.spec.audiences : audiences;
        const result = await tokens.authenticate(review.spec.token, wanted);
        if (result.kind === 'user') {
          const status = { authenticated: true, user: userInfo(result.user), audiences: [...result.audiences] };
          return created(request, { ...review, status });
        }
        const error = result.kind === 'invalid' ? `[invalid bearer token, ${result.reason}]` : 'invalid bearer token';
        return created(request, { ...review, status: { user: {}, error } });
      },
    },
    {
      group,
      plural: 'selfsubjectreviews',
      subresource: '',
      async handle({ request, user }) {
        const expected = { apiVersion, kind: 'SelfSubjectReview' };
        const review = await readReview<SelfSubjectReview>(request, expected);
        return created(request, { ...review, status: { userInfo: userInfo(user) } });
      },
    },
  ];
}

function userInfo(user: User): UserInfo {
  const extra = Object.entries(user.extra ?? {}).map(([key, values]): [string, string[]] => [key, [...values]]);
  return {
    username: user.name,
    ...(user.uid !== undefined && { uid: user.uid }),
    groups: [...user.groups],
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

/** OpenID discovery of the token issuer (KEP-1393), by path. */
export function issuerDocuments(signer: TokenSigner): ReadonlyMap<string, () => ApiResponse> {
  const document = (type: string, value: unknown) => (): ApiResponse => ({
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' },
    body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(value)) },
  });
  const configuration = {
    issuer: signer.issuer,
    jwks_uri: `${signer.issuer.replace(/\/$/, '')}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [signer.algorithm],
  };
  return new Map([
    ['/.well-known/openid-configuration', document('application/json', configuration)],
    ['/openid/v1/jwks', document('application/jwk-set+json', { keys: [signer.jwk] })],
  ]);
}
