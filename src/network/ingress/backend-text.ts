import { literalFormat, word } from '../haproxy/quote.ts';
import type { BackendSettings, Balance, Cors, Template } from './settings.ts';

/** Groups of a match, as `regsub` and `replace-path` write them. */
const variables = {
  request_uri: '%[pathq]',
  host: '%[req.hdr(host),field(1,:)]',
  path: '%[path]',
  query: '%[query]',
} as const;

/** The lines of a backend's section, its servers apart, each indented by two blanks. */
export function backendLines(name: string, settings: BackendSettings): string[] {
  const lines = [
    ...balanceLines(settings.balance),
    ...timeoutLines(settings),
    ...affinityLines(name, settings),
    ...refusals(settings),
    ...corsLines(settings.cors),
    ...redirects(settings),
    ...changes(settings),
  ];
  return lines.map((line) => `  ${line}`);
}

/** What follows address and port of each server. */
export function serverOptions({ protocol, serverName }: BackendSettings): string {
  const name = serverName === undefined ? '' : ` sni str(${serverName})`;
  switch (protocol) {
    case 'http':
      return '';
    case 'h2c':
      return ' proto h2';
    case 'https':
      return ` ssl verify none alpn http/1.1${name}`;
    case 'h2':
      return ` ssl verify none alpn h2${name}`;
  }
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
      return [`balance hash ${word(hashedSample(balance.of, balance.name ?? ''))}`, 'hash-type consistent'];
  }
}

function hashedSample(of: Extract<Balance, { kind: 'hash' }>['of'], name: string): string {
  switch (of) {
    case 'uri':
      return 'pathq';
    case 'path':
      return 'path';
    case 'host':
      return 'req.hdr(host)';
    case 'query':
      return 'query';
    case 'header':
      return `req.hdr(${name})`;
    case 'cookie':
      return `req.cook(${name})`;
    case 'argument':
      return `url_param(${name})`;
  }
}

function timeoutLines({ timeouts = {}, retries }: BackendSettings): string[] {
  const { connectSeconds, serverSeconds } = timeouts;
  return [
    ...(connectSeconds === undefined ? [] : [`timeout connect ${connectSeconds}s`]),
    ...(serverSeconds === undefined ? [] : [`timeout server ${serverSeconds}s`]),
    ...(serverSeconds !== undefined && serverSeconds > 3600 ? [`timeout tunnel ${serverSeconds}s`] : []),
    ...(retries === undefined ? [] : [`retries ${retries}`]),
  ];
}

/** Cookies are computed from the endpoint's address, so that they mean the same after a reload and on every machine. */
function affinityLines(name: string, { affinity }: BackendSettings): string[] {
  if (!affinity) return [];
  const { path, domain, sameSite, secure, maxAgeSeconds } = affinity;
  const attributes = [
    ...(path === undefined ? [] : [`Path=${path}`]),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
  ];
  const words = [
    `cookie ${affinity.name} insert indirect nocache dynamic httponly`,
    ...(secure ? ['secure'] : []),
    ...(domain === undefined ? [] : [`domain ${word(domain)}`]),
    ...attributes.map((attribute) => `attr ${word(attribute)}`),
  ];
  return [words.join(' '), `dynamic-cookie-key ${word(name)}`];
}

/** Who may not pass, cheapest first. */
function refusals(settings: BackendSettings): string[] {
  const { refuse, allow, deny, rate, connections, unlimited = [], bodyBytes } = settings;
  const lines: string[] = [];
  if (refuse)
    lines.push(`http-request return status ${refuse.status} content-type text/plain string ${word(refuse.reason)}`);
  if (deny) lines.push(`http-request deny deny_status 403 if { src ${deny.join(' ')} }`);
  if (allow) lines.push(`http-request deny deny_status 403 unless { src ${allow.join(' ')} }`);
  if (rate ?? connections) {
    const counters = [
      ...(rate ? [`http_req_rate(${rate.periodSeconds}s)`] : []),
      ...(connections === undefined ? [] : ['conn_cur']),
    ];
    const limited = unlimited.length === 0 ? '' : ` unless { src ${unlimited.join(' ')} }`;
    const expire = Math.max(60, 2 * (rate?.periodSeconds ?? 0));
    lines.push(`stick-table type ipv6 size 100k expire ${expire}s store ${counters.join(',')}`);
    lines.push(`http-request track-sc0 src${limited}`);
    if (rate) lines.push(`http-request deny deny_status 503 if { sc_http_req_rate(0) gt ${rate.requests} }`);
    if (connections !== undefined)
      lines.push(`http-request deny deny_status 503 if { sc_conn_cur(0) gt ${connections} }`);
  }
  if (bodyBytes !== undefined) lines.push(`http-request deny deny_status 413 if { req.body_size gt ${bodyBytes} }`);
  if (settings.auth) {
    const { userList, realm } = settings.auth;
    const isPreflight = settings.cors ? ' !{ method OPTIONS }' : '';
    lines.push(`http-request auth realm ${word(realm)} if !{ http_auth(${userList}) }${isPreflight}`);
  }
  return lines;
}

function redirects({ redirect, appRoot }: BackendSettings): string[] {
  return [
    ...(redirect ? [`http-request redirect code ${redirect.code} location ${templateWord(redirect.location)}`] : []),
    ...(appRoot === undefined
      ? []
      : [`http-request redirect code 302 location ${word(literalFormat(appRoot))} if { path / }`]),
  ];
}

function changes(settings: BackendSettings): string[] {
  const { rewrite, host, forwardedPrefix, requestHeaders = [], responseHeaders = [] } = settings;
  const set = (name: string, value: string): string => `set-header ${name} ${word(literalFormat(value))}`;
  return [
    ...(rewrite ? [`http-request replace-path ${word(rewrite.pattern)} ${templateWord(rewrite.target)}`] : []),
    ...(host === undefined ? [] : [`http-request ${set('Host', host)}`]),
    ...(forwardedPrefix === undefined ? [] : [`http-request ${set('X-Forwarded-Prefix', forwardedPrefix)}`]),
    ...requestHeaders.map(({ name, value }) => `http-request ${set(name, value)}`),
    ...responseHeaders.map(({ name, value }) => `http-after-response ${set(name, value)}`),
  ];
}

function corsLines(cors: Cors | undefined): string[] {
  if (!cors) return [];
  const { origins, methods, headers, expose, credentials, maxAgeSeconds } = cors;
  const hasOrigin = '{ var(txn.origin) -m found }';
  const after = (name: string, value: string, condition = hasOrigin): string =>
    `http-after-response set-header ${name} ${word(value)} if ${condition}`;
  const preflight = `${hasOrigin} { var(txn.preflight) -m bool }`;
  return [
    ...(origins.includes('*')
      ? ['http-request set-var(txn.origin) str(*)']
      : origins.map((origin) => `http-request set-var(txn.origin) req.hdr(origin) if ${originMatch(origin)}`)),
    'http-request set-var(txn.preflight) bool(true) if { method OPTIONS } { req.hdr(origin) -m found }',
    'http-request return status 204 if { var(txn.preflight) -m bool }',
    after('Access-Control-Allow-Origin', '%[var(txn.origin)]'),
    ...(origins.includes('*') ? [] : ['http-after-response add-header Vary Origin']),
    ...(credentials ? [after('Access-Control-Allow-Credentials', 'true')] : []),
    ...(expose === undefined ? [] : [after('Access-Control-Expose-Headers', literalFormat(expose))]),
    after('Access-Control-Allow-Methods', literalFormat(methods), preflight),
    after('Access-Control-Allow-Headers', literalFormat(headers), preflight),
    after('Access-Control-Max-Age', String(maxAgeSeconds), preflight),
  ];
}

function originMatch(origin: string): string {
  if (!origin.includes('*')) return `{ req.hdr(origin) -m str ${word(origin)} }`;
  const pattern = origin.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replace('\\*', '[A-Za-z0-9-]+');
  return `{ req.hdr(origin) -m reg ${word(`^${pattern}$`)} }`;
}

/** A word that is made anew for each request. */
function templateWord(template: Template): string {
  return word(template.map(templatePart).join(''));
}

function templatePart(part: Template[number]): string {
  if ('text' in part) return literalFormat(part.text).replaceAll('\\', '\\\\');
  if ('group' in part) return `\\${part.group}`;
  return part.variable === 'scheme' ? '%[ssl_fc,iif(https,http)]' : variables[part.variable];
}
