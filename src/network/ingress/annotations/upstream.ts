import type { BackendSettings, Balance, CookieAffinity, EndpointTls } from '../settings.ts';
import type { AnnotationValues } from './values.ts';
import { readCiphers } from './entrance.ts';

type UpstreamSettings = Pick<BackendSettings, 'endpointTls' | 'timeouts' | 'retries' | 'affinity'> & {
  /** Undefined: as the service says. */
  balance?: Balance;
  protocol?: BackendSettings['protocol'];
};

/** How requests get to the endpoints. */
export function readUpstream(values: AnnotationValues): UpstreamSettings {
  const protocol = readProtocol(values);
  const endpointTls = readEndpointTls(values);
  const balance = readBalance(values);
  const timeouts = readTimeouts(values);
  const retries = readRetries(values);
  const affinity = readAffinity(values);
  return {
    ...(balance && { balance }),
    ...(protocol && { protocol }),
    ...((protocol === 'https' || protocol === 'h2') && endpointTls && { endpointTls }),
    ...(timeouts && { timeouts }),
    ...(retries && { retries }),
    ...(affinity && { affinity }),
  };
}

const protocols = {
  ...({ HTTP: 'http', HTTPS: 'https', GRPC: 'h2c', GRPCS: 'h2', FCGI: 'fcgi', AUTO_HTTP: 'http' } as const),
};

function readProtocol(values: AnnotationValues): BackendSettings['protocol'] | undefined {
  if (values.flag('ssl-passthrough') === true) return 'tcp';
  const name = values.choice('backend-protocol', ['HTTP', 'HTTPS', 'GRPC', 'GRPCS', 'FCGI', 'AUTO_HTTP']);
  return name && protocols[name];
}

export const hostName = /[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,126}/i;

/** The secret's part comes when it has been read: see {@link wantedEndpointSecret}. */
function readEndpointTls(values: AnnotationValues): EndpointTls | undefined {
  const name = values.word('proxy-ssl-name', hostName, 'a host')?.toLowerCase();
  const sends = values.onOff('proxy-ssl-server-name') ?? false;
  const serverName = sends ? (name === undefined ? 'host' : { name }) : undefined;
  const versions = values.word('proxy-ssl-protocols', /TLSv1(\.[123])?( +TLSv1(\.[123])?)*/, 'TLSv1.2 or TLSv1.3');
  const sorted = versions
    ?.split(/ +/)
    .map((version) => (version === 'TLSv1' ? 'TLSv1.0' : version))
    .toSorted();
  const ciphers = readCiphers(values, 'proxy-ssl-ciphers');
  const verifiedName = values.onOff('proxy-ssl-verify') ? name : undefined;
  return {
    ...(serverName !== undefined && { serverName }),
    ...(verifiedName !== undefined && { verifiedName }),
    ...(sorted && { minVersion: sorted[0] as string, maxVersion: sorted.at(-1) as string }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

/** `namespace/name` of the secret for TLS to the endpoints, in the ingress's own namespace, and whether it must verify. */
export function wantedEndpointSecret(
  values: AnnotationValues,
  namespace: string,
): { secretName?: string; verifies: boolean } {
  const verifies = values.onOff('proxy-ssl-verify') ?? false;
  const secretName = values.objectIn(namespace, 'proxy-ssl-secret', 'a secret');
  if (secretName === undefined) {
    if (verifies) values.wrong('proxy-ssl-verify', 'needs proxy-ssl-secret with a ca.crt');
    return { verifies };
  }
  return { secretName, verifies };
}

function readTimeouts(values: AnnotationValues): BackendSettings['timeouts'] | undefined {
  const connectSeconds = values.seconds('proxy-connect-timeout');
  const server = [values.seconds('proxy-read-timeout'), values.seconds('proxy-send-timeout')];
  const serverSeconds = Math.max(...server.map((each) => each ?? 0));
  if (connectSeconds === undefined && serverSeconds === 0) return undefined;
  return { ...(connectSeconds !== undefined && { connectSeconds }), ...(serverSeconds > 0 && { serverSeconds }) };
}

/** nginx's reasons to try the next server, and HAProxy's (`retry-on`). */
const retryReasons: Readonly<Record<string, readonly string[]>> = {
  error: ['conn-failure', 'empty-response'],
  timeout: ['response-timeout'],
  invalid_header: ['junk-response'],
  http_403: ['403'],
  http_404: ['404'],
  http_500: ['500'],
  http_502: ['502'],
  http_503: ['503'],
  http_504: ['504'],
};

function readRetries(values: AnnotationValues): BackendSettings['retries'] | undefined {
  const tries = values.number('proxy-next-upstream-tries', { min: 1, max: 100 });
  const words = values.text('proxy-next-upstream')?.split(/[\s,]+/);
  if (words?.includes('off')) return { count: 0 };
  const unknown = words?.filter((word) => word !== 'non_idempotent' && !Object.hasOwn(retryReasons, word)) ?? [];
  if (unknown.length > 0)
    values.wrong('proxy-next-upstream', `has reasons that HAProxy does not know (${unknown.join(', ')})`);
  const after = [
    ...new Set(words?.flatMap((word) => (Object.hasOwn(retryReasons, word) ? (retryReasons[word] ?? []) : []))),
  ];
  const isUnsafe = words?.includes('non_idempotent') || values.flag('retry-non-idempotent') === true;
  if (tries === undefined && after.length === 0 && !isUnsafe) return undefined;
  return {
    ...(tries !== undefined && { count: tries - 1 }),
    ...(after.length > 0 && { after }),
    ...(isUnsafe && { unsafe: true as const }),
  };
}

const balances = {
  round_robin: 'round-robin',
  ewma: 'least-connections',
  least_conn: 'least-connections',
  ip_hash: 'source-hash',
  random: 'random',
} as const;

function readBalance(values: AnnotationValues): Balance | undefined {
  const of = values.template('upstream-hash-by', { groups: false });
  if (of) return { kind: 'hash', of };
  const name = values.choice('load-balance', ['round_robin', 'ewma', 'least_conn', 'ip_hash', 'random']);
  return name && { kind: balances[name] };
}

const cookieText = /[A-Za-z0-9_./~-]+/;

function readAffinity(values: AnnotationValues): CookieAffinity | undefined {
  if (values.choice('affinity', ['cookie']) === undefined) return undefined;
  values.choice('affinity-mode', ['balanced', 'persistent']);
  const name = values.word('session-cookie-name', /[A-Za-z0-9_-]{1,64}/, 'a name of letters, digits, _ and -');
  const path = values.word('session-cookie-path', cookieText, 'a path');
  const domain = values.word('session-cookie-domain', /[A-Za-z0-9.-]+/, 'a domain');
  const sameSite = values.choice('session-cookie-samesite', ['Strict', 'Lax', 'None']);
  const ages = { min: 0, max: 1_000_000_000 };
  const maxAgeSeconds = values.number('session-cookie-max-age', ages);
  const expiresSeconds = values.number('session-cookie-expires', ages);
  return {
    name: name ?? 'INGRESSCOOKIE',
    ...(path !== undefined && { path }),
    ...(domain !== undefined && { domain }),
    ...(sameSite && { sameSite }),
    // Browsers refuse one for all sites that is not.
    secure: values.flag('session-cookie-secure') ?? sameSite === 'None',
    ...(values.flag('session-cookie-partitioned') && { partitioned: true as const }),
    coversCanaries: values.choice('affinity-canary-behavior', ['sticky', 'legacy']) !== 'legacy',
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
    ...(expiresSeconds !== undefined && { expiresSeconds }),
  };
}
