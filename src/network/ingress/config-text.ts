import { mapLine, word } from '../haproxy/quote.ts';
import { backendLines, serverOptions } from './backend-text.ts';
import {
  anyHost,
  type BackendModel,
  type Endpoint,
  type ProxyModel,
  redirectBackend,
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
  canaryWeights: 'canary-weights.map',
  certificateList: 'certificates.list',
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
    ...globalLines(place),
    ...userLines(model),
    ...frontendLines(model, place, 'clear'),
    ...frontendLines(model, place, 'tls'),
    ...redirectLines(place),
    ...metricsLines(place),
    '',
  ].join('\n');
}

/** The section of a backend, without its servers. */
export function backendSection(name: string, backend: Pick<BackendModel, 'settings'>): string {
  return [`backend ${name}`, ...backendLines(name, backend.settings), ''].join('\n');
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
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export const spareSection = (index: number): string => backendSection(spareName(index), { settings: plainSettings });

/** The file of a map: sorted, but for expressions, whose order counts. */
export function mapText(entries: Iterable<readonly [string, string]>): string {
  return [...entries].map(([key, value]) => `${mapLine(key, value)}\n`).join('');
}

const certificateOptions = '[alpn h2,http/1.1]';

/** A line of the list of certificates; the first line is the one for everybody else. */
export function certificateLine(file: string, hosts: readonly string[]): string {
  return [file, certificateOptions, ...hosts].join(' ');
}

function globalLines({ runtimeSocket, jail, threads, maxConnections }: ProxyPlace): string[] {
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
    '  ssl-default-bind-options ssl-min-ver TLSv1.2',
    '  tune.ssl.default-dh-param 2048',
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
    .flatMap(([name, users]) => [
      `userlist ${name}`,
      ...users.map(([user, hash]) => `  user ${word(user)} password ${word(hash)}`),
      '',
    ]);
}

/**
 * Where a request goes: first by what its client wrote, in one look-up; hosts in capitals or with a port, wildcards,
 * hosts that no rule names, encoded paths and regular expressions take the longer way below.
 */
function frontendLines(model: ProxyModel, place: ProxyPlace, kind: 'clear' | 'tls'): string[] {
  const file = (name: keyof typeof files): string => `${place.directory}/${files[name]}`;
  const addresses = place.entrances.map(({ address, clearPort, tlsPort }) =>
    addressOf({ address, port: kind === 'tls' ? tlsPort : clearPort }),
  );
  const tls = kind === 'tls' ? ` ssl crt-list ${file('certificateList')}` : '';
  const expressions = kind === 'tls' ? file('tlsExpressions') : file('clearExpressions');
  const paths = file(kind);
  const open = '!{ var(txn.backend) -m found }';
  return [
    `frontend ${kind}`,
    '  log global',
    ...addresses.map((address) => `  bind ${address}${tls}`),
    `  log-format '${logFormat(file('names'))}'`,
    // A host with a slash would pass for another path.
    '  http-request deny deny_status 400 if { req.hdr(host) -m sub / }',
    '  http-request set-var(txn.odd) bool(true) if { path -m sub % // /. }',
    `  http-request set-var(txn.backend) base,concat(/\\x7f),map_beg(${paths}) unless { var(txn.odd) -m bool }`,
    `  http-request set-var(txn.host) 'req.hdr(host),lower,regsub("\\.?(:[0-9]+)?$",)' if ${open}`,
    `  http-request set-var(txn.site) var(txn.host),map_str(${file('hosts')}) if ${open}`,
    `  http-request set-var(txn.site) 'var(txn.host),regsub("^[^.]+","*"),map_str(${file('hosts')})' if ${open} !{ var(txn.site) -m found }`,
    `  http-request set-var(txn.site) str(${anyHost}) if ${open} !{ var(txn.site) -m found }`,
    `  http-request set-var(txn.path) path,url_dec if ${open}`,
    `  http-request set-var(txn.path) 'var(txn.path),regsub("/(/|\\./)+","/","g")' if ${open} { var(txn.path) -m sub // /./ }`,
    `  http-request deny deny_status 400 if ${open} { var(txn.path) -m reg (^|/)\\.\\.?(/|$)|[[:cntrl:]] }`,
    `  http-request set-var(txn.backend) var(txn.site),concat(,txn.path),map_reg(${expressions}) if ${open}`,
    `  http-request set-var(txn.backend) var(txn.site),concat(,txn.path,/\\x7f),map_beg(${paths}) if ${open}`,
    ...canaryLines(model, file),
    '  http-request set-var(txn.id) req.hdr(x-request-id)',
    '  http-request set-var(txn.id) uuid unless { var(txn.id) -m found }',
    '  http-request set-header X-Request-ID %[var(txn.id)]',
    '  http-request set-header X-Real-IP %[src]',
    '  http-request set-header X-Forwarded-For %[src]',
    '  http-request set-header X-Forwarded-Host %[req.hdr(host)]',
    `  http-request set-header X-Forwarded-Proto ${kind === 'tls' ? 'https' : 'http'}`,
    '  http-request set-header X-Forwarded-Port %[dst_port]',
    // As nginx does it: what may have been acted on already is not sent again.
    '  http-request disable-l7-retry unless { method GET HEAD OPTIONS PUT DELETE }',
    '  use_backend %[var(txn.backend)] if { var(txn.backend) -m found }',
    '  default_backend nowhere',
    '',
  ];
}

/** Client, time, request, status, bytes, milliseconds, service, endpoint, how the connection ended, request id. */
function logFormat(names: string): string {
  return `%ci - [%tr] %{+Q}r %ST %B %Ta %[var(txn.backend),map_str(${names},-)] %si:%sp %ts %[var(txn.id)]`;
}

function canaryLines({ canaries }: ProxyModel, file: (name: keyof typeof files) => string): string[] {
  if (canaries.size === 0) return [];
  const open = '{ var(txn.canary) -m found } !{ var(txn.pick) -m found }';
  const decide = (backend: string, pick: 'canary' | 'main', condition: string): string =>
    `  http-request set-var(txn.pick) str(${pick}) if ${open} { var(txn.canary) -m str ${backend} } ${condition}`;
  return [
    `  http-request set-var(txn.canary) var(txn.backend),map_str(${file('canaries')})`,
    ...[...canaries.values()]
      .sort((a, b) => (a.backend < b.backend ? -1 : 1))
      .flatMap(({ backend, header, cookie }) => [
        ...(header ? headerConditions(header).map(([pick, condition]) => decide(backend, pick, condition)) : []),
        ...(cookie === undefined
          ? []
          : (['always', 'never'] as const).map((value) =>
              decide(backend, value === 'always' ? 'canary' : 'main', `{ req.cook(${cookie}) -m str ${value} }`),
            )),
      ]),
    `  http-request set-var(txn.weight) var(txn.backend),map_str_int(${file('canaryWeights')}) if ${open}`,
    `  http-request set-var(txn.pick) str(canary) if ${open} { rand(10000),sub(txn.weight) lt 0 }`,
    '  http-request set-var(txn.backend) var(txn.canary) if { var(txn.pick) -m str canary }',
  ];
}

function headerConditions(header: { name: string; value?: string; pattern?: string }): ['canary' | 'main', string][] {
  const { name, value, pattern } = header;
  if (value !== undefined) return [['canary', `{ req.hdr(${name}) -m str ${word(value)} }`]];
  if (pattern !== undefined) return [['canary', `{ req.hdr(${name}) -m reg ${word(pattern)} }`]];
  return [
    ['canary', `{ req.hdr(${name}) -m str always }`],
    ['main', `{ req.hdr(${name}) -m str never }`],
  ];
}

function redirectLines({ entrances }: ProxyPlace): string[] {
  const others = new Map(entrances.map(({ clearPort, tlsPort }) => [clearPort, tlsPort]));
  const to = (port: string): string =>
    `  http-request redirect code 308 location 'https://%[req.hdr(host),regsub(":[0-9]+$",)]${port}%[pathq]'`;
  return [
    `backend ${redirectBackend}`,
    ...[...others].flatMap(([clear, tls]) => (tls === 443 ? [] : [`${to(`:${tls}`)} if { dst_port ${clear} }`])),
    to(''),
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
