import { ip } from '../../../api/names.ts';
import type { Authorization, Template } from '../settings.ts';
import type { AnnotationValues } from './values.ts';

/** Who is asked about requests: a service of the cluster, or whoever this proxy has a route to. */
export interface WantedAuthorization extends Omit<Authorization, 'at'> {
  service?: { namespace: string; name: string; port: number };
}

const token = /[\w!#$%&'*+.^`|~-]+/;
const hostStart = /^(https?):\/\/([a-z0-9.-]+)(?::(\d{1,5}))?(?=[/?]|$)/i;
const ownHost = /^https?:\/\/\$(?:\{)?(?:host|http_host|best_http_host)\b\}?(?=[/?]|$)/;

export function readAuthorization(values: AnnotationValues): WantedAuthorization | undefined {
  const url = values.word('auth-url', /[!-~]{1,2000}/, 'an address');
  if (url === undefined) {
    if (values.flag('enable-global-auth') === true)
      values.wrong('enable-global-auth', 'finds no global-auth-url of the class');
    if (values.has('auth-signin')) values.wrong('auth-signin', 'is of no use without auth-url');
    return undefined;
  }
  const template = values.template('auth-url', { groups: false });
  const service = serviceIn(url);
  if (service === 'elsewhere') {
    return values.wrong('auth-url', 'leads neither to a service of the cluster nor to a host of an ingress');
  }
  if (!template) return undefined;
  const method = values.choice('auth-method', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) ?? 'GET';
  const headers = readHeaders(values);
  const redirect = values.template('auth-request-redirect', { groups: false });
  const signIn = readSignIn(values);
  const cache = readCache(values);
  return {
    ...{ url: template, method, headers, redirect: redirect ?? [{ variable: 'request-uri' }] },
    ...(service && { service }),
    ...(signIn && { signIn }),
    ...(cache && { cache }),
    ...(values.flag('auth-always-set-cookie') && { alwaysSetsCookies: true as const }),
  };
}

/** By the name that the cluster's DNS has for it; undefined for hosts that this proxy itself is asked for. */
export function serviceIn(url: string): WantedAuthorization['service'] | 'elsewhere' {
  if (ownHost.test(url)) return undefined;
  const [, scheme = '', host, port] = hostStart.exec(url) ?? [];
  if (host === undefined || ip(host).length === 0) return 'elsewhere';
  const [, name, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?$/i.exec(host) ?? [];
  if (name === undefined || namespace === undefined) return port === undefined ? undefined : 'elsewhere';
  return { namespace, name, port: port === undefined ? (scheme.toLowerCase() === 'https' ? 443 : 80) : Number(port) };
}

function readHeaders(values: AnnotationValues): string[] {
  const headers = values.list('auth-response-headers') ?? [];
  const wrong = headers.find((header) => !new RegExp(`^${token.source}$`).test(header) || header.includes("'"));
  if (wrong !== undefined) values.wrong('auth-response-headers', `has ${JSON.stringify(wrong)}, which is no header`);
  return wrong === undefined ? headers.map((header) => header.toLowerCase()) : [];
}

/** How long answers count: what ingress-nginx has when nothing is said of it. */
const usualDurations = '200 202 401 5m';

/** As nginx's `proxy_cache_valid` has it; without a key nothing is kept. */
function readCache(values: AnnotationValues): Authorization['cache'] {
  const key = values.template('auth-cache-key', { groups: false });
  const seconds = parseDurations(values.text('auth-cache-duration') ?? usualDurations);
  if (!seconds) return values.wrong('auth-cache-duration', 'is not a list such as 200 202 10m, 401 1m');
  return key && { key, seconds };
}

const unitSeconds: Readonly<Record<string, number>> = {
  ...{ ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400, M: 30 * 86_400, y: 365 * 86_400 },
};

function parseDurations(text: string): (readonly [status: string, seconds: number])[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  const read = parts.filter((part) => part !== '').map(parseDuration);
  return read.every((each) => each !== undefined) && read.length > 0 ? read.flat() : undefined;
}

/** `200 202 1h 30m`; without statuses, of those that nginx keeps then. */
function parseDuration(part: string): (readonly [status: string, seconds: number])[] | undefined {
  const [, statuses = '', times = ''] = /^((?:(?:\d{3}|any)\s+)*)((?:\d{1,9}(?:ms|[smhdwMy])\s*)+)$/.exec(part) ?? [];
  if (times === '') return undefined;
  const all = [...times.matchAll(/(\d+)(ms|\w)/g)].map(
    ([, count, unit = '']) => Number(count) * (unitSeconds[unit] ?? 0),
  );
  const seconds = Math.floor(all.reduce((sum, each) => sum + each, 0));
  const named = statuses.split(/\s+/).filter((status) => status !== '');
  return (named.length > 0 ? named : ['200', '301', '302']).map((status) => [status, seconds] as const);
}

/** The page is told where to lead back to, unless its address says that itself. */
function readSignIn(values: AnnotationValues): Template | undefined {
  const written = values.word('auth-signin', /[!-~]{1,2000}/, 'an address');
  const parameter = values.word('auth-signin-redirect-param', /[\w.-]{1,64}/, 'a name of a parameter') ?? 'rd';
  const template = values.template('auth-signin', { groups: false });
  if (written === undefined || !template || new RegExp(`[?&]${parameter.replaceAll('.', '\\.')}=`).test(written)) {
    return template;
  }
  return [
    ...template,
    { text: `${written.includes('?') ? '&' : '?'}${parameter}=` },
    ...[{ variable: 'scheme' }, { text: '://' }, { variable: 'host-and-port' }, { variable: 'escaped-request-uri' }],
  ] as Template;
}
