import { formatTime } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { AnyObject } from '../../api/object.ts';
import { ApiError, conflict, invalid, notFound } from '../../api/status.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { ServiceAccount } from '../../api/types/core-v1.ts';
import { nodes, pods, secrets, serviceAccounts } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import type { Endpoint, ResolvedRequest } from '../endpoint.ts';
import { created, readReview } from '../review-body.ts';
import type { Reference, TokenClaims, TokenSigner } from './tokens.ts';

const defaultSeconds = 3600;
const leastSeconds = 600;
/** What pods' projected tokens ask for; those live a year, and their use after this time is noted (KEP-1205). */
const projectedSeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

export interface TokenRequestOptions {
  signer: TokenSigner;
  lookup: Lookup;
  clock: Clock;
  random: Random;
  /** The API server's own: what a request that names none gets. */
  audiences: readonly string[];
  /** Asked as for any other write: nodes get tokens for their own pods only. */
  admission: readonly AdmissionPlugin[];
}

/** POST serviceaccounts/token: `kubectl create token`, and every pod's token. */
export function createTokenRequestEndpoint(options: TokenRequestOptions): Endpoint {
  const { signer, lookup, clock, random, audiences, admission } = options;
  return {
    group: '',
    plural: 'serviceaccounts',
    subresource: 'token',
    async handle(resolved) {
      const { request, namespace, name } = resolved;
      const expected = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' };
      const body = await readReview<TokenRequest>(request, expected);
      const account = await lookup.fresh(serviceAccounts, namespace, name);
      if (!account) throw notFound('', 'serviceaccounts', name);
      await admit(admission, resolved, body);
      const seconds = body.spec?.expirationSeconds ?? defaultSeconds;
      checkSeconds(seconds, name);
      const bound = await bind(lookup, body, account);
      const iat = Math.floor(clock.now() / 1000);
      const extend = bound.pod !== undefined && seconds === projectedSeconds;
      const claims: TokenClaims = {
        aud: body.spec?.audiences?.length ? body.spec.audiences : [...audiences],
        exp: iat + (extend ? extendedSeconds : seconds),
        iat,
        iss: signer.issuer,
        jti: random.uuid(),
        'kubernetes.io': {
          namespace,
          ...(bound.node && { node: bound.node }),
          ...(bound.pod && { pod: bound.pod }),
          ...(bound.secret && { secret: bound.secret }),
          serviceaccount: { name, uid: account.metadata.uid ?? '' },
          ...(extend && { warnafter: iat + seconds }),
        },
        nbf: iat,
        sub: `system:serviceaccount:${namespace}:${name}`,
      };
      return created(request, {
        ...expected,
        ...body,
        metadata: { ...body.metadata, name, namespace, creationTimestamp: formatTime(clock.now()) },
        spec: { ...body.spec, audiences: claims.aud, expirationSeconds: seconds },
        status: { token: signer.sign(claims), expirationTimestamp: formatTime((iat + seconds) * 1000) },
      });
    },
  };
}

async function admit(
  plugins: readonly AdmissionPlugin[],
  resolved: ResolvedRequest,
  body: TokenRequest,
): Promise<void> {
  const { kind, namespace, name, user } = resolved;
  const request: AdmissionRequest = {
    operation: 'CREATE',
    kind,
    subresource: 'token',
    namespace,
    name,
    object: body as unknown as AnyObject,
    old: undefined,
    user,
    dryRun: false,
    warn() {},
  };
  const asked = plugins.filter((plugin) => plugin.handles(request));
  for (const plugin of asked) await plugin.mutate?.(request);
  for (const plugin of asked) await plugin.validate?.(request);
}

function checkSeconds(seconds: number, name: string): void {
  const problem =
    seconds < leastSeconds
      ? 'may not specify a duration less than 10 minutes'
      : seconds > 2 ** 32
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (!problem) return;
  const message = `Invalid value: ${seconds}: ${problem}`;
  throw invalid('authentication.k8s.io', 'TokenRequest', name, [
    { reason: 'FieldValueInvalid', message, field: 'spec.expirationSeconds' },
  ]);
}

/** What the token shall be bound to, looked up: it must exist, and a pod must run as this account. */
async function bind(
  lookup: Lookup,
  body: TokenRequest,
  account: ServiceAccount,
): Promise<{ pod?: Reference; secret?: Reference; node?: Reference }> {
  const wanted = body.spec?.boundObjectRef;
  if (!wanted) return {};
  const { kind = '', apiVersion = '', name = '', uid } = wanted;
  const namespace = account.metadata.namespace ?? '';
  if (apiVersion !== 'v1' || !['Pod', 'Secret', 'Node'].includes(kind)) {
    throw ApiError.of('BadRequest', `cannot bind token for serviceaccount to object of type ${apiVersion}/${kind}`);
  }
  const matching = (plural: string, found: string | undefined): Reference => {
    if (found === undefined) throw notFound('', plural, name);
    if (uid && uid !== found) {
      const text = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw conflict('', plural, name, text);
    }
    return { name, uid: found };
  };
  if (kind === 'Secret') {
    return { secret: matching('secrets', (await lookup.fresh(secrets, namespace, name))?.metadata.uid) };
  }
  if (kind === 'Node') return { node: matching('nodes', (await lookup.fresh(nodes, '', name))?.metadata.uid) };
  const pod = await lookup.fresh(pods, namespace, name);
  const reference = matching('pods', pod?.metadata.uid);
  if ((pod?.spec?.serviceAccountName ?? '') !== account.metadata.name) {
    const text = `cannot bind token for serviceaccount "${account.metadata.name ?? ''}" to pod running with different serviceaccount name.`;
    throw ApiError.of('BadRequest', text);
  }
  const nodeName = pod?.spec?.nodeName;
  const node = nodeName ? await lookup.fresh(nodes, '', nodeName) : undefined;
  return { pod: reference, ...(node && { node: { name: nodeName ?? '', uid: node.metadata.uid ?? '' } }) };
}
