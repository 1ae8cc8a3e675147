import type { Answers, Replacement, Template } from '../settings.ts';
import { parseTemplate } from './template.ts';
import type { AnnotationValues } from './values.ts';

const domainText = /^[\w.-]+$/;
const addressText = /^[\w./~@:+=&?%-]+$/;

/**
 * What is changed in answers: nginx's `proxy_cookie_domain`, `proxy_cookie_path` and `proxy_redirect` with fixed texts
 * (its module ngx_http_proxy_module). Requests' variables are gone when the answer comes, and expressions are nginx's own.
 */
export function readAnswers(values: AnnotationValues): Answers | undefined {
  const cookieDomain = readPair(values, 'proxy-cookie-domain', { pattern: domainText, what: 'domains' });
  const cookiePath = readPair(values, 'proxy-cookie-path', { pattern: addressText, what: 'paths' });
  const location = readRedirect(values);
  if (!cookieDomain && !cookiePath && !location) return undefined;
  return { ...(cookieDomain && { cookieDomain }), ...(cookiePath && { cookiePath }), ...(location && { location }) };
}

/** Headers as a config map has them, which are texts without variables; or what is wrong with one. */
export function readHeaders(data: Readonly<Record<string, string>>): [string, string][] | { problem: string } {
  const headers = Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const wrong = headers.find(([name, value]) => !/^[\w-]{1,200}$/.test(name) || !/^[ -~]{1,4000}$/.test(value));
  return wrong ? { problem: `${JSON.stringify(wrong[0])} is no header, or has no value in printable ASCII` } : headers;
}

/** Headers of requests, as {@link readHeaders}, with variables; one that is empty takes the header away. */
export function readRequestHeaders(data: Readonly<Record<string, string>>): [string, Template][] | { problem: string } {
  const headers: [string, Template][] = [];
  for (const [name, text] of Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!/^[\w-]{1,200}$/.test(name)) return { problem: `${JSON.stringify(name)} is no header` };
    if (!/^[ -~]{0,4000}$/.test(text)) return { problem: `${name} has characters other than printable ASCII` };
    const value = parseTemplate(text, { groups: false });
    if ('problem' in value) return { problem: `${name} cannot be made: ${value.problem}` };
    headers.push([name, value]);
  }
  return headers;
}

function readPair(
  values: AnnotationValues,
  name: 'proxy-cookie-domain' | 'proxy-cookie-path',
  { pattern, what }: { pattern: RegExp; what: string },
): Replacement | undefined {
  const text = values.text(name);
  if (text === undefined || text === 'off') return undefined;
  const [from = '', to = '', ...rest] = text.split(/ +/);
  if (rest.length > 0 || !pattern.test(from) || !pattern.test(to)) return values.wrong(name, `is not two ${what}`);
  return { from, to };
}

/** As in ingress-nginx, nothing is changed without both, or when one is `off`, or `default`. */
function readRedirect(values: AnnotationValues): Replacement | undefined {
  const [from, to] = (['proxy-redirect-from', 'proxy-redirect-to'] as const).map((name) => {
    const text = values.text(name);
    if (text === undefined || text === 'off' || text === 'default') return undefined;
    return addressText.test(text) ? text : values.wrong(name, 'is no part of an address');
  });
  return from === undefined || to === undefined ? undefined : { from, to };
}
