import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { ingress } from './ingress.ts';
import { ingressClass } from './ingress-class.ts';

function beta(): AnyObject {
  return {
    metadata: { name: 'gateway' },
    spec: {
      backend: { serviceName: 'fallback', servicePort: 'http' },
      rules: [
        { host: 'a.example', http: { paths: [{ path: '/', backend: { serviceName: 'web', servicePort: 80 } }] } },
      ],
    },
  };
}

describe('ingresses', () => {
  it.each(['extensions', 'networking.k8s.io'])("of %s/v1beta1 are stored as today's", (group) => {
    const old = ingress.versions.find((version) => version.group === group && version.version === 'v1beta1')!;
    const object = beta();
    old.toStorage?.(object);
    expect(object.spec).toEqual({
      defaultBackend: { service: { name: 'fallback', port: { name: 'http' } } },
      rules: [
        {
          host: 'a.example',
          http: {
            paths: [
              {
                path: '/',
                pathType: 'ImplementationSpecific',
                backend: { service: { name: 'web', port: { number: 80 } } },
              },
            ],
          },
        },
      ],
    });
    expect(ingress.validate?.(object)).toEqual([]);
    old.fromStorage?.(object);
    expect(object.spec).toMatchObject(beta().spec as object);
  });

  it('print class, hosts and addresses', () => {
    const object: AnyObject = {
      metadata: { name: 'a' },
      spec: { ingressClassName: 'haproxy', tls: [{}], rules: ['a', 'b', 'c', 'd'].map((host) => ({ host })) },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    };
    const row = ingress.columns?.map(({ value }) => value(object, 0));
    expect(row?.slice(1, 5)).toEqual(['haproxy', 'a,b,c + 1 more...', '192.0.2.1', '80, 443']);
  });

  it('need a rule or a default, and a type for each path', () => {
    const [nothing] = ingress.validate?.({ metadata: {}, spec: {} }) ?? [];
    expect(nothing?.message).toContain('either `defaultBackend` or `rules` must be specified');
    const http = {
      paths: [{ path: 'x', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 1 } } } }],
    };
    expect(ingress.validate?.({ metadata: {}, spec: { rules: [{ http }] } })).toMatchObject([
      { field: 'spec.rules[0].http.paths[0].path', message: 'Invalid value: "x": must be an absolute path' },
    ]);
  });
});

describe('what ingresses may say', () => {
  const service = (name: string, port: object): object => ({ service: { name, port } });
  const web = service('web', { number: 80 });
  const rule = (host: string, ...paths: readonly object[]): object => ({
    ...{ host },
    http: { paths: paths.map((path) => ({ backend: web, pathType: 'Prefix', path: '/', ...path })) },
  });
  const causesOf = (spec: object): string[] =>
    (ingress.validate?.({ metadata: {}, spec }) ?? []).map(({ field, message }) => `${field}: ${message}`);

  it.each([
    [rule('10.0.0.1', {}), ['host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address']],
    [
      rule('a.*.example', {}),
      [/^host: Invalid value: "a\.\*\.example": a wildcard DNS-1123 subdomain must start with/],
    ],
    [rule('*.Example', {}), [/^host: .*regex used for validation is '\\\*\\\.\[a-z0-9\]/]],
    [rule('Web.example', {}), [/^host: .*a lowercase RFC 1123 subdomain must consist of/]],
    [rule('*.example', { path: '/a//b' }), ['http.paths[0].path: Invalid value: "/a//b": must not contain \'//\'']],
    [rule('', { path: '/a/./b' }), ['http.paths[0].path: Invalid value: "/a/./b": must not contain \'/./\'']],
    [
      rule('', { path: '/a/..', pathType: 'Exact' }),
      ['http.paths[0].path: Invalid value: "/a/..": cannot end with \'/..\''],
    ],
    [rule('', { path: '/a%2Fb' }), ['http.paths[0].path: Invalid value: "/a%2Fb": must not contain \'%2F\'']],
    [rule('', { path: '/(a//b|/..)$', pathType: 'ImplementationSpecific' }), []],
    [rule('', { path: '', pathType: 'ImplementationSpecific' }), []],
    [
      rule('', { pathType: 'Regex' }),
      [
        'http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
      ],
    ],
    [
      rule('', { backend: service('web', { name: 'http_' }) }),
      [/^http\.paths\[0\]\.backend\.service\.port\.name: Invalid value: "http_": must contain only alpha-numeric/],
    ],
    [
      rule('', { backend: { resource: { kind: 'a/b', name: '' } } }),
      [
        'http.paths[0].backend.resource.kind: Invalid value: "a/b": may not contain \'/\'',
        'http.paths[0].backend.resource.name: Required value',
      ],
    ],
  ])('rules: %j', (wrong, expected) => {
    const found = causesOf({ rules: [wrong] }).map((cause) => cause.replace('spec.rules[0].', ''));
    expect(found).toEqual(expected.map((each) => (typeof each === 'string' ? each : expect.stringMatching(each))));
  });

  it('hosts and secrets of TLS, and the name of the class', () => {
    const tls = [{ hosts: ['a.example', '*.b.example', '*', 'c_d'], secretName: 'Pair' }, { secretName: '' }];
    expect(causesOf({ defaultBackend: web, tls, ingressClassName: 'my class' })).toEqual([
      expect.stringMatching(/^spec\.tls\[0\]\.hosts\[2\]: Invalid value: "\*": a wildcard DNS-1123/),
      expect.stringMatching(/^spec\.tls\[0\]\.hosts\[3\]: Invalid value: "c_d": a lowercase RFC 1123/),
      expect.stringMatching(/^spec\.tls\[0\]\.secretName: Invalid value: "Pair": a lowercase RFC 1123/),
      expect.stringMatching(/^spec\.ingressClassName: Invalid value: "my class": a lowercase RFC 1123/),
    ]);
  });

  it('the class once, or twice the same when they are new; the annotation is old-fashioned', () => {
    const annotated = (written: string, spec: object): AnyObject => ({
      metadata: { annotations: { 'kubernetes.io/ingress.class': written } },
      spec: { defaultBackend: web, ...spec },
    });
    expect(ingress.validateCreate?.(annotated('a', { ingressClassName: 'b' }))).toMatchObject([
      {
        field: 'annotations.kubernetes.io/ingress.class',
        message: 'Invalid value: "a": must match `ingressClassName` when both are specified',
      },
    ]);
    expect(ingress.validateCreate?.(annotated('a', { ingressClassName: 'a' }))).toEqual([]);
    const warning = `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`;
    expect(ingress.warnings?.(annotated('a', {}))).toEqual([warning]);
    expect(ingress.warnings?.(annotated('a', { ingressClassName: 'a' }))).toEqual([]);
  });

  it('addresses of their status, those that are there already apart', () => {
    const status = (...points: readonly object[]): AnyObject => ({
      metadata: {},
      status: { loadBalancer: { ingress: points } },
    });
    const update = status({ ip: '010.0.0.1' }, { ip: '10.0.0.256', hostname: '10.0.0.1' });
    const causes = ingress.validateUpdate?.(update, status({ ip: '010.0.0.1' }), 'status');
    expect(causes?.map(({ field }) => field)).toEqual([
      'status.loadBalancer.ingress[1].ip',
      'status.loadBalancer.ingress[1].hostname',
    ]);
  });
});

describe('classes of ingresses', () => {
  const causesOf = (spec: object): string[] =>
    (ingressClass.validate?.({ metadata: {}, spec }) ?? []).map(({ field, message }) => `${field}: ${message}`);
  const controller = 'example.com/ingress';

  it.each([
    [{}, ['spec.controller: Required value']],
    [{ controller: 'nginx' }, [/^spec\.controller: .*must be a domain-prefixed path/]],
    [{ controller: 'Example/a b' }, [/"Example": a lowercase RFC 1123/, /"a b": Invalid path \(regex used/]],
    [{ controller: `a/${'b'.repeat(249)}` }, ['spec.controller: Too long: may not be more than 250 bytes']],
    [
      { controller, parameters: { scope: 'Cluster', namespace: 'a' } },
      [
        'spec.parameters.kind: Required value',
        'spec.parameters.name: Required value',
        "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
      ],
    ],
    [
      { controller, parameters: { kind: 'K', name: 'n', scope: 'Namespace' } },
      ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ],
    [
      { controller, parameters: { kind: 'K', name: 'n', scope: 'All' } },
      ['spec.parameters.scope: Unsupported value: "All": supported values: "Cluster", "Namespace"'],
    ],
  ])('%j', (spec, expected) => {
    expect(causesOf(spec)).toEqual(
      expected.map((each) => (typeof each === 'string' ? each : expect.stringMatching(each))),
    );
  });

  it('keep their controller', () => {
    const of = (name: string): AnyObject => ({ metadata: {}, spec: { controller: name } });
    expect(ingressClass.validateUpdate?.(of('a.example/b'), of(controller), '')).toMatchObject([
      { field: 'spec.controller', message: 'Invalid value: "a.example/b": field is immutable' },
    ]);
  });
});
