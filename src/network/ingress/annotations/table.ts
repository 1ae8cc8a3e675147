/**
 * Every annotation of ingress-nginx (its documentation, "Annotations") and what it does here. The table in
 * docs/ingress.md is made from it, and so is the output of `timonel ingress annotations`.
 */

export const annotationPrefix = 'nginx.ingress.kubernetes.io/';

export interface ServedInfo {
  /** What may be written. */
  values: string;
  effect: string;
  /** It protects something: an ingress whose value is not understood is not served. */
  mustHold?: true;
}

const flag = 'true, false';
const ranges = 'addresses and CIDRs';
const seconds = 'seconds';

export const servedAnnotations = {
  'rewrite-target': {
    values: 'path with $1 to $9',
    effect: 'replaces the path; the paths of the ingress are regular expressions',
    mustHold: true,
  },
  'use-regex': { values: flag, effect: 'paths are regular expressions without regard to case, longer ones first' },
  'app-root': { values: 'path', effect: '`/` is redirected there (302)' },
  'ssl-redirect': { values: flag, effect: 'hosts with TLS redirect to it (308); default: true' },
  'force-ssl-redirect': { values: flag, effect: 'redirects to TLS always (308)', mustHold: true },
  'permanent-redirect': { values: 'address', effect: 'redirects every request (301)', mustHold: true },
  'permanent-redirect-code': { values: '301, 302, 303, 307, 308', effect: 'the code of it' },
  'temporal-redirect': { values: 'address', effect: 'redirects every request (302)', mustHold: true },
  'temporal-redirect-code': { values: '301, 302, 303, 307, 308', effect: 'the code of it' },
  'relative-redirects': { values: flag, effect: 'true: redirects to paths do not name scheme and host' },
  'from-to-www-redirect': {
    values: flag,
    effect: 'the name with, or without, `www.` redirects to that of the rule (308)',
  },
  'server-alias': { values: 'hosts', effect: 'more names for the hosts of the rules' },
  'default-backend': { values: 'service', effect: 'gets the requests while the service of a path has no endpoints' },
  'custom-http-errors': {
    values: '300 to 599',
    effect:
      'answers of these statuses are replaced by what default-backend (else that of the cluster) says about them, up to 13 KB',
  },
  'disable-proxy-intercept-errors': { values: flag, effect: 'true: custom-http-errors does not count' },
  'custom-headers': {
    values: 'config map, NAMESPACE/config map',
    effect: 'its headers are those of every answer, without variables',
    mustHold: true,
  },
  'upstream-vhost': { values: 'host', effect: 'the Host header that the service sees' },
  'x-forwarded-prefix': { values: 'path', effect: 'the header X-Forwarded-Prefix' },
  'enable-access-log': { values: flag, effect: 'false: requests are not written to the access log' },

  'mirror-target': {
    values: 'address',
    effect:
      'gets copies of the requests, of a service or a host as for auth-url, and its answers are dropped; of the methods GET, HEAD, POST, PUT and DELETE',
  },
  'mirror-host': { values: 'host', effect: 'the Host header of the copies; default: that of mirror-target' },
  'mirror-request-body': {
    values: 'on, off',
    effect:
      'copies of requests have their bodies; requests with one of more than about 15 KB or of a length that they do not say are not copied then; default: on',
  },
  'proxy-cookie-domain': { values: 'domain domain, off', effect: 'in cookies of answers, the second for the first' },
  'proxy-cookie-path': { values: 'path path, off', effect: 'the same at the beginning of their paths' },
  'proxy-redirect-from': {
    values: 'text, default, off',
    effect: 'what Location and Refresh of answers begin with becomes proxy-redirect-to',
  },
  'proxy-redirect-to': { values: 'text, off', effect: 'the other half; nothing is changed without both' },

  'backend-protocol': {
    values: 'HTTP, HTTPS, GRPC, GRPCS, FCGI, AUTO_HTTP',
    effect: 'what the endpoints speak; GRPC is HTTP/2 in clear, FCGI is FastCGI, AUTO_HTTP is HTTP',
    mustHold: true,
  },
  'fastcgi-index': { values: 'file', effect: 'the script of paths that end with a slash' },
  'fastcgi-params-configmap': {
    values: 'config map, NAMESPACE/config map',
    effect:
      'more parameters of FastCGI, with variables, $fastcgi_script_name too; SCRIPT_FILENAME is the path without it',
    mustHold: true,
  },
  'service-upstream': { values: flag, effect: "requests go to the service's address and not to its endpoints" },
  'ssl-passthrough': {
    values: flag,
    effect: 'TLS connections for the hosts go to the service of their path `/` as they are',
    mustHold: true,
  },
  'proxy-ssl-secret': {
    values: 'secret, NAMESPACE/secret',
    effect: 'certificate shown to the endpoints (tls.crt, tls.key), and the CA that theirs must be of (ca.crt)',
    mustHold: true,
  },
  'proxy-ssl-verify': { values: 'on, off', effect: "checks the endpoints' certificates; default: off", mustHold: true },
  'proxy-ssl-name': { values: 'host', effect: "the name in the endpoints' certificates", mustHold: true },
  'proxy-ssl-server-name': { values: 'on, off', effect: 'sends the name (SNI): proxy-ssl-name, or the host' },
  'proxy-ssl-protocols': {
    values: 'TLSv1.2 TLSv1.3',
    effect: 'the oldest and the newest to the endpoints',
    mustHold: true,
  },
  'proxy-ssl-ciphers': { values: 'OpenSSL list', effect: 'ciphers of TLS 1.2 to the endpoints', mustHold: true },
  'proxy-connect-timeout': { values: seconds, effect: 'of connecting to an endpoint; default: 5' },
  'proxy-read-timeout': {
    values: seconds,
    effect: 'of silence of an endpoint; default: 60, of WebSockets an hour (longer ones count for them too)',
  },
  'proxy-send-timeout': { values: seconds, effect: 'the same; the longer one of both counts' },
  'proxy-next-upstream': {
    values: 'error, timeout, invalid_header, http_403, http_404, http_500, http_502 to http_504, non_idempotent, off',
    effect: 'when another endpoint is tried; default: error',
  },
  'proxy-next-upstream-tries': { values: '1 to 100', effect: 'attempts in all; default: 4' },
  'load-balance': {
    values: 'round_robin, ewma, least_conn, ip_hash, random',
    effect: 'how requests are spread; ewma is least_conn here. Else as the service says (`timonel.dev/load-balancing`)',
  },
  'upstream-hash-by': { values: 'text with variables', effect: 'spreads by a consistent hash of it' },
  affinity: { values: 'cookie', effect: 'visitors stay with their endpoint as long as it is there' },
  'affinity-mode': { values: 'balanced, persistent', effect: 'both: until the endpoint goes' },
  'affinity-canary-behavior': {
    values: 'sticky, legacy',
    effect: 'sticky (default): visitors stay in or out of a canary',
  },
  'session-cookie-name': { values: 'name', effect: 'default: INGRESSCOOKIE' },
  'session-cookie-path': { values: 'path', effect: 'default: the path of the rule, and / where it is an expression' },
  'session-cookie-domain': { values: 'domain', effect: 'of the cookie' },
  'session-cookie-samesite': { values: 'None, Lax, Strict', effect: 'of the cookie' },
  'session-cookie-max-age': { values: seconds, effect: 'of the cookie; default: the session' },
  'session-cookie-expires': { values: seconds, effect: 'the same as a date, for browsers of old' },
  'session-cookie-secure': {
    values: flag,
    effect: 'the cookie is sent over TLS alone; one that is given over TLS always is',
  },
  'session-cookie-partitioned': {
    values: flag,
    effect: 'browsers keep the cookie for each site that it is set within',
  },

  canary: {
    values: flag,
    effect: 'takes a part of the requests of the ingress with the same host and path',
    mustHold: true,
  },
  'canary-weight': { values: '0 to canary-weight-total', effect: 'how many of canary-weight-total requests' },
  'canary-weight-total': { values: 'number', effect: 'default: 100' },
  'canary-by-header': { values: 'header', effect: '`always` is the canary, `never` is not' },
  'canary-by-header-value': { values: 'text', effect: 'the value that is the canary, instead' },
  'canary-by-header-pattern': { values: 'regular expression', effect: 'of the values that are the canary, instead' },
  'canary-by-cookie': { values: 'cookie', effect: '`always` is the canary, `never` is not' },

  'whitelist-source-range': { values: ranges, effect: 'only these clients may come (403)', mustHold: true },
  'allowlist-source-range': { values: ranges, effect: 'the same', mustHold: true },
  'denylist-source-range': { values: ranges, effect: 'these clients may not come (403)', mustHold: true },
  satisfy: {
    values: 'all, any',
    effect: 'any: who is allowed by address, brings a password or is let in by auth-url needs none of the others',
    mustHold: true,
  },
  'auth-type': { values: 'basic', effect: 'asks for a name and a password (401)', mustHold: true },
  'auth-secret': {
    values: 'secret',
    effect: 'its users: hashes of MD5 (htpasswd), SHA, SSHA, bcrypt to cost 10, SHA-256 and SHA-512 crypt',
    mustHold: true,
  },
  'auth-secret-type': {
    values: 'auth-file, auth-map',
    effect: 'key `auth` as htpasswd writes it, or a key for each user',
    mustHold: true,
  },
  'auth-realm': { values: 'text', effect: 'what the browser says' },
  'auth-url': {
    values: 'address',
    effect:
      'is asked about each request, which passes after a 2xx; the host is that of a service (`web.ns.svc.cluster.local`), ' +
      '`$host`, or one that an ingress serves; 401 and 403 are passed on, all else is 500',
    mustHold: true,
  },
  'auth-method': { values: 'GET, HEAD, POST, PUT, DELETE', effect: 'of asking; default: GET', mustHold: true },
  'auth-signin': { values: 'address', effect: 'who gets a 401 is redirected there (302)', mustHold: true },
  'auth-signin-redirect-param': { values: 'name', effect: 'of the argument with the way back; default: rd' },
  'auth-response-headers': {
    values: 'headers',
    effect: 'of the answer to auth-url, for the service; those of the client are dropped',
    mustHold: true,
  },
  'auth-request-redirect': { values: 'text with variables', effect: 'X-Auth-Request-Redirect in asking' },
  'auth-always-set-cookie': { values: flag, effect: 'cookies of the answer to auth-url go into errors, too' },
  'auth-cache-key': {
    values: 'text with variables',
    effect: 'answers of auth-url count for all requests to the same host and service that have the same key',
  },
  'auth-cache-duration': {
    values: 'statuses and times',
    effect:
      'how long, unless their Cache-Control says so; those with Set-Cookie, Vary or Expires are not kept; default: 200 202 401 5m',
  },
  'enable-global-auth': {
    values: flag,
    effect: 'false: without the global-auth-url of the class, which else holds where there is no auth-url',
    mustHold: true,
  },
  'auth-tls-secret': {
    values: 'NAMESPACE/secret',
    effect:
      "clients need a certificate of its ca.crt (400); for the hosts of the rules; the namespace is the ingress's",
    mustHold: true,
  },
  'auth-tls-verify-client': {
    values: 'on, off, optional, optional_no_ca',
    effect: 'optional: or none; optional_no_ca: the service judges, by ssl-client-verify; default: on',
    mustHold: true,
  },
  'auth-tls-match-cn': {
    values: 'CN= and an expression',
    effect: "of the subject of clients' certificates (403)",
    mustHold: true,
  },
  'auth-tls-error-page': { values: 'address', effect: 'who gets the 400 is redirected there (302)' },
  'auth-tls-pass-certificate-to-upstream': { values: flag, effect: 'the header ssl-client-cert' },
  'limit-rps': {
    values: 'number',
    effect: 'requests of a client address each second, on average (503)',
    mustHold: true,
  },
  'limit-rpm': { values: 'number', effect: 'the same, each minute', mustHold: true },
  'limit-burst-multiplier': {
    values: 'number',
    effect: 'how many times as many may come at once; default: 5',
    mustHold: true,
  },
  'limit-connections': {
    values: 'number',
    effect: 'requests of a client address at the same time (503)',
    mustHold: true,
  },
  'limit-whitelist': { values: ranges, effect: 'whom the limits do not hold for', mustHold: true },
  'limit-allowlist': { values: ranges, effect: 'the same', mustHold: true },
  'proxy-body-size': {
    values: '8m, 512k, 1g; 0: any',
    effect: 'longer bodies are refused (413), and so are bodies that do not say how long they are (411); default: any',
    mustHold: true,
  },
  'enable-cors': {
    values: flag,
    effect: 'answers OPTIONS of these origins (204), and sends the headers of CORS with every answer to them',
  },
  'cors-allow-origin': { values: 'origins', effect: '`*`, exact ones, or with `*.` for one label; default: `*`' },
  'cors-allow-methods': { values: 'methods', effect: 'default: GET, PUT, POST, DELETE, PATCH, OPTIONS' },
  'cors-allow-headers': { values: 'headers', effect: "default: ingress-nginx's" },
  'cors-expose-headers': { values: 'headers', effect: 'default: none' },
  'cors-allow-credentials': { values: flag, effect: 'default: true' },
  'cors-max-age': { values: seconds, effect: 'default: 1728000' },
} as const satisfies Record<string, ServedInfo>;

export type ServedAnnotation = keyof typeof servedAnnotations;

/** Harmless ones that nothing comes of: an event says so. */
export const annotationsWithoutEffect: Readonly<Record<string, string>> = {
  'auth-keepalive': 'connections to auth-url are not kept',
  'auth-keepalive-requests': 'connections to auth-url are not kept',
  'auth-keepalive-share-vars': 'connections to auth-url are not kept',
  'auth-keepalive-timeout': 'connections to auth-url are not kept',
  'auth-tls-verify-depth': 'chains are checked to their end',
  'client-body-buffer-size': 'bodies are passed on as they come',
  'connection-proxy-header': 'HAProxy chooses',
  'enable-influxdb': 'there is no InfluxDB to write to',
  'enable-opentelemetry': 'there is no tracing',
  'enable-opentracing': 'there is no tracing',
  'enable-rewrite-log': 'there is no such log',
  'http2-push-preload': 'browsers no longer take pushes',
  'influxdb-host': 'there is no InfluxDB to write to',
  'influxdb-measurement': 'there is no InfluxDB to write to',
  'influxdb-port': 'there is no InfluxDB to write to',
  'influxdb-server-name': 'there is no InfluxDB to write to',
  'limit-rate': 'the speed of answers is not limited',
  'limit-rate-after': 'the speed of answers is not limited',
  'opentelemetry-operation-name': 'there is no tracing',
  'opentelemetry-trust-incoming-span': 'there is no tracing',
  'opentracing-trust-incoming-span': 'there is no tracing',
  'preserve-trailing-slash': 'slashes at the end are left as they are',
  'proxy-buffer-size': 'answers are passed on as they come',
  'proxy-buffering': 'answers are passed on as they come',
  'proxy-buffers-number': 'answers are passed on as they come',
  'proxy-busy-buffers-size': 'answers are passed on as they come',
  'proxy-http-version': 'HTTP/1.1, or what backend-protocol says',
  'proxy-max-temp-file-size': 'answers are passed on as they come',
  'proxy-next-upstream-timeout': 'proxy-next-upstream-tries has',
  'proxy-request-buffering': 'bodies are passed on as they come',
  'proxy-ssl-verify-depth': 'chains are checked to their end',
  'session-cookie-change-on-failure': 'another endpoint means another cookie',
  'session-cookie-conditional-samesite-none': 'browsers that need it are gone',
  'session-cookie-hash': 'cookies are made from the address of the endpoint',
  'ssl-ciphers': "TLS 1.2 and later, with OpenSSL's choice of ciphers",
  'ssl-prefer-server-ciphers': "TLS 1.2 and later, with OpenSSL's choice of ciphers",
  'upstream-hash-by-subset': 'one endpoint is chosen',
  'upstream-hash-by-subset-size': 'one endpoint is chosen',
  'use-port-in-redirects': 'redirects have the port that the client wrote',
  'websocket-services': 'every service may speak WebSocket',
};

/** What may keep people out in ways that are not known here: an ingress with one of these is not served. */
export const refusedAnnotations: Readonly<Record<string, string>> = {
  'auth-proxy-set-headers': 'auth-url gets the headers of the request',
  'auth-snippet': "nginx's own configuration",
  'configuration-snippet': "nginx's own configuration",
  'enable-modsecurity': 'there is no ModSecurity',
  'enable-owasp-core-rules': 'there is no ModSecurity',
  'global-rate-limit': 'use limit-rps',
  'global-rate-limit-ignored-cidrs': 'use limit-allowlist',
  'global-rate-limit-key': 'use limit-rps',
  'global-rate-limit-window': 'use limit-rps',
  'modsecurity-snippet': 'there is no ModSecurity',
  'modsecurity-transaction-id': 'there is no ModSecurity',
  'server-snippet': "nginx's own configuration",
  'stream-snippet': "nginx's own configuration",
};
