import type { EntranceSettings, TlsVersion } from './entrance.ts';

/** Of all connections by TLS. */
export function tlsDefaultLines({ versions: { min, max }, ciphers }: EntranceSettings): string[] {
  const newest = max === 'TLSv1.3' ? '' : ` ssl-max-ver ${haproxyName(max)}`;
  return [
    `ssl-default-bind-options ssl-min-ver ${haproxyName(min)}${newest}`,
    ...(ciphers === undefined ? [] : [`ssl-default-bind-ciphers ${ciphers}`]),
  ];
}

const haproxyName = (version: TlsVersion): string => (version === 'TLSv1' ? 'TLSv1.0' : version);

const isTrusted = 'var(sess.trusted) -m bool';

/**
 * Where connections arrive from outside. Trusted ones begin by saying whose they are, if the class says that they do;
 * who else does so is answered 400.
 */
export function arrivalLines({ trustedProxies, speaksProxy }: EntranceSettings): string[] {
  const from = trustedProxies.length === 0 ? '' : ` if { src ${trustedProxies.join(' ')} }`;
  return [
    ...(trustedProxies.length === 0 ? [] : [`tcp-request connection set-var(sess.trusted) bool(true)${from}`]),
    ...(speaksProxy ? [`tcp-request connection expect-proxy layer4${from}`] : []),
  ];
}

/** The same behind the door, which has read the protocol: the client's own address is all that is known there. */
export function innerArrivalLines({ trustedProxies }: EntranceSettings): string[] {
  if (trustedProxies.length === 0) return [];
  return [`tcp-request session set-var(sess.trusted) bool(true) if { src ${trustedProxies.join(' ')} }`];
}

/** What services are told of the client. */
export function clientLines(settings: EntranceSettings, scheme: 'http' | 'https'): string[] {
  if (!settings.trustsForwarded) return forwardedLines(scheme);
  if (settings.trustedProxies.length === 0) return believedLines(settings, scheme).map((line) => ruleText(line));
  return [
    ...forwardedLines(scheme).map((line) => `${line} if !{ ${isTrusted} }`),
    ...believedLines(settings, scheme).map(([rule, ...conditions]) =>
      ruleText([rule, `{ ${isTrusted} }`, ...conditions]),
    ),
  ];
}

type Rule = [rule: string, ...conditions: string[]];

function ruleText([rule, ...conditions]: Rule): string {
  return conditions.length === 0 ? rule : `${rule} if ${conditions.join(' ')}`;
}

/**
 * A proxy in front is believed, as ingress-nginx has it with `use-forwarded-headers`: the last address is the client's,
 * for all rules (that of the PROXY protocol, where it is spoken), and of names and schemes the first counts.
 */
function believedLines({ speaksProxy }: EntranceSettings, scheme: 'http' | 'https'): Rule[] {
  const client: Rule[] = [
    ['http-request set-src req.hdr_ip(x-forwarded-for)', '{ req.hdr_ip(x-forwarded-for) -m found }'],
    ['http-request set-var(sess.client) src,concat()'],
  ];
  return [
    ...(speaksProxy ? [] : client),
    ['http-request set-var(txn.named) req.hdr(x-forwarded-host,1)', '{ req.hdr(x-forwarded-host,1) -m len gt 0 }'],
    ['http-request set-var(txn.named) req.hdr(host)', '!{ var(txn.named) -m found }'],
    [
      'http-request set-var(txn.proto) req.hdr(x-forwarded-proto,1),lower',
      '{ req.hdr(x-forwarded-proto,1) -m len gt 0 }',
    ],
    [`http-request set-var(txn.proto) str(${scheme})`, '!{ var(txn.proto) -m found }'],
    ['http-request set-header X-Real-IP %[var(sess.client)]'],
    ['http-request set-header X-Forwarded-For %[var(sess.client)]'],
    ['http-request set-header X-Forwarded-Host %[var(txn.named)]'],
    ['http-request set-header X-Forwarded-Port %[dst_port]', '!{ req.hdr(x-forwarded-port) -m found }'],
    ...['X-Forwarded-Proto', 'X-Forwarded-Scheme', 'X-Scheme'].map((name): Rule => [
      `http-request set-header ${name} %[var(txn.proto)]`,
    ]),
  ];
}

/**
 * What services are told of the client, as ingress-nginx has it. What clients say of that themselves goes first:
 * looking through the headers for each of these takes longer than looking once.
 */
function forwardedLines(scheme: 'http' | 'https'): string[] {
  return [
    'del-header X-Forwarded- -m beg',
    'del-header X-Real-IP',
    'del-header X-Scheme',
    'add-header X-Real-IP %[var(sess.client)]',
    'add-header X-Forwarded-For %[var(sess.client)]',
    'add-header X-Forwarded-Host %[req.hdr(host)]',
    'add-header X-Forwarded-Port %[dst_port]',
    `add-header X-Forwarded-Proto ${scheme}`,
    `add-header X-Forwarded-Scheme ${scheme}`,
    `add-header X-Scheme ${scheme}`,
  ].map((line) => `http-request ${line}`);
}
