import { word } from '../haproxy/quote.ts';
import type { Authorization, BackendSettings } from './settings.ts';
import { templateWord } from './template-text.ts';

/** Where nginx adds headers to answers of its own accord (ngx_http_headers_module). */
const usualAnswers = '{ status 200 201 204 206 301 302 303 304 307 308 }';

/** Asks by the script of {@link authorizeScript}; whatever does not answer lets nobody pass. */
export function authorizeLines({ authorize, allow, auth, eitherSuffices }: BackendSettings): string[] {
  if (!authorize) return [];
  const { url, at, method, signIn, headers, redirect, alwaysSetsCookies, cache } = authorize;
  const isAnswered = (...statuses: number[]): string => `{ var(txn.ask) -m int ${statuses.join(' ')} }`;
  const passing = eitherSuffices ? [...(allow ? ['allowed'] : []), ...(auth ? ['known'] : [])] : [];
  // nginx has a missing password count more than what was answered.
  const refused = auth && eitherSuffices ? isAnswered(401, 403) : isAnswered(401);
  const challenge = 'txn.ask_www_authenticate';
  const variable = (header: string): string => `txn.ask_${header.replaceAll('-', '_')}`;
  const asks = passing.length > 0 ? ` unless ${passing.join(' || ')}` : '';
  return [
    `http-request set-var(txn.ask) int(${asks === '' ? 500 : 200})`,
    ...(asks === '' ? [] : [`http-request set-var(txn.ask) int(500)${asks}`]),
    `http-request set-var-fmt(txn.ask_url) ${templateWord(url)}`,
    ...(at === undefined ? [] : [`http-request set-var(txn.ask_at) str(ipv4@${at})`]),
    `http-request set-var(txn.ask_method) str(${method.toLowerCase()})`,
    "http-request set-var-fmt(txn.ask_original) '%[ssl_fc,iif(https,http)]://%[req.hdr(host)]%[pathq]'",
    `http-request set-var-fmt(txn.ask_redirect) ${templateWord(redirect)}`,
    `http-request set-var(txn.ask_headers) ${word(`str('${['www-authenticate', ...headers].join(',')}')`)}`,
    ...(cache ? cacheLines(cache) : []),
    `http-request lua.ask${asks}`,
    ...(signIn ? [`http-request redirect code 302 location ${templateWord(signIn)} if ${refused}`] : []),
    ...(auth && eitherSuffices ? [`http-request auth realm ${word(auth.realm)} if ${refused}`] : []),
    `http-request return status 401 hdr WWW-Authenticate %[var(${challenge})] if ${isAnswered(401)} { var(${challenge}) -m found }`,
    ...[401, 403].map((status) => `http-request deny deny_status ${status} if ${isAnswered(status)}`),
    'http-request deny deny_status 500 unless { var(txn.ask) -m int 200:299 }',
    ...headers.flatMap((header) => [
      `http-request del-header ${header}`,
      `http-request set-header ${header} %[var(${variable(header)})] if { var(${variable(header)}) -m found }`,
    ]),
    `http-response lua.ask_cookies${alwaysSetsCookies ? '' : ` if ${usualAnswers}`}`,
  ];
}

function cacheLines({ key, seconds }: NonNullable<Authorization['cache']>): string[] {
  const times = seconds.map(([status, count]) => `,${status}=${count}`).join('');
  return [
    `http-request set-var-fmt(txn.ask_key) ${templateWord(key)}`,
    `http-request set-var(txn.ask_times) ${word(`str('${times}')`)}`,
  ];
}
