import { literalFormat, word } from '../haproxy/quote.ts';
import { authorizeLines } from './authorize-text.ts';
import { blockLines, classAnswerLines, requestHeaderLines } from './class-text.ts';
import { clientLines } from './client-text.ts';
import { errorLines, standInLines } from './error-text.ts';
import { escapeExpression } from './expression.ts';
import { fastCgiLines } from './fastcgi-text.ts';
import { mirrorLines } from './mirror-text.ts';
import type { Answers, BackendSettings, Balance, Cors, EndpointTls, Replacement, Template } from './settings.ts';
import { replacementWord, templateWord } from './template-text.ts';

/** The lines of a backend's section, its servers apart, each indented by two blanks. */
export function backendLines(name: string, settings: BackendSettings): string[] {
  const lines =
    settings.protocol === 'tcp'
      ? tcpLines(settings)
      : [
          ...balanceLines(settings.balance),
          ...fastCgiLines(name, settings),
          ...timeoutLines(settings),
          ...affinityLines(name, settings),
          ...(settings.unlogged ? ['http-request set-log-level silent'] : []),
          ...addressLines(settings),
          ...blockLines(settings),
          ...limitLines(settings),
          ...corsLines(settings.cors),
          ...clientLines(settings),
          ...authLines(settings),
          ...authorizeLines(settings),
          ...bodyLines(settings),
          ...redirects(settings),
          ...mirrorLines(settings),
          ...errorLines(settings),
          ...standInLines(settings),
          ...changes(settings),
          ...requestHeaderLines(settings),
          ...classAnswerLines(settings),
          ...answerLines(settings.answers),
          ...headerLines(settings),
        ];
  return lines.map((line) => `  ${line}`);
}

/** What follows address and port of each server. Files are relative to the proxy's directory. */
export function serverOptions({ protocol, endpointTls = {} }: BackendSettings): string {
  switch (protocol) {
    case 'http':
    case 'tcp':
      return '';
    case 'h2c':
      return ' proto h2';
    case 'fcgi':
      return ' proto fcgi';
    case 'https':
      return ` ssl alpn http/1.1${tlsOptions(endpointTls)}`;
    case 'h2':
      return ` ssl alpn h2${tlsOptions(endpointTls)}`;
  }
}

function tlsOptions(tls: EndpointTls): string {
  const { certificate, authority, serverName, verifiedName, minVersion, maxVersion, ciphers } = tls;
  const options = [
    authority === undefined ? 'verify none' : `verify required ca-file ${authority}`,
    ...(certificate === undefined ? [] : [`crt ${certificate}`]),
    ...(serverName === 'host' ? ['sni req.hdr(host),field(1,:)'] : []),
    ...(typeof serverName === 'object' ? [`sni str(${serverName.name})`] : []),
    ...(verifiedName === undefined ? [] : [`verifyhost ${verifiedName}`]),
    ...(minVersion === undefined ? [] : [`ssl-min-ver ${minVersion}`]),
    ...(maxVersion === undefined ? [] : [`ssl-max-ver ${maxVersion}`]),
    ...(ciphers === undefined ? [] : [`ciphers ${ciphers}`]),
  ];
  return ` ${options.join(' ')}`;
}

function tcpLines({ balance, allow, deny, blocked = {} }: BackendSettings): string[] {
  return [
    'mode tcp',
    ...balanceLines(balance.kind === 'hash' ? { kind: 'round-robin' } : balance),
    ...timeoutLines({ timeouts: { serverSeconds: 24 * 3600 } }),
    ...addressSet('denied', deny),
    ...addressSet('allowed', allow),
    ...addressSet('blocked', blocked.addresses),
    ...(blocked.addresses ? ['tcp-request content reject if blocked'] : []),
    ...(deny ? ['tcp-request content reject if denied'] : []),
    ...(allow ? ['tcp-request content reject unless allowed'] : []),
  ];
}

function balanceLines(balance: Balance): string[] {
  switch (balance.kind) {
    case 'round-robin':
      return ['balance roundrobin'];
    case 'least-connections':
      return ['balance leastconn'];
    case 'random':
      return ['balance random'];
    case 'source-hash':
      return ['balance source', 'hash-type consistent'];
    case 'hash':
      return [
        `http-request set-var-fmt(txn.hash) ${templateWord(balance.of)}`,
        'balance hash var(txn.hash)',
        'hash-type consistent',
      ];
  }
}

function timeoutLines({ timeouts = {}, retries = {} }: Pick<BackendSettings, 'timeouts' | 'retries'>): string[] {
  const { connectSeconds, serverSeconds } = timeouts;
  return [
    ...(connectSeconds === undefined ? [] : [`timeout connect ${connectSeconds}s`]),
    ...(serverSeconds === undefined ? [] : [`timeout server ${serverSeconds}s`]),
    ...(serverSeconds !== undefined && serverSeconds > 3600 ? [`timeout tunnel ${serverSeconds}s`] : []),
    ...(retries.count === undefined ? [] : [`retries ${retries.count}`]),
    // Else a copy of each request is kept in vain.
    ...(retries.count === 0 ? ['retry-on none'] : []),
    ...(retries.after && retries.count !== 0 ? [`retry-on ${retries.after.join(' ')}`] : []),
  ];
}

/** Cookies are computed from the endpoint's address, so that they mean the same after a reload and on every machine. */
function affinityLines(name: string, { affinity }: BackendSettings): string[] {
  if (!affinity) return [];
  const { path, domain, sameSite, secure, partitioned, maxAgeSeconds, expiresSeconds } = affinity;
  const attributes = [
    // HAProxy writes the root itself, and of two paths the last one counts (RFC 6265, 5.2).
    ...(path === undefined || path === '/' ? [] : [`Path=${path}`]),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    ...(partitioned ? ['Partitioned'] : []),
  ];
  const words = [
    `cookie ${affinity.name} insert indirect nocache dynamic httponly`,
    ...(secure ? ['secure'] : []),
    ...(domain === undefined ? [] : [`domain ${word(domain)}`]),
    ...attributes.map((attribute) => `attr ${word(attribute)}`),
  ];
  // What depends on the request or on the time is put behind what HAProxy has written.
  const addition = (text: string, condition = ''): string =>
    `http-after-response replace-header Set-Cookie ${word(`^(${affinity.name}=.*)$`)} ${word(`\\1; ${text}`)}${condition}`;
  return [
    ...[words.join(' '), `dynamic-cookie-key ${word(name)}`],
    ...(expiresSeconds === undefined ? [] : [addition(`Expires=%[date(${expiresSeconds}),http_date]`)]),
    ...(secure ? [] : [addition('Secure', ' if { ssl_fc }')]),
  ];
}

/** HAProxy takes 64 words a line: what is said of one name in several lines holds for all of them. */
function addressSet(name: string, ranges: readonly string[] | undefined): string[] {
  const lines = Math.ceil((ranges?.length ?? 0) / 48);
  return Array.from({ length: lines }, (_, index) => {
    return `acl ${name} src ${(ranges ?? []).slice(48 * index, 48 * (index + 1)).join(' ')}`;
  });
}

function addressLines({ allow, deny, blocked = {}, auth, authorize, eitherSuffices }: BackendSettings): string[] {
  return [
    ...addressSet('denied', deny),
    ...addressSet('allowed', allow),
    ...addressSet('blocked', blocked.addresses),
    ...(blocked.addresses ? ['http-request deny deny_status 403 if blocked'] : []),
    ...(deny ? ['http-request deny deny_status 403 if denied'] : []),
    ...(allow && !((auth ?? authorize) && eitherSuffices) ? ['http-request deny deny_status 403 unless allowed'] : []),
  ];
}

/** What is refused does not count, so that a client which goes on asking has its rate. */
function limitLines({ rates = [], connections, unlimited, limitStatuses }: BackendSettings): string[] {
  if (rates.length === 0 && connections === undefined) return [];
  const counters = [
    ...rates.map(({ periodSeconds }, index) => `gpc${index}_rate(${periodSeconds}s)`),
    ...(connections === undefined ? [] : ['conn_cur']),
  ];
  const expire = Math.max(60, ...rates.map(({ periodSeconds }) => 2 * periodSeconds));
  const deny = (kind: 'requests' | 'connections'): string =>
    `http-request deny deny_status ${limitStatuses?.[kind] ?? 503} if`;
  return [
    ...addressSet('unlimited', unlimited),
    `stick-table type ipv6 size 100k expire ${expire}s store ${counters.join(',')}`,
    `http-request track-sc0 src${unlimited ? ' unless unlimited' : ''}`,
    ...(connections === undefined ? [] : [`${deny('connections')} { sc_conn_cur(0) gt ${connections} }`]),
    ...rates.map(({ requests }, index) => `${deny('requests')} { sc_gpc${index}_rate(0) ge ${requests} }`),
    ...rates.map((_, index) => `http-request sc-inc-gpc${index}(0)`),
  ];
}

function authLines({ auth, allow, authorize, eitherSuffices }: BackendSettings): string[] {
  if (!auth) return [];
  const { userList, realm, isScripted } = auth;
  // Who brings no password is asked about.
  if (authorize && eitherSuffices) {
    return [`acl known http_auth(${userList})`, ...(isScripted ? [`acl known lua.htpasswd(${userList}) -m bool`] : [])];
  }
  const conditions = [
    `!{ http_auth(${userList}) }`,
    ...(isScripted ? [`!{ lua.htpasswd(${userList}) -m bool }`] : []),
    ...(allow && eitherSuffices ? ['!allowed'] : []),
  ];
  return [`http-request auth realm ${word(realm)} if ${conditions.join(' ')}`];
}

/** A body that does not say how long it is could be of any length: only streams of gRPC may do so. */
function bodyLines({ bodyBytes, protocol }: BackendSettings): string[] {
  if (bodyBytes === undefined) return [];
  const lengthless = '!{ req.hdr(content-length) -m found }';
  const refuse =
    "http-request return status 411 content-type text/plain string 'the length of the body must be declared'";
  return [
    `http-request deny deny_status 413 if { req.hdr(content-length) -m int gt ${bodyBytes} }`,
    ...(protocol === 'h2c' || protocol === 'h2'
      ? []
      : [
          `${refuse} if ${lengthless} { method POST PUT PATCH }`,
          `${refuse} if ${lengthless} { req.hdr(transfer-encoding) -m found }`,
        ]),
  ];
}

function redirects({ redirect, appRoot }: BackendSettings): string[] {
  return [
    ...(redirect ? [`http-request redirect code ${redirect.code} location ${templateWord(redirect.location)}`] : []),
    ...(appRoot === undefined
      ? []
      : [`http-request redirect code 302 location ${templateWord(absolute(appRoot))} if { path / }`]),
  ];
}

const absolute = (path: string): Template => [
  { variable: 'scheme' },
  { text: '://' },
  { variable: 'host-and-port' },
  { text: path },
];

function changes(settings: BackendSettings): string[] {
  const { rewrite, host, forwardedPrefix, retries } = settings;
  const set = (name: string, value: string): string => `http-request set-header ${name} ${word(literalFormat(value))}`;
  return [
    // Paths that are written in another way than the rule has them are not sent on as they are.
    ...(rewrite ? [`http-request deny deny_status 404 unless { path -m reg -- ${word(rewrite.pattern)} }`] : []),
    ...(rewrite ? [`http-request replace-path ${word(rewrite.pattern)} ${replacementWord(rewrite.target)}`] : []),
    ...(host === undefined ? [] : [set('Host', host)]),
    ...(forwardedPrefix === undefined ? [] : [set('X-Forwarded-Prefix', forwardedPrefix)]),
    ...retryLines(retries),
  ];
}

/**
 * As nginx does it: what may have been acted on already is not sent again, and what may be is sent when its body is
 * there. HAProxy keeps a copy of a request that is complete, and of no other; so it waits for bodies that fit into its
 * buffer.
 */
function retryLines({ count, unsafe }: NonNullable<BackendSettings['retries']> = {}): string[] {
  const small = '{ req.hdr(content-length) -m int 1:15000 }';
  return [
    ...(unsafe ? [] : ['http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }']),
    ...(count === 0
      ? []
      : [`http-request wait-for-body time 60s if ${unsafe ? '' : '{ method PUT DELETE } '}${small}`]),
  ];
}

function corsLines(cors: Cors | undefined): string[] {
  if (!cors) return [];
  const { origins, methods, headers, expose, credentials, maxAgeSeconds } = cors;
  const hasOrigin = '{ var(txn.origin) -m found }';
  const after = (name: string, value: string): string =>
    `http-after-response set-header ${name} ${word(value)} if ${hasOrigin}`;
  return [
    ...(origins.includes('*')
      ? ['http-request set-var(txn.origin) str(*)']
      : origins.map((origin) => `http-request set-var(txn.origin) req.hdr(origin) if ${originMatch(origin)}`)),
    // As in ingress-nginx: others' are the service's to answer.
    `http-request return status 204 if { method OPTIONS } ${hasOrigin}`,
    after('Access-Control-Allow-Origin', '%[var(txn.origin)]'),
    ...(origins.includes('*') ? [] : ['http-after-response add-header Vary Origin']),
    ...(credentials ? [after('Access-Control-Allow-Credentials', 'true')] : []),
    ...(expose === undefined ? [] : [after('Access-Control-Expose-Headers', literalFormat(expose))]),
    after('Access-Control-Allow-Methods', literalFormat(methods)),
    after('Access-Control-Allow-Headers', literalFormat(headers)),
    after('Access-Control-Max-Age', String(maxAgeSeconds)),
  ];
}

function originMatch(origin: string): string {
  if (!origin.includes('*')) return `{ req.hdr(origin) -i -m str -- ${word(origin)} }`;
  const pattern = escapeExpression(origin).replace('\\*', '[A-Za-z0-9-]+');
  return `{ req.hdr(origin) -i -m reg -- ${word(`^${pattern}$`)} }`;
}

/** Of the same attribute twice, the last one counts (RFC 6265, 5.3). */
function answerLines({ cookieDomain, cookiePath, location }: Answers = {}): string[] {
  const replace = (header: string, parts: [start: string, rest: string], { from, to }: Replacement): string => {
    const pattern = `^${parts[0]}${escapeExpression(from)}${parts[1]}$`;
    return `http-response replace-header ${header} ${word(pattern)} ${word(`\\1${literalFormat(to)}\\2`)}`;
  };
  const bare = (name: string): string => name.replace(/^\./, '');
  const domain = cookieDomain && { from: bare(cookieDomain.from), to: bare(cookieDomain.to) };
  return [
    ...(domain ? [replace('Set-Cookie', ['(?i)(.*; *domain=)\\.?', '((?:[ ;].*)?)'], domain)] : []),
    ...(cookiePath ? [replace('Set-Cookie', ['(.*; *(?i:path)=)', '(.*)'], cookiePath)] : []),
    ...(location ? [replace('Location', ['()', '(.*)'], location)] : []),
    ...(location ? [replace('Refresh', ['(.*(?i:url)=)', '(.*)'], location)] : []),
  ];
}

function headerLines({ headers = [] }: BackendSettings): string[] {
  return headers.map(([name, value]) => `http-after-response set-header ${name} ${word(literalFormat(value))}`);
}
