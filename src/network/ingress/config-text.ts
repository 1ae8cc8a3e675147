import { createHash } from 'node:crypto';
import { hostAndPort } from '../../base/ip-address.ts';
import { mapLine, word } from '../haproxy/quote.ts';
import { backendLines, serverOptions } from './backend-text.ts';
import { arrivalLines, clientLines, innerArrivalLines, tlsDefaultLines } from './entrance-text.ts';
import { fastCgiSection } from './fastcgi-text.ts';
import {
  anyHost,
  type BackendModel,
  type Canary,
  type Endpoint,
  type ProxyModel,
  redirectBackend,
  refusingBackend,
  type TcpListener,
} from './model.ts';
import { plainSettings } from './settings.ts';

/** Where the proxy lives; fixed while it runs. */
export interface ProxyPlace {
  /** Of the configuration, maps and certificates. */
  directory: string;
  runtimeSocket: string;
  /** An empty directory: the root of the running proxy. */
  jail: string;
  threads: number;
  /** Of clients at the same time; each takes two file descriptors. */
  maxConnections: number;
  /** Where clients arrive. */
  entrances: readonly Entrance[];
  /** `address:port` of the metrics; undefined: none. */
  metrics?: string;
}

export interface Entrance {
  /** IPv4 or IPv6. */
  address: string;
  clearPort: number;
  tlsPort: number;
}

/** Backends with plain settings that are kept ready: routes to services that are new get theirs without a reload. */
export const spareBackends = 64;

export function spareName(index: number): string {
  return `spare:${index}`;
}

export const files = {
  config: 'haproxy.cfg',
  hosts: 'hosts.map',
  clear: 'clear.map',
  tls: 'tls.map',
  clearExpressions: 'clear-expressions.map',
  tlsExpressions: 'tls-expressions.map',
  names: 'names.map',
  canaries: 'canaries.map',
  canaryMains: 'canary-mains.map',
  canaryWeights: 'canary-weights.map',
  passthrough: 'passthrough.map',
  certificateList: 'certificates.list',
  passwordScript: 'passwords.lua',
  authorizeScript: 'authorize.lua',
  errorScript: 'errors.lua',
  mirrorScript: 'mirror.lua',
} as const;

/** A server of a backend, in the slot of its place. */
export function serverName(slot: number): string {
  return `s${slot + 1}`;
}

/**
 * All of the configuration but the backends: what cannot change without a reload. Equal models give equal texts,
 * whatever their routes, certificates and endpoints are.
 */
export function frameText(model: ProxyModel, place: ProxyPlace): string {
  return [
    ...globalLines(model, place),
    ...userLines(model),
    ...(model.passthrough.size > 0 ? doorLines(model, place) : []),
    ...frontendLines(model, place, 'clear'),
    ...frontendLines(model, place, 'tls'),
    ...redirectLines(model, place),
    ...metricsLines(place),
    '',
  ].join('\n');
}

/** The section of a backend, without its servers, and of the application that it speaks to. */
export function backendSection(name: string, backend: Pick<BackendModel, 'settings'>): string {
  const { settings } = backend;
  return [...fastCgiSection(name, settings), `backend ${name}`, ...backendLines(name, settings), ''].join('\n');
}

export function tcpSection(name: string, listener: TcpListener): string {
  return [
    `listen ${name}`,
    '  mode tcp',
    `  bind ${listener.address}:${listener.port}`,
    '  balance leastconn',
    '  timeout client 24h',
    '  timeout server 24h',
    '',
  ].join('\n');
}

export function serverLine(slot: number, endpoint: Endpoint, backend: Pick<BackendModel, 'settings'>): string {
  return `  server ${serverName(slot)} ${addressOf(endpoint)}${serverOptions(backend.settings)} weight ${endpoint.weight}\n`;
}

export function addressOf({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return hostAndPort(address, port);
}

export const spareSection = (index: number): string => backendSection(spareName(index), { settings: plainSettings });

/** The file of a map: sorted, but for expressions, whose order counts. */
export function mapText(entries: Iterable<readonly [string, string]>): string {
  return [...entries].map(([key, value]) => `${mapLine(key, value)}\n`).join('');
}

/**
 * A line of the list of certificates; the first line is the one for everybody else. `authority`: the file of the
 * authority of clients' certificates, which are judged when the request comes.
 */
export function certificateLine(file: string, hosts: readonly string[], authority?: string): string {
  const verify = authority === undefined ? '' : ` verify optional ca-file ${authority}`;
  return [file, `[alpn h2,http/1.1${verify}]`, ...hosts].join(' ');
}

/** Whether some passwords are checked by a script: see {@link passwordScript}. */
export function hasScript({ userLists }: ProxyModel): boolean {
  return [...userLists.values()].some(({ scripted }) => scripted.length > 0);
}

/** Whether somebody is asked about some requests: see {@link authorizeScript}. */
export function asks({ backends }: ProxyModel): boolean {
  return [...backends.values()].some(({ settings }) => settings.authorize);
}

/** Whether some answers are replaced by a service's: see {@link errorScript}. */
export function replacesErrors({ backends }: ProxyModel): boolean {
  return [...backends.values()].some(({ settings }) => settings.errors);
}

/** Whether some requests are copied: see {@link mirrorScript}. */
export function mirrors({ backends }: ProxyModel): boolean {
  return [...backends.values()].some(({ settings }) => settings.mirror);
}

function globalLines(model: ProxyModel, place: ProxyPlace): string[] {
  const { directory, runtimeSocket, jail, threads, maxConnections } = place;
  return [
    'global',
    `  maxconn ${maxConnections}`,
    `  nbthread ${threads}`,
    `  stats socket ${runtimeSocket} mode 600 level admin expose-fd listeners`,
    '  stats timeout 1h',
    `  chroot ${jail}`,
    // nobody, wherever Debian's user of the proxy may be missing.
    '  uid 65534',
    '  gid 65534',
    '  log fd@3 format raw local0',
    '  hard-stop-after 1h',
    // Taking over another thread's connection to an endpoint costs more than one of the thread's own.
    '  tune.idle-pool.shared off',
    ...tlsDefaultLines(model.entrance).map((line) => `  ${line}`),
    '  tune.ssl.default-dh-param 2048',
    // See {@link judgedLater}. The usual 20,000 are 5 MB that each start fills; most clients keep tickets instead.
    `  tune.ssl.cachesize ${verifiedHosts(model).length > 0 ? 0 : 2000}`,
    // HAProxy's own client is not used: reading the system's authorities for it is most of the time that a start takes.
    '  .if version_atleast(2.6)',
    '  httpclient.ssl.verify none',
    '  .endif',
    `  ca-base ${directory}`,
    `  crt-base ${directory}`,
    ...(hasScript(model) ? [`  lua-load-per-thread ${directory}/${files.passwordScript}`] : []),
    ...(asks(model) ? [`  lua-load-per-thread ${directory}/${files.authorizeScript}`] : []),
    ...(mirrors(model) ? [`  lua-load-per-thread ${directory}/${files.mirrorScript}`] : []),
    ...(replacesErrors(model) ? [`  lua-load-per-thread ${directory}/${files.errorScript}`] : []),
    '',
    'defaults',
    '  mode http',
    '  option dontlognull',
    // A request that comes on an idle connection while the proxy reloads is still answered.
    '  option idle-close-on-response',
    '  option redispatch 1',
    '  retries 3',
    '  retry-on conn-failure empty-response',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout tunnel 1h',
    '  timeout http-request 30s',
    '  timeout http-keep-alive 75s',
    '  timeout client-fin 10s',
    '',
  ];
}

function userLines({ userLists }: ProxyModel): string[] {
  return [...userLists]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { crypt, scripted }]) => [
      `userlist ${name}`,
      // Another text when they change, so that the script is loaded again.
      ...(scripted.length > 0 ? [`  # ${digestOf(scripted)}`] : []),
      ...crypt.map(([user, hash]) => `  user ${word(user)} password ${word(hash)}`),
      '',
    ]);
}

function digestOf(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 16);
}

/** An abstract socket: the running proxy sees no files. */
function innerSocket({ runtimeSocket }: ProxyPlace): string {
  return `abns@${digestOf(runtimeSocket)}-tls`;
}

/** All on one line: each line would read every certificate for itself. */
function bindLines({ entrances }: ProxyPlace, kind: 'clear' | 'tls', options = ''): string[] {
  const addresses = entrances.map(({ address, clearPort, tlsPort }) =>
    addressOf({ address, port: kind === 'tls' ? tlsPort : clearPort }),
  );
  return addresses.length === 0 ? [] : [`  bind ${addresses.join(',')}${options}`];
}

/** Where TLS connections arrive when some are passed on as they are: what is asked for in clear decides. */
function doorLines({ entrance }: ProxyModel, place: ProxyPlace): string[] {
  return [
    'frontend door',
    '  mode tcp',
    ...bindLines(place, 'tls'),
    ...arrivalLines(entrance).map((line) => `  ${line}`),
    '  tcp-request inspect-delay 5s',
    `  tcp-request content set-var(sess.pass) req.ssl_sni,lower,map_str(${place.directory}/${files.passthrough})`,
    '  tcp-request content accept if { req.ssl_hello_type 1 }',
    '  use_backend %[var(sess.pass)] if { var(sess.pass) -m found }',
    '  default_backend inner',
    '',
    'backend inner',
    '  mode tcp',
    '  timeout server 1h',
    `  server tls ${innerSocket(place)} send-proxy-v2`,
    '',
  ];
}

function verifiedHosts({ certificates }: ProxyModel): (readonly [host: string, authority: string])[] {
  return [...certificates.values()].flatMap(({ verified = [] }) => verified);
}

/**
 * A session that is resumed for another host would bring a certificate along that was judged by other authorities:
 * with clients' certificates there are no sessions to resume.
 */
const judgedLater = ' ca-ignore-err all crt-ignore-err all no-tls-tickets';

/**
 * Where a request goes: first by what its client wrote, in one look-up; hosts in capitals or with a port, wildcards,
 * hosts that no rule names, encoded paths and regular expressions take the longer way below.
 */
function frontendLines(model: ProxyModel, place: ProxyPlace, kind: 'clear' | 'tls'): string[] {
  const file = (name: keyof typeof files): string => `${place.directory}/${files[name]}`;
  const isInner = kind === 'tls' && model.passthrough.size > 0;
  const { entrance } = model;
  const verified = verifiedHosts(model);
  const judged = verified.length > 0 ? judgedLater : '';
  const tls = kind === 'tls' ? ` ssl crt-list ${file('certificateList')}${judged}` : '';
  const scheme = kind === 'tls' ? 'https' : 'http';
  const tables = tablesOf(kind, model);
  const open = '!{ var(txn.backend) -m found }';
  return [
    `frontend ${kind}`,
    '  log global',
    // Another text when they change: files of authorities are read at loading alone.
    ...(kind === 'tls' && verified.length > 0 ? [`  # ${digestOf(verified)}`] : []),
    ...(isInner ? [`  bind ${innerSocket(place)} accept-proxy${tls}`] : bindLines(place, kind, tls)),
    `  log-format '${logFormat(file('names'))}'`,
    ...(isInner ? innerArrivalLines(entrance) : arrivalLines(entrance)).map((line) => `  ${line}`),
    // Writing an address as text takes longer than any rule here: once for each connection, and not thrice a request.
    '  tcp-request session set-var(sess.client) src,concat()',
    '  http-request set-var(txn.id) req.hdr(x-request-id)',
    '  http-request set-var(txn.id) uuid unless { var(txn.id) -m found }',
    '  http-request set-header X-Request-ID %[var(txn.id)]',
    ...clientLines(entrance, scheme).map((line) => `  ${line}`),
    // A host with a slash would pass for another path.
    '  http-request deny deny_status 400 if { req.hdr(host) -m sub / }',
    ...tables.map(
      ([table, when]) =>
        `  http-request set-var(txn.backend) base,concat(/\\x7f),map_beg(${file(table)}) if !{ path -m sub % // /. }${when}`,
    ),
    // Most requests end here: what follows in this section is not looked at.
    ...(model.canaries.size > 0 || entrance.trustsForwarded
      ? []
      : ['  http-request allow if { var(txn.backend) -m found }']),
    `  http-request set-var(txn.host) 'req.hdr(host),lower,regsub("\\.?(:[0-9]+)?$",)' if ${open}`,
    `  http-request set-var(txn.site) var(txn.host),map_str(${file('hosts')}) if ${open}`,
    `  http-request set-var(txn.site) 'var(txn.host),regsub("^[^.]+","*"),map_str(${file('hosts')})' if ${open} !{ var(txn.site) -m found }`,
    `  http-request set-var(txn.site) str(${anyHost}) if ${open} !{ var(txn.site) -m found }`,
    `  http-request set-var(txn.path) path,url_dec if ${open}`,
    `  http-request set-var(txn.path) 'var(txn.path),regsub("/(/|\\./)+","/","g")' if ${open} { var(txn.path) -m sub // /./ }`,
    `  http-request deny deny_status 400 if ${open} { var(txn.path) -m reg (^|/)\\.\\.?(/|$)|[[:cntrl:]] }`,
    ...tables.flatMap(([table, when]) => [
      `  http-request set-var(txn.backend) var(txn.site),concat(,txn.path),map_reg(${file(`${table}Expressions`)}) if ${open}${when}`,
      `  http-request set-var(txn.backend) var(txn.site),concat(,txn.path,/\\x7f),map_beg(${file(table)}) if ${open}${when}`,
    ]),
    ...canaryLines(model, file),
    // Where redirects lead, and what services see.
    ...(entrance.trustsForwarded
      ? ['  http-request set-header Host %[var(txn.named)] if { var(txn.named) -m found }']
      : []),
    '  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    '  default_backend nowhere',
    '',
  ];
}

/** The routes that hold: those over TLS for who came to the proxy in front over TLS, if that is believed. */
function tablesOf(
  kind: 'clear' | 'tls',
  { entrance }: ProxyModel,
): readonly (readonly [table: 'clear' | 'tls', when: string])[] {
  if (kind === 'tls' || !entrance.trustsForwarded) return [[kind, '']];
  const secured = '{ var(txn.proto) -m str https }';
  return [
    ['tls', ` ${secured}`],
    ['clear', ` !${secured}`],
  ];
}

/** Client, time, request, status, bytes, milliseconds, service, endpoint, how the connection ended, request id. */
function logFormat(names: string): string {
  return `%[var(sess.client)] - [%tr] %{+Q}r %ST %B %Ta %[var(txn.backend),map_str(${names},-)] %si:%sp %ts %[var(txn.id)]`;
}

/** Headers decide before cookies, and cookies before weights, as in ingress-nginx. */
function canaryLines({ canaries }: ProxyModel, file: (name: keyof typeof files) => string): string[] {
  if (canaries.size === 0) return [];
  const sorted = [...canaries].sort(([a], [b]) => (a < b ? -1 : 1));
  const open = '{ var(txn.split) -m found } !{ var(txn.pick) -m found }';
  const sticky = sorted.filter(([, { stickyCookie }]) => stickyCookie !== undefined);
  return [
    `  http-request set-var(txn.split) var(txn.backend) if { var(txn.backend),map_str(${file('canaries')}) -m found }`,
    ...sorted.flatMap(([name, canary]) =>
      picks(canary).map(
        ([pick, condition]) =>
          `  http-request set-var(txn.pick) str(${pick}) if ${open} { var(txn.split) -m str ${name} } ${condition}`,
      ),
    ),
    `  http-request set-var(txn.drawn) bool(true) if ${open}`,
    `  http-request set-var(txn.weight) var(txn.split),map_str_int(${file('canaryWeights')}) if ${open}`,
    `  http-request set-var(txn.pick) str(canary) if ${open} { rand(10000),sub(txn.weight) lt 0 }`,
    `  http-request set-var(txn.pick) str(main) if ${open}`,
    `  http-request set-var(txn.backend) var(txn.split),map_str(${file('canaries')}) if { var(txn.pick) -m str canary }`,
    `  http-request set-var(txn.backend) var(txn.split),map_str(${file('canaryMains')}) if { var(txn.pick) -m str main }`,
    ...sticky.map(
      ([name, { stickyCookie }]) =>
        `  http-after-response add-header Set-Cookie '${stickyCookie}=%[var(txn.pick)]; Path=/; HttpOnly' ` +
        `if { var(txn.drawn) -m bool } { var(txn.split) -m str ${name} }`,
    ),
  ];
}

type Decision = [pick: 'canary' | 'main', condition: string];

function picks({ header, cookie, stickyCookie }: Canary): Decision[] {
  const byWord = (fetch: string, words: { canary: string; main: string }): Decision[] => [
    ['canary', `{ ${fetch} -m str ${words.canary} }`],
    ['main', `{ ${fetch} -m str ${words.main} }`],
  ];
  const words = { canary: 'always', main: 'never' };
  return [
    ...(header ? headerPicks(header, byWord(`req.fhdr(${header.name})`, words)) : []),
    ...(cookie === undefined ? [] : byWord(`req.cook(${cookie})`, words)),
    ...(stickyCookie === undefined ? [] : byWord(`req.cook(${stickyCookie})`, { canary: 'canary', main: 'main' })),
  ];
}

function headerPicks({ name, value, pattern }: NonNullable<Canary['header']>, byWord: Decision[]): Decision[] {
  // Two dashes end the flags: a value may look like one.
  if (value !== undefined) return [['canary', `{ req.fhdr(${name}) -m str -- ${word(value)} }`]];
  if (pattern !== undefined) return [['canary', `{ req.fhdr(${name}) -m reg -- ${word(pattern)} }`]];
  return byWord;
}

function redirectLines({ entrance: { redirectCode } }: ProxyModel, { entrances }: ProxyPlace): string[] {
  const others = new Map(entrances.map(({ clearPort, tlsPort }) => [clearPort, tlsPort]));
  const to = (port: string): string =>
    `  http-request redirect code ${redirectCode} location 'https://%[req.hdr(host),regsub(":[0-9]+$",)]${port}%[pathq]'`;
  return [
    `backend ${redirectBackend}`,
    ...[...others].flatMap(([clear, tls]) => (tls === 443 ? [] : [`${to(`:${tls}`)} if { dst_port ${clear} }`])),
    to(''),
    '',
    `backend ${refusingBackend}`,
    "  http-request return status 503 content-type text/plain string 'this ingress is not served: see its events'",
    '',
    'backend nowhere',
    "  http-request return status 404 content-type text/plain string 'no ingress has a rule for this host and path'",
    '',
  ];
}

function metricsLines({ metrics }: ProxyPlace): string[] {
  if (metrics === undefined) return [];
  return [
    'frontend metrics',
    `  bind ${metrics}`,
    '  http-request use-service prometheus-exporter if { path /metrics }',
    '  http-request return status 404',
    '',
  ];
}
