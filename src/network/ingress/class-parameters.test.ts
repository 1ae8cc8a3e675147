import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  classesAmong,
  classWith,
  clusterObjects,
  ingressOf,
  path,
  webService,
} from '../../../test/support/ingress-objects.ts';
import { certificateFor } from '../../../test/support/ingress-proxy.ts';
import type { ConfigMap, Secret } from '../../api/types/core-v1.ts';
import type { Ingress, IngressClass } from '../../api/types/networking-v1.ts';
import { classParameters } from './class-parameters.ts';
import { plainEntrance } from './entrance.ts';
import { redirectBackend, refusingBackend, routeKey } from './model.ts';
import { renderIngress } from './render.ts';
import type { BackendSettings } from './settings.ts';

const services = [...webService('a', '10.1.0.1'), ...webService('b', '10.1.0.2')];

function ingressIn(name: string, className: string, annotations: Record<string, string> = {}): Ingress {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]);
  const rules = [{ host: `${name}.example`, http: { paths: [path('/', 'a')] } }];
  return ingressOf(name, { ingressClassName: className, rules }, Object.fromEntries(prefixed));
}

function render(ingresses: Ingress[], ...objects: (IngressClass | ConfigMap | Secret)[]) {
  const { model, problems } = renderIngress({
    ingresses,
    objects: clusterObjects(...services, ...objects),
    classOf: classesAmong(objects),
    defaultCertificate: 'PEM\n',
  });
  const settingsOf = (name: string): BackendSettings | string | undefined => {
    const backend = model.clear.paths.get(`${name}.example/`) ?? '';
    return model.backends.get(backend)?.settings ?? backend;
  };
  const told = problems.map(
    ({ about, reason, message }) => `${about.kind} ${about.metadata.name} ${reason}: ${message}`,
  );
  return { model, settingsOf, told };
}

describe('parameters of an ingress class', () => {
  it('hold where an ingress says nothing else, and for no other class', () => {
    const data = { 'proxy-read-timeout': '7', 'proxy-connect-timeout': '3', 'whitelist-source-range': '10.0.0.0/8' };
    const own = { 'proxy-read-timeout': '9', 'allowlist-source-range': '192.0.2.0/24', 'proxy-connect-timeout': ' ' };
    const { settingsOf, told } = render(
      [ingressIn('one', 'c'), ingressIn('two', 'c', own), ingressIn('three', 'other')],
      ...classWith('c', data),
    );
    expect(told).toEqual([]);
    expect(settingsOf('one')).toMatchObject({
      timeouts: { connectSeconds: 3, serverSeconds: 7 },
      allow: ['10.0.0.0/8'],
    });
    expect(settingsOf('two')).toMatchObject({
      ...{ timeouts: { connectSeconds: 3, serverSeconds: 9 }, allow: ['192.0.2.0/24'] },
    });
    expect(settingsOf('three')).not.toHaveProperty('timeouts');
  });

  it('that are wrong are told of as what they are', () => {
    const { settingsOf, told } = render(
      [ingressIn('one', 'c')],
      ...classWith('c', { 'proxy-read-timeout': 'soon', 'denylist-source-range': 'everybody' }),
    );
    expect(told).toEqual([
      expect.stringContaining(
        'Ingress one InvalidAnnotation: parameter proxy-read-timeout of the ingress class is not',
      ),
      expect.stringContaining(
        'Ingress one Refused: parameter denylist-source-range of the ingress class has "everybody"',
      ),
    ]);
    expect(settingsOf('one')).toBe('refused');
  });

  it('that are not there, or are of another kind, keep its ingresses from being open', () => {
    const [found] = classWith('c', {});
    const other = structuredClone(found);
    Object.assign(other.spec?.parameters ?? {}, { kind: 'Parameters', apiGroup: 'example.com' });
    for (const [broken, why] of [
      [found, 'there is no config map system/c with the parameters of the class'],
      [other, 'parameters of kind Parameters are not understood here'],
    ] as const) {
      const { settingsOf, told } = render([ingressIn('one', 'c')], broken);
      expect(settingsOf('one')).toBe('refused');
      expect(told).toEqual([
        expect.stringContaining(`IngressClass c InvalidParameters: ${why}`),
        expect.stringContaining(`Ingress one Refused: not served: ${why}`),
      ]);
    }
    const without: IngressClass = { ...found, spec: { controller: 'timonel.dev/ingress' } };
    expect(render([ingressIn('one', 'c')], without).told).toEqual([]);
  });

  it('that nothing comes of are told to the class once, and those that protect are refused', () => {
    const data = { 'worker-processes': '4', 'enable-modsecurity': 'false' };
    const mild = render([ingressIn('one', 'c'), ingressIn('two', 'c')], ...classWith('c', data));
    expect(mild.told).toEqual(['IngressClass c UnknownParameter: parameter worker-processes has no effect here']);
    const strict = render([ingressIn('one', 'c')], ...classWith('c', { ...data, 'enable-modsecurity': 'true' }));
    expect(strict.settingsOf('one')).toBe('refused');
    expect(strict.told.join()).toContain(
      'parameter enable-modsecurity is not understood here (there is no ModSecurity)',
    );
  });

  it('of ingress-nginx are refused when they protect, and only then', () => {
    const isRefused = (name: string): boolean => {
      const [owner, map] = classWith('c', { [name]: 'true' });
      return classParameters(owner, () => map)?.refusal !== undefined;
    };
    expect(documented.filter(isRefused).toSorted()).toEqual([
      ...[
        'enable-modsecurity',
        'enable-owasp-modsecurity-crs',
        'global-auth-snippet',
        'global-rate-limit-memcached-host',
      ],
      ...[
        'http-snippet',
        'location-snippet',
        'main-snippet',
        'modsecurity-snippet',
        // Since its value is no address.
        'proxy-real-ip-cidr',
        'server-snippet',
        'stream-snippet',
      ],
    ]);
  });

  it('have what no rule matches go to a service, that of the oldest class', () => {
    const [older, olderMap] = classWith('z', {
      'default-backend-service': 'default/b:http',
      'block-cidrs': '10.9.9.9',
    });
    const [younger, youngerMap] = classWith('c', { 'default-backend-service': 'default/a:80' });
    younger.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    const { model, told } = render(
      [ingressIn('one', 'c'), ingressIn('two', 'z')],
      ...[older, olderMap, younger, youngerMap],
    );
    const backend = model.backends.get(model.clear.paths.get('_/') ?? '');
    expect(backend).toMatchObject({
      settings: { blocked: { addresses: ['10.9.9.9'] } },
      endpoints: [{ address: '10.1.0.2' }],
    });
    expect(told).toEqual([expect.stringContaining('IngressClass c Conflict: default-backend-service has no effect')]);
    expect(render([ingressIn('one', 'c')], ...classWith('c', { 'default-backend-service': 'b' })).told).toEqual([
      expect.stringContaining('parameter default-backend-service is not NAMESPACE/SERVICE:PORT: "b"'),
    ]);
  });

  it('have somebody asked, unless an ingress has its own or does without', () => {
    const asks = { 'global-auth-url': 'http://a.example/auth', 'global-auth-method': 'HEAD' };
    const { settingsOf, told } = render(
      [
        ingressIn('one', 'c'),
        ingressIn('two', 'c', { 'auth-url': 'http://a.example/own' }),
        ingressIn('three', 'c', { 'enable-global-auth': 'false' }),
      ],
      ...classWith('c', asks),
    );
    expect(told).toEqual([]);
    expect(settingsOf('one')).toMatchObject({
      authorize: { url: [{ text: 'http://a.example/auth' }], method: 'HEAD' },
    });
    expect(settingsOf('two')).toMatchObject({ authorize: { url: [{ text: 'http://a.example/own' }], method: 'GET' } });
    expect(settingsOf('three')).not.toHaveProperty('authorize');
    const alone = render([ingressIn('one', 'c', { 'enable-global-auth': 'true' })], ...classWith('c', {}));
    expect(alone.settingsOf('one')).toBe('refused');
    expect(alone.told.join()).toContain('enable-global-auth finds no global-auth-url of the class');
  });

  it('have a certificate for hosts that none is named for, that of the oldest class', () => {
    const { certificate: cert, key } = certificateFor('*.example');
    const secret = (name: string, data: Record<string, string>): Secret => ({
      ...{ kind: 'Secret', metadata: { namespace: 'certs', name } },
      data: Object.fromEntries(Object.entries(data).map(([file, text]) => [file, btoa(text)])),
    });
    const served = (value: string, ...secrets: Secret[]) => {
      const { model, told } = render(
        [ingressIn('one', 'c')],
        ...classWith('c', { 'default-ssl-certificate': value }),
        ...secrets,
      );
      return { pem: model.certificates.get('default')?.pem ?? '', told };
    };
    const found = served('certs/wild', secret('wild', { 'tls.crt': cert, 'tls.key': key }));
    expect(found.told).toEqual([]);
    expect(new X509Certificate(found.pem).subjectAltName).toBe('DNS:*.example');
    expect(served('certs/wild')).toEqual({
      pem: 'PEM\n',
      told: [expect.stringContaining('secret certs/wild: there is no such secret')],
    });
    expect(served('wild').told).toEqual([expect.stringContaining('is not NAMESPACE/SECRET: "wild"')]);
  });

  it('say which paths are not redirected to TLS; those by which certificates are asked for are not', () => {
    const force = { 'force-ssl-redirect': 'true' };
    const acme = '/.well-known/acme-challenge/token';
    const redirected = (data: Record<string, string>): string[] => {
      const ingress = ingressIn('one', 'c', force);
      const paths = ['/', acme, '/plain/a'].map((each) => path(each, 'a'));
      const rules = [{ host: 'one.example', http: { paths } }];
      const { model } = render([{ ...ingress, spec: { ...ingress.spec, rules } }], ...classWith('c', data));
      return [...model.clear.paths].flatMap(([key, backend]) => (backend === redirectBackend ? [key] : []));
    };
    expect(redirected({})).toEqual([routeKey.prefix('one.example', '/'), routeKey.prefix('one.example', '/plain/a')]);
    expect(redirected({ 'no-tls-redirect-locations': '/plain,/other' })).toEqual([
      ...[routeKey.prefix('one.example', '/'), routeKey.prefix('one.example', acme)],
    ]);
  });

  it('that hold for all ingresses are those of the oldest class', () => {
    const [older, olderMap] = classWith('z', { 'use-forwarded-headers': 'true', 'http-redirect-code': '301' });
    const [younger, youngerMap] = classWith('c', { 'use-forwarded-headers': 'false', 'http-redirect-code': '301' });
    younger.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    const { model, told } = render(
      [ingressIn('one', 'c'), ingressIn('two', 'z', { 'from-to-www-redirect': 'true' })],
      ...[older, olderMap, younger, youngerMap],
    );
    expect(model.entrance).toEqual({ ...plainEntrance, trustsForwarded: true, redirectCode: 301 });
    const other = model.clear.paths.get(routeKey.prefix('www.two.example', '/')) ?? '';
    expect(model.backends.get(other)?.settings.redirect?.code).toBe(301);
    expect(told).toEqual([expect.stringContaining('IngressClass c Conflict: use-forwarded-headers has no effect')]);
    const wrong = render([ingressIn('one', 'c')], ...classWith('c', { 'http-redirect-code': '200' }));
    expect(wrong.model.entrance).toEqual(plainEntrance);
    expect(wrong.told).toEqual([
      expect.stringContaining('http-redirect-code of the ingress class is none of 301, 302, 307, 308: "200"'),
    ]);
  });

  it('tell of the entrances what cannot be read, and keep everybody out where that may protect somebody', () => {
    const entranceOf = (data: Record<string, string>) => render([ingressIn('one', 'c')], ...classWith('c', data));
    const all = {
      ...{ 'use-proxy-protocol': 'true', 'proxy-real-ip-cidr': '10.0.0.0/8,fd00::/8', 'ssl-ciphers': 'AES256-SHA256' },
      'ssl-protocols': 'TLSv1.2 TLSv1.1',
    };
    expect(entranceOf(all).model.entrance).toEqual({
      ...{ ...plainEntrance, speaksProxy: true, trustedProxies: ['10.0.0.0/8', 'fd00::/8'], ciphers: 'AES256-SHA256' },
      versions: { min: 'TLSv1.1', max: 'TLSv1.2' },
    });
    const gap = entranceOf({ 'ssl-protocols': 'TLSv1.1 TLSv1.3' });
    expect(gap.model.entrance).toEqual(plainEntrance);
    expect(gap.told).toEqual([expect.stringContaining('ssl-protocols of the ingress class leaves out a version')]);
    const wrong = entranceOf({ 'proxy-real-ip-cidr': 'everywhere', 'use-forwarded-headers': 'true' });
    expect(wrong.settingsOf('one')).toBe(refusingBackend);
    expect(wrong.told.join()).toContain(
      'IngressClass c InvalidParameters: parameter proxy-real-ip-cidr of the ingress',
    );
  });

  it('are not for ingresses to set', () => {
    const { settingsOf, told } = render([ingressIn('one', 'c', { hsts: 'true' })], ...classWith('c', {}));
    expect(settingsOf('one')).not.toHaveProperty('strictTransport');
    expect(told).toEqual([expect.stringContaining('Ingress one UnknownAnnotation: annotation')]);
  });
});

/** What ingress-nginx documents ("ConfigMaps"). */
const documented = `
  add-headers allow-backend-server-header allow-snippet-annotations annotation-value-word-blocklist hide-headers
  access-log-params access-log-path http-access-log-path stream-access-log-path
  enable-access-log-for-default-backend error-log-path enable-modsecurity modsecurity-snippet
  enable-owasp-modsecurity-crs client-header-buffer-size client-header-timeout client-body-buffer-size
  client-body-timeout disable-access-log disable-ipv6 disable-ipv6-dns enable-underscores-in-headers enable-ocsp
  ignore-invalid-headers retry-non-idempotent error-log-level http2-max-field-size http2-max-header-size
  http2-max-requests http2-max-concurrent-streams hsts hsts-include-subdomains hsts-max-age hsts-preload
  keep-alive keep-alive-requests large-client-header-buffers log-format-escape-none log-format-escape-json
  log-format-upstream log-format-stream enable-multi-accept max-worker-connections max-worker-open-files
  map-hash-bucket-size nginx-status-ipv4-whitelist nginx-status-ipv6-whitelist proxy-real-ip-cidr
  proxy-set-headers server-name-hash-max-size server-name-hash-bucket-size proxy-headers-hash-max-size
  proxy-headers-hash-bucket-size plugins reuse-port server-tokens ssl-ciphers ssl-ecdh-curve ssl-dh-param
  ssl-protocols ssl-early-data ssl-session-cache ssl-session-cache-size ssl-session-tickets ssl-session-ticket-key
  ssl-session-timeout ssl-buffer-size use-proxy-protocol proxy-protocol-header-timeout use-gzip use-geoip
  use-geoip2 enable-brotli brotli-level brotli-min-length brotli-types use-http2 gzip-level gzip-min-length
  gzip-types worker-processes worker-cpu-affinity worker-shutdown-timeout load-balance variables-hash-bucket-size
  variables-hash-max-size upstream-keepalive-connections upstream-keepalive-time upstream-keepalive-timeout
  upstream-keepalive-requests limit-conn-zone-variable proxy-stream-timeout proxy-stream-next-upstream
  proxy-stream-next-upstream-timeout proxy-stream-next-upstream-tries proxy-stream-responses bind-address
  use-forwarded-headers enable-real-ip forwarded-for-header compute-full-forwarded-for
  proxy-add-original-uri-header generate-request-id enable-opentracing opentracing-operation-name
  zipkin-collector-host jaeger-collector-host datadog-collector-host main-snippet http-snippet server-snippet
  stream-snippet location-snippet custom-http-errors proxy-body-size proxy-connect-timeout proxy-read-timeout
  proxy-send-timeout proxy-buffers-number proxy-buffer-size proxy-cookie-path proxy-cookie-domain
  proxy-next-upstream proxy-next-upstream-timeout proxy-next-upstream-tries proxy-redirect-from
  proxy-request-buffering ssl-redirect force-ssl-redirect whitelist-source-range denylist-source-range
  skip-access-log-urls limit-rate limit-rate-after lua-shared-dicts http-redirect-code proxy-buffering
  limit-req-status-code limit-conn-status-code enable-syslog syslog-host syslog-port no-tls-redirect-locations
  global-auth-url global-auth-method global-auth-signin global-auth-signin-redirect-param
  global-auth-response-headers global-auth-request-redirect global-auth-snippet global-auth-cache-key
  global-auth-cache-duration global-auth-always-set-cookie no-auth-locations block-cidrs block-user-agents
  block-referers proxy-ssl-location-only default-type global-rate-limit-memcached-host
  global-rate-limit-memcached-port global-rate-limit-memcached-connect-timeout
  global-rate-limit-memcached-max-idle-timeout global-rate-limit-memcached-pool-size global-rate-limit-status-code
  service-upstream ssl-reject-handshake debug-connections use-port-in-redirects relative-redirects
  disable-proxy-intercept-errors
`
  .trim()
  .split(/\s+/);
