/**
 * What the config map of an ingress class says for all its ingresses (`spec.parameters` of networking/v1 IngressClass),
 * in the names of ingress-nginx's own config map (its documentation, "ConfigMaps"). The tables in
 * docs/ingress-annotations.md are made from it.
 */
import type { EntranceSettings } from '../entrance.ts';
import type { ServedAnnotation, ServedInfo } from './table.ts';

/** Annotations that may be a parameter of the class: they hold where an ingress does not say otherwise. */
export const defaultAnnotations: readonly ServedAnnotation[] = [
  ...(['ssl-redirect', 'force-ssl-redirect', 'relative-redirects', 'from-to-www-redirect'] as const),
  ...(['proxy-connect-timeout', 'proxy-read-timeout', 'proxy-send-timeout', 'proxy-body-size'] as const),
  ...(['proxy-next-upstream', 'proxy-next-upstream-tries', 'load-balance', 'upstream-hash-by'] as const),
  ...(['proxy-cookie-domain', 'proxy-cookie-path', 'proxy-redirect-from', 'proxy-redirect-to'] as const),
  ...(['backend-protocol', 'service-upstream', 'custom-http-errors', 'disable-proxy-intercept-errors'] as const),
  ...(['whitelist-source-range', 'allowlist-source-range', 'denylist-source-range', 'satisfy'] as const),
  ...(['limit-rps', 'limit-rpm', 'limit-burst-multiplier', 'limit-connections'] as const),
  ...(['limit-whitelist', 'limit-allowlist', 'enable-access-log'] as const),
  ...(['enable-cors', 'cors-allow-origin', 'cors-allow-methods', 'cors-allow-headers'] as const),
  ...(['cors-expose-headers', 'cors-allow-credentials', 'cors-max-age'] as const),
  ...(['affinity', 'session-cookie-name', 'session-cookie-path', 'session-cookie-domain'] as const),
  ...(['session-cookie-samesite', 'session-cookie-max-age', 'session-cookie-expires'] as const),
  ...(['session-cookie-secure', 'session-cookie-partitioned'] as const),
];

/** Parameters that stand for annotations, all together, where an ingress has no `auth-url` of its own. */
export const globalAuthorization = {
  'global-auth-url': 'auth-url',
  'global-auth-method': 'auth-method',
  'global-auth-signin': 'auth-signin',
  'global-auth-signin-redirect-param': 'auth-signin-redirect-param',
  'global-auth-response-headers': 'auth-response-headers',
  'global-auth-request-redirect': 'auth-request-redirect',
  'global-auth-cache-key': 'auth-cache-key',
  'global-auth-cache-duration': 'auth-cache-duration',
  'global-auth-always-set-cookie': 'auth-always-set-cookie',
} as const satisfies Record<string, ServedAnnotation>;

const statuses = '400, 403, 404, 408, 410, 429, 500, 502, 503, 504';
const patterns = 'texts, and expressions after ~ or, without regard to case, ~*';

/** Parameters that are no annotation. */
export const classOptions = {
  'default-backend-service': {
    values: 'NAMESPACE/SERVICE:PORT',
    effect: 'gets what no rule matches, and is asked by custom-http-errors, in place of `--ingress-default-backend`',
  },
  'default-ssl-certificate': {
    values: 'NAMESPACE/SECRET',
    effect: 'the certificate for hosts that no ingress names one for, in place of the one for localhost',
  },
  'no-tls-redirect-locations': {
    values: 'paths, divided by commas',
    effect: 'paths of rules that begin so are not redirected to TLS; default: /.well-known/acme-challenge',
  },
  'use-forwarded-headers': {
    values: 'true, false',
    effect: 'X-Forwarded-For, -Host, -Port and -Proto of requests are believed, for all ingresses; default: false',
  },
  'use-proxy-protocol': {
    values: 'true, false',
    effect: 'connections begin by saying whose they are (PROXY protocol, 1 and 2), for all ingresses; default: false',
  },
  'proxy-real-ip-cidr': {
    values: 'addresses and CIDRs',
    effect: 'whom use-forwarded-headers and use-proxy-protocol are about; others say what they like; default: all',
    mustHold: true,
  },
  'ssl-protocols': {
    values: 'TLSv1, TLSv1.1, TLSv1.2, TLSv1.3',
    effect: 'versions of TLS, for all ingresses; the first two need ciphers with @SECLEVEL=0; default: the last two',
  },
  'ssl-ciphers': {
    values: 'OpenSSL list',
    effect: "ciphers of TLS 1.2 and before, for all ingresses; default: OpenSSL's",
  },
  'http-redirect-code': {
    values: '301, 302, 307, 308',
    effect: 'of redirects to TLS, and between names with and without www, for all ingresses; default: 308',
  },
  'limit-req-status-code': {
    values: statuses,
    effect: 'the answer to requests above limit-rps and limit-rpm; default: 503',
  },
  'limit-conn-status-code': { values: statuses, effect: 'the same, above limit-connections' },
  'block-cidrs': {
    values: 'addresses and CIDRs',
    effect: 'these clients may not come (403), whatever an ingress says',
    mustHold: true,
  },
  'block-user-agents': { values: patterns, effect: 'nor who says this of itself in User-Agent (403)', mustHold: true },
  'block-referers': { values: patterns, effect: 'nor who comes from there, by Referer (403)', mustHold: true },
  hsts: { values: 'true, false', effect: 'answers over TLS have Strict-Transport-Security; default: false' },
  'hsts-max-age': { values: 'seconds', effect: 'for how long; default: 15724800' },
  'hsts-include-subdomains': { values: 'true, false', effect: 'default: true' },
  'hsts-preload': { values: 'true, false', effect: 'default: false' },
  'hide-headers': { values: 'headers', effect: 'of answers of services, which clients do not get', mustHold: true },
  'add-headers': {
    values: 'NAMESPACE/config map',
    effect: 'its headers are those of every answer, without variables; custom-headers comes after it',
    mustHold: true,
  },
  'proxy-set-headers': {
    values: 'NAMESPACE/config map',
    effect: 'its headers are those of every request, with variables',
    mustHold: true,
  },
  'use-gzip': { values: 'true, false', effect: 'answers of gzip-types are compressed for who takes that' },
  'gzip-types': { values: 'media types', effect: "beside text/html; default: ingress-nginx's" },
  'retry-non-idempotent': { values: 'true, false', effect: 'true: POST, PATCH and others are tried again as well' },
  'disable-access-log': { values: 'true, false', effect: 'true: requests are not written to the access log' },
} as const satisfies Record<string, ServedInfo>;

export type ClassOption = keyof typeof classOptions;

/** Parameters that hold for all ingresses, of whatever class. */
export const entranceParameters = {
  trustsForwarded: 'use-forwarded-headers',
  speaksProxy: 'use-proxy-protocol',
  trustedProxies: 'proxy-real-ip-cidr',
  redirectCode: 'http-redirect-code',
  versions: 'ssl-protocols',
  ciphers: 'ssl-ciphers',
} as const satisfies Record<keyof EntranceSettings, ClassOption>;

/** Parameters that may keep people out in ways that are not known here: ingresses of the class are not served. */
export const refusedParameters: Readonly<Record<string, string>> = {
  'enable-modsecurity': 'there is no ModSecurity',
  'enable-owasp-modsecurity-crs': 'there is no ModSecurity',
  'global-auth-snippet': "nginx's own configuration",
  'global-rate-limit-memcached-host': 'use limit-rps',
  'http-snippet': "nginx's own configuration",
  'location-snippet': "nginx's own configuration",
  'main-snippet': "nginx's own configuration",
  'modsecurity-snippet': 'there is no ModSecurity',
  'server-snippet': "nginx's own configuration",
  'stream-snippet': "nginx's own configuration",
};

/** Parameters whose names sound like protection and that are none without others. */
export const harmlessParameters: ReadonlySet<string> = new Set([
  ...['allow-snippet-annotations', 'annotation-value-word-blocklist', 'limit-conn-zone-variable', 'limit-rate'],
  ...['limit-rate-after', 'no-auth-locations', 'nginx-status-ipv4-whitelist', 'nginx-status-ipv6-whitelist'],
  ...['global-rate-limit-memcached-connect-timeout', 'global-rate-limit-memcached-max-idle-timeout'],
  ...['global-rate-limit-memcached-pool-size', 'global-rate-limit-memcached-port', 'global-rate-limit-status-code'],
]);

/**
 * Parameters are put among the annotations of an ingress with this before their names, which no annotation of an object
 * can have (a qualified name has no colon).
 */
export const parameterPrefix = 'class:';

/** Among the annotations of an ingress: why what its class says cannot be heeded. */
export const refusalKey = `${parameterPrefix}refused`;
