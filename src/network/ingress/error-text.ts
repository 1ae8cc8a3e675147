import { literalFormat, word } from '../haproxy/quote.ts';
import type { BackendSettings, ErrorsOf } from './settings.ts';

/** What the service that stands in for another is told, as ingress-nginx documents it ("Custom errors"). */
export function standInLines({ standsInFor }: BackendSettings): string[] {
  if (!standsInFor) return [];
  const set = (name: string, value: string): string => `http-request set-header ${name} ${value}`;
  return [
    set('X-Code', '503'),
    'http-request del-header X-Format',
    `${set('X-Format', '%[req.hdr(accept)]')} if { req.hdr(accept) -m found }`,
    set('X-Original-URI', '%[pathq]'),
    ...Object.entries(headers(standsInFor)).map(([name, value]) => set(name, word(literalFormat(value)))),
  ];
}

function headers({ namespace, ingress, service, port }: ErrorsOf): Record<string, string> {
  return { 'X-Namespace': namespace, 'X-Ingress-Name': ingress, 'X-Service-Name': service, 'X-Service-Port': port };
}

/** Before the request is changed: another service is asked about some answers, by the script of {@link errorScript}. */
export function errorLines({ errors }: BackendSettings): string[] {
  if (!errors) return [];
  const { statuses, at, of } = errors;
  const keep = (name: string, value: string): string => `http-request set-var(txn.error_${name}) ${value}`;
  return [
    keep('at', `str(ipv4@${at})`),
    keep('host', 'req.hdr(host)'),
    keep('uri', 'pathq'),
    keep('accept', 'req.hdr(accept)'),
    ...Object.entries(of).map(([name, value]) => keep(name, word(`str('${value}')`))),
    `http-response lua.error_page if { status ${statuses.join(' ')} }`,
  ];
}
