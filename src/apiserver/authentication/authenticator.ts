import { ApiError } from '../../api/status.ts';
import type { Authenticator } from '../authentication.ts';
import type { ApiRequest, RequestContext, User } from '../handler.ts';
import { impersonate, wantsImpersonation } from './impersonation.ts';
import type { Authorizer } from '../authorization.ts';
import type { TokenAuthenticator } from './service-account-authenticator.ts';

/** Client certificates whose users are remembered before the memory starts over. */
const certificateLimit = 4096;

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Client certificate (or a user that the transport knows), then bearer token, then nobody; last, whoever that is may
 * ask to act as somebody else. The same credentials give the same User object, so that what others keep about a user
 * is found at once.
 */
export function createAuthenticator(options: {
  tokens: TokenAuthenticator;
  audiences: readonly string[];
  authorize: Authorizer;
}): Authenticator {
  const { tokens, audiences, authorize } = options;
  const byCertificate = new Map<string, User>();

  const identify = (request: ApiRequest, context: RequestContext): Promise<User | undefined> | User | undefined => {
    if (context.user) return context.user;
    const certificate = context.clientCertificate;
    if (certificate) {
      let user = byCertificate.get(certificate.fingerprint);
      if (!user) {
        if (byCertificate.size >= certificateLimit) byCertificate.clear();
        byCertificate.set(certificate.fingerprint, (user = certificateUser(certificate)));
      }
      return user;
    }
    const token = bearerToken(request);
    return token === undefined ? undefined : tokenUser(tokens, token, audiences);
  };

  return (request, context) => {
    const user = identify(request, context);
    if (!wantsImpersonation(request)) return user;
    return Promise.resolve(user).then((known) => impersonate({ request, user: known ?? anonymous, authorize }));
  };
}

async function tokenUser(tokens: TokenAuthenticator, token: string, audiences: readonly string[]): Promise<User> {
  const result = await tokens.authenticate(token, audiences);
  if (result.kind === 'user') return result.user;
  throw ApiError.of('Unauthorized', 'Unauthorized');
}

function certificateUser(certificate: NonNullable<RequestContext['clientCertificate']>): User {
  return {
    name: certificate.commonName,
    groups: [...certificate.organizations, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.fingerprint}`] },
  };
}

/**
 * `Authorization: Bearer …`, or for browsers' WebSockets a subprotocol
 * `base64url.bearer.authorization.k8s.io.<token>`.
 */
function bearerToken(request: ApiRequest): string | undefined {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  if (match) return match[1];
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const protocols = request.headers['sec-websocket-protocol']?.split(/ *, */) ?? [];
  const carried = protocols.find((protocol) => protocol.startsWith(prefix));
  return carried && Buffer.from(carried.slice(prefix.length), 'base64url').toString();
}
