import type { Client, Resource } from '../client/client.ts';
import type { TokenReview } from '../api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '../api/types/authorization-v1.ts';

/** Who calls the node's server: from a verified client certificate, or a bearer token still to be looked at. */
export interface Caller {
  certificate?: { commonName: string; organizations: readonly string[] };
  token?: string;
}

export type Access = 'allowed' | 'forbidden' | 'unauthenticated';

const apiServer = 'kube-apiserver-kubelet-client';
const trustedGroups = ['system:masters', 'kubeadm:cluster-admins'];

const tokenReviews: Resource<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};
const accessReviews: Resource<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

/**
 * The API server and administrators may do everything; anybody else is asked about at the API server (TokenReview and
 * SubjectAccessReview on `nodes/<subresource>`), as a kubelet with webhook mode does. Without a client they are turned
 * away.
 */
export async function checkAccess(options: {
  caller: Caller;
  method: string;
  path: string;
  nodeName: string;
  client: Client | undefined;
}): Promise<Access> {
  const { caller, method, path, nodeName, client } = options;
  const { certificate, token } = caller;
  if (certificate && isTrusted(certificate)) return 'allowed';
  if (!client || (!certificate && token === undefined)) return certificate ? 'forbidden' : 'unauthenticated';
  const user = certificate
    ? { username: certificate.commonName, groups: [...certificate.organizations, 'system:authenticated'] }
    : await tokenUser(client, token ?? '');
  if (!user) return 'unauthenticated';
  for (const subresource of subresourcesOf(path)) {
    const review = await client.create(accessReviews, {
      metadata: {},
      spec: {
        user: user.username ?? '',
        groups: user.groups ?? [],
        resourceAttributes: { verb: verbOf(method), version: 'v1', resource: 'nodes', subresource, name: nodeName },
      },
    });
    if (review.status?.allowed) return 'allowed';
  }
  return 'forbidden';
}

function isTrusted(certificate: NonNullable<Caller['certificate']>): boolean {
  return certificate.commonName === apiServer || certificate.organizations.some((name) => trustedGroups.includes(name));
}

async function tokenUser(client: Client, token: string): Promise<{ username?: string; groups?: string[] } | undefined> {
  const review = await client.create(tokenReviews, { metadata: {}, spec: { token } });
  return review.status?.authenticated ? review.status.user : undefined;
}

function verbOf(method: string): string {
  const verbs: Record<string, string> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch' };
  return verbs[method] ?? 'delete';
}

/** Fine-grained subresources first, `proxy` as what covers all (reference/access-authn-authz/kubelet-authn-authz). */
function subresourcesOf(path: string): string[] {
  if (/^\/stats(\/|$)/.test(path)) return ['stats'];
  if (/^\/metrics(\/|$)/.test(path)) return ['metrics'];
  if (/^\/logs(\/|$)/.test(path)) return ['log'];
  const fine = /^\/(configz|healthz|pods)(\/|$)/.exec(path)?.[1];
  return fine ? [fine, 'proxy'] : ['proxy'];
}
