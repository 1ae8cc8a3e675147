import { word } from '../haproxy/quote.ts';
import type { BackendSettings } from './settings.ts';
import { templateWord } from './template-text.ts';

/**
 * What becomes of clients' certificates, which the connection has asked for. One counts only when the connection was
 * made for the host of the request: for another host it may have been judged by other authorities.
 */
export function clientLines({ clients }: BackendSettings): string[] {
  if (!clients) return [];
  const { verify, errorPage, subject, passes } = clients;
  const conditions = { on: 'unless shown trusted meant', optional: 'if shown !trusted or shown !meant' };
  const refused = verify === 'optional_no_ca' ? undefined : conditions[verify];
  const name = (side: string): string => `'%[ssl_c_${side}_dn("",0,rfc2253)]'`;
  const set = (header: string, value: string, condition = ''): string =>
    `http-request set-header ssl-client-${header} ${value}${condition}`;
  return [
    'http-request set-var(txn.sni) ssl_fc_sni,lower',
    "http-request set-var(txn.named) 'req.hdr(host),field(1,:),lower'",
    'acl shown ssl_c_used',
    'acl trusted ssl_c_verify 0',
    'acl meant var(txn.sni),strcmp(txn.named) eq 0',
    ...(refused !== undefined && errorPage
      ? [`http-request redirect code 302 location ${templateWord(errorPage)} ${refused}`]
      : []),
    ...(refused === undefined ? [] : [`http-request deny deny_status 400 ${refused}`]),
    ...(subject === undefined
      ? []
      : [`http-request deny deny_status 403 unless shown { ssl_c_s_dn("",0,rfc2253) -m reg -- ${word(subject)} }`]),
    set('verify', 'NONE'),
    set('verify', 'FAILED', ' if shown'),
    set('verify', 'SUCCESS', ' if shown trusted meant'),
    ...['subject-dn', 'issuer-dn', 'cert'].map((header) => `http-request del-header ssl-client-${header}`),
    set('subject-dn', name('s'), ' if shown'),
    set('issuer-dn', name('i'), ' if shown'),
    ...(passes ? pem : []),
  ];
}

/** As nginx writes it: PEM, with what is not a letter, a digit or one of -_.~ by its number. */
const pem = [
  `http-request set-var(txn.pem) 'ssl_c_der,base64,regsub("(.{64})","\\1_","g"),regsub("_$",""),url_enc,regsub("_","%0A","g")'`,
  "http-request set-header ssl-client-cert '-----BEGIN%%20CERTIFICATE-----%%0A%[var(txn.pem)]%%0A-----END%%20CERTIFICATE-----%%0A'",
].map((line) => `${line} if shown`);
