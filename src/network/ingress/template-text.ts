import { literalFormat, word } from '../haproxy/quote.ts';
import type { Template } from './settings.ts';

/** A word that is made anew for each request. */
export function templateWord(template: Template): string {
  return word(template.map(templatePart).join(''));
}

/** The same, with groups of a match, for which backslashes mean something. */
export function replacementWord(template: Template): string {
  return word(
    template
      .map((part) => ('text' in part ? templatePart(part).replaceAll('\\', '\\\\') : templatePart(part)))
      .join(''),
  );
}

/** As HAProxy's formats write it. */
function templatePart(part: Template[number]): string {
  if ('text' in part) return literalFormat(part.text);
  if ('group' in part) return `\\${part.group}`;
  const { variable, name = '' } = part;
  switch (variable) {
    case 'request-uri':
      return '%[pathq]';
    case 'escaped-request-uri':
      return '%[pathq,url_enc(query)]';
    case 'path':
    case 'script-name':
      return '%[path]';
    case 'query':
      return '%[query]';
    case 'host':
      return '%[req.hdr(host),regsub(":[0-9]+$",),lower]';
    case 'host-and-port':
      return '%[req.hdr(host)]';
    case 'scheme':
      return '%[ssl_fc,iif(https,http)]';
    case 'method':
      return '%[method]';
    case 'client':
      return '%[src]';
    case 'user':
      return '%[http_auth_user]';
    case 'port':
      return '%[dst_port]';
    case 'port-suffix':
      return '%[req.hdr(host),regsub("^[^:]+",)]';
    case 'request-id':
      return '%[var(txn.id)]';
    case 'header':
      return `%[req.hdr(${name})]`;
    case 'cookie':
      return `%[req.cook(${name})]`;
    case 'argument':
      return `%[url_param(${name})]`;
  }
}
