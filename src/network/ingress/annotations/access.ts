import type { BackendSettings, Cors, Rate } from '../settings.ts';
import type { AnnotationValues } from './values.ts';

/** Where the users of basic authentication are. */
export interface WantedAuth {
  secretName: string;
  /** Key `auth` with lines as htpasswd writes them, or a key for each user. */
  kind: 'auth-file' | 'auth-map';
  realm: string;
}

type AccessSettings = Pick<
  BackendSettings,
  'allow' | 'deny' | 'eitherSuffices' | 'rates' | 'connections' | 'unlimited' | 'bodyBytes' | 'cors'
>;

/** Who may come, how often, and with how much. */
export function readAccess(values: AnnotationValues): AccessSettings {
  const allow = values.ranges('allowlist-source-range') ?? values.ranges('whitelist-source-range');
  const deny = values.ranges('denylist-source-range');
  const unlimited = values.ranges('limit-allowlist') ?? values.ranges('limit-whitelist');
  const connections = values.number('limit-connections', { min: 0, max: 1_000_000 });
  const bodyBytes = values.bytes('proxy-body-size');
  const rates = readRates(values);
  const cors = readCors(values);
  return {
    ...(allow && { allow }),
    ...(deny && { deny }),
    ...(values.choice('satisfy', ['all', 'any']) === 'any' && { eitherSuffices: true }),
    ...(rates.length > 0 && { rates }),
    // None of them means no limit, as in nginx.
    ...(connections && { connections }),
    ...(unlimited && { unlimited }),
    ...(bodyBytes && { bodyBytes }),
    ...(cors && { cors }),
  };
}

/**
 * nginx lets a client have `multiplier` times its rate at once and then the rate. So does a window of as many periods
 * with as many times the rate.
 */
function readRates(values: AnnotationValues): Rate[] {
  const multiplier = values.number('limit-burst-multiplier', { min: 1, max: 1000 }) ?? 5;
  const perSecond = values.number('limit-rps', { min: 0, max: 1_000_000 });
  const perMinute = values.number('limit-rpm', { min: 0, max: 1_000_000 });
  return [
    ...(perSecond ? [{ requests: perSecond * multiplier, periodSeconds: multiplier }] : []),
    ...(perMinute ? [{ requests: perMinute * multiplier, periodSeconds: 60 * multiplier }] : []),
  ];
}

export function readAuth(values: AnnotationValues): WantedAuth | undefined {
  const type = values.choice('auth-type', ['basic']);
  const kind = values.choice('auth-secret-type', ['auth-file', 'auth-map']) ?? 'auth-file';
  const realm = values.text('auth-realm') ?? 'Authentication Required';
  // Secrets of other namespaces are not read for an ingress, so a slash is no part of a name.
  const secretName = values.word('auth-secret', /[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/, 'the name of a secret');
  if (type === undefined) {
    return secretName === undefined ? undefined : values.wrong('auth-secret', 'is of no use without auth-type: basic');
  }
  if (secretName === undefined) return values.wrong('auth-type', 'is of no use without auth-secret');
  return { secretName, kind, realm };
}

const corsDefaults = {
  methods: 'GET, PUT, POST, DELETE, PATCH, OPTIONS',
  headers:
    'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization',
  maxAgeSeconds: 1_728_000,
};

const origin = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9._-]+(?::\d{1,5})?|null)$/i;
const tokens = /[\w!#$%&'*+.^`|~-]+( *, *[\w!#$%&'*+.^`|~-]+)* *,?/;

function readCors(values: AnnotationValues): Cors | undefined {
  if (values.flag('enable-cors') !== true) return undefined;
  const origins = values.list('cors-allow-origin') ?? ['*'];
  const wrong = origins.find((each) => !origin.test(each));
  if (wrong !== undefined) return values.wrong('cors-allow-origin', `has ${JSON.stringify(wrong)}, which is no origin`);
  const expose = values.word('cors-expose-headers', tokens, 'a list of headers');
  return {
    origins,
    methods: values.word('cors-allow-methods', tokens, 'a list of methods') ?? corsDefaults.methods,
    headers: values.word('cors-allow-headers', tokens, 'a list of headers') ?? corsDefaults.headers,
    ...(expose !== undefined && { expose }),
    credentials: values.flag('cors-allow-credentials') ?? true,
    maxAgeSeconds: values.number('cors-max-age', { min: 0, max: 1_000_000_000 }) ?? corsDefaults.maxAgeSeconds,
  };
}
