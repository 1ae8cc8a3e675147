import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { ingress } from './ingress.ts';

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
