import type { BackendSettings, Template } from '../settings.ts';
import { hostName } from './upstream.ts';
import type { AnnotationValues } from './values.ts';

/** How requests find their backend, and what becomes of them on the way. */
export interface Routing {
  /** More names for the hosts of its rules, in lower case. */
  aliases: readonly string[];
  /** Paths that are not exact are regular expressions. */
  usesExpressions: boolean;
  /** What replaces the path of a request; groups are those of the path of its rule. */
  rewriteTarget?: Template;
  /** Whether requests in clear are sent to TLS: where there is TLS, or always, or never. */
  redirectsToTls: 'with-tls' | 'always' | 'never';
  /** What paths begin with that are not redirected even so. */
  staysInClear: readonly string[];
  /** The name with or without `www.` is sent to the other one. */
  redirectsWww: boolean;
  /** TLS connections are passed on as they are. */
  passesTls: boolean;
  /** Requests go to the service's address. */
  usesServiceAddress: boolean;
  /** The service that stands in for one without endpoints. */
  fallbackService?: string;
  /** The config map with headers of answers. */
  headersOf?: string;
  /** Of answers that it gives in the service's place. */
  errorStatuses: readonly number[];
  settings: Pick<BackendSettings, 'redirect' | 'appRoot' | 'host' | 'forwardedPrefix' | 'unlogged'>;
}

const location = /[!-~]{1,2000}/;
const serviceName = /[a-z]([a-z0-9-]{0,61}[a-z0-9])?/;

export function readRouting(values: AnnotationValues, namespace: string): Routing {
  const rewriteTarget = values.template('rewrite-target', { groups: true });
  const isOddTarget = rewriteTarget?.some((part) => 'text' in part && /[?# ]/.test(part.text));
  if (isOddTarget) values.wrong('rewrite-target', 'has characters that are not of a path');
  const fallbackService = values.word('default-backend', serviceName, 'the name of a service');
  const headersOf = values.objectIn(namespace, 'custom-headers', 'a config map');
  const isForced = values.flag('force-ssl-redirect') === true;
  return {
    aliases: readAliases(values),
    usesExpressions: values.flag('use-regex') === true || rewriteTarget !== undefined,
    ...(rewriteTarget && { rewriteTarget }),
    redirectsToTls: isForced ? 'always' : values.flag('ssl-redirect') === false ? 'never' : 'with-tls',
    // Who issues certificates may ask for these before there is one.
    staysInClear: values.list('no-tls-redirect-locations') ?? ['/.well-known/acme-challenge'],
    redirectsWww: values.flag('from-to-www-redirect') === true,
    passesTls: values.flag('ssl-passthrough') === true,
    usesServiceAddress: values.flag('service-upstream') === true,
    ...(fallbackService !== undefined && { fallbackService }),
    ...(headersOf !== undefined && { headersOf }),
    errorStatuses: readErrorStatuses(values),
    settings: readChanges(values),
  };
}

/** What nginx takes for a status of `error_page` (ngx_http_core_module). */
function readErrorStatuses(values: AnnotationValues): number[] {
  const all = values.list('custom-http-errors') ?? [];
  const wrong = all.find((status) => !/^[345]\d\d$/.test(status));
  if (wrong !== undefined) {
    values.wrong('custom-http-errors', `has ${JSON.stringify(wrong)}, which is no status from 300 to 599`);
    return [];
  }
  const isOff = values.flag('disable-proxy-intercept-errors') === true;
  return isOff ? [] : [...new Set(all.map(Number))].toSorted((a, b) => a - b);
}

function readAliases(values: AnnotationValues): string[] {
  const all = values.list('server-alias') ?? [];
  const pattern = new RegExp(`^(?:\\*\\.)?${hostName.source}$`, 'i');
  const wrong = all.filter((alias) => !pattern.test(alias));
  if (wrong.length > 0) values.wrong('server-alias', `has ${wrong.join(', ')}, which is no host`);
  return all.filter((alias) => pattern.test(alias)).map((alias) => alias.toLowerCase());
}

function readChanges(values: AnnotationValues): Routing['settings'] {
  const redirect = readRedirect(values);
  const appRoot = values.word('app-root', /\/[!-~]{0,1000}/, 'a path');
  const host = values.word('upstream-vhost', /[A-Za-z0-9._:-]{1,255}/, 'a host');
  const forwardedPrefix = values.word('x-forwarded-prefix', location, 'a path');
  return {
    ...(redirect && { redirect }),
    ...(appRoot !== undefined && { appRoot }),
    ...(host !== undefined && { host }),
    ...(forwardedPrefix !== undefined && { forwardedPrefix }),
    ...(!(values.flag('enable-access-log') ?? values.flag('disable-access-log') !== true) && {
      unlogged: true as const,
    }),
  };
}

const codes = ['301', '302', '303', '307', '308'] as const;

/** The temporal one wins, as in nginx. */
function readRedirect(values: AnnotationValues): BackendSettings['redirect'] | undefined {
  for (const kind of ['temporal-redirect', 'permanent-redirect'] as const) {
    if (!values.has(kind)) continue;
    const usual = kind === 'temporal-redirect' ? 302 : 301;
    const code = Number(values.choice(`${kind}-code`, codes) ?? usual);
    if (values.word(kind, location, 'an address') === undefined) return undefined;
    const target = values.template(kind, { groups: false });
    if (target) return { location: withHost(target, values), code };
  }
  return undefined;
}

/** nginx makes whole addresses of paths unless it is told not to (its `absolute_redirect`). */
function withHost(location: Template, values: AnnotationValues): Template {
  const [first] = location;
  const isPath = first && 'text' in first && /^\/(?!\/)/.test(first.text);
  if (!isPath || values.flag('relative-redirects') === true) return location;
  return [{ variable: 'scheme' }, { text: '://' }, { variable: 'host-and-port' }, ...location];
}
