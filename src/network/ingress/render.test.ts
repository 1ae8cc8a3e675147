import { describe, expect, it } from 'vitest';
import { clusterObjects, ingressOf, path, webService } from '../../../test/support/ingress-objects.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import { routeKey } from './model.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { renderIngress } from './render.ts';

const objects = clusterObjects(...webService('a', '10.1.0.1', '10.1.0.2'), ...webService('b', '10.1.0.3'));

function render(ingresses: Ingress[], from: ClusterObjects = objects) {
  const { model, problems } = renderIngress({ ingresses, objects: from, defaultCertificate: 'PEM\n' });
  return {
    model,
    told: problems.map(({ about, reason, message }) => `${about.metadata.name} ${reason}: ${message}`),
  };
}

describe('rendering ingresses', () => {
  it('leads hosts and paths to the endpoints of services, by name or number of a port', () => {
    const named = { path: '/b', pathType: 'Exact', backend: { service: { name: 'b', port: { name: 'http' } } } };
    const { model, told } = render([
      ingressOf('one', { rules: [{ host: 'A.example', http: { paths: [path('/', 'a'), named] } }] }),
    ]);
    expect(told).toEqual([]);
    expect(Object.fromEntries(model.clear.paths)).toEqual({
      [routeKey.prefix('a.example', '/')]: 'default:a:80',
      [routeKey.exact('a.example', '/b')]: 'default:b:80',
    });
    expect(model.backends.get('default:a:80')?.endpoints.map(({ address, port }) => `${address}:${port}`)).toEqual([
      '10.1.0.1:8080',
      '10.1.0.2:8080',
    ]);
  });

  it('refuses what goes to an ingress that asks for protection which it does not know', () => {
    const rules = [{ host: 'a.example', http: { paths: [path('/', 'a')] } }];
    const closed = ingressOf('closed', { rules }, { 'nginx.ingress.kubernetes.io/enable-modsecurity': 'true' });
    const { model, told } = render([closed]);
    expect(Object.fromEntries(model.clear.paths)).toEqual({ 'a.example/': 'refused' });
    expect(Object.fromEntries(model.tls.paths)).toEqual({ 'a.example/': 'refused' });
    expect(told.join()).toContain('Refused: not served: annotation nginx.ingress.kubernetes.io/enable-modsecurity');
  });

  it('gives a host and path to the oldest ingress, and tells the others', () => {
    const rules = (service: string) => [{ host: 'x.example', http: { paths: [path('/', service)] } }];
    const { model, told } = render([
      ingressOf('young', { rules: rules('b') }, {}, 2),
      ingressOf('old', { rules: rules('a') }, {}, 1),
    ]);
    expect([...model.clear.paths.values()]).toEqual(['default:a:80']);
    expect(told).toEqual(['young Conflict: x.example/ is already served for ingress default/old, which is older']);
  });

  it('sends what no rule matches to the default backend of its ingress, for its hosts and for all others', () => {
    const { model } = render([
      ingressOf('d', {
        defaultBackend: { service: { name: 'b', port: { number: 80 } } },
        rules: [{ host: 'x.example', http: { paths: [path('/foo', 'a')] } }],
      }),
    ]);
    expect(Object.fromEntries(model.clear.paths)).toEqual({
      'x.example/foo/': 'default:a:80',
      'x.example/': 'default:b:80',
      '_/': 'default:b:80',
    });
  });

  it('says what is missing, and serves the rest', () => {
    const paths = [
      path('/', 'a'),
      path('/no', 'nobody'),
      { ...path('/port', 'a'), backend: { service: { name: 'a', port: { number: 9 } } } },
    ];
    const { model, told } = render([
      ingressOf('x', { rules: [{ http: { paths } }], tls: [{ hosts: ['s.example'], secretName: 'gone' }] }),
    ]);
    expect(told).toEqual([
      'x InvalidCertificate: secret gone is not used for TLS: there is no such secret',
      'x ServiceNotFound: there is no service default/nobody',
      'x PortNotFound: service default/a has no port 9',
    ]);
    expect(model.backends.get('default:a:80')?.endpoints).toHaveLength(2);
    expect([...model.certificates.keys()]).toEqual(['default']);
  });

  it('sends nothing to what listens on the loopback of the host, or to names outside', () => {
    const [service, slice] = webService('sly', '127.0.0.1', '169.254.169.254', '10.1.0.9');
    const [outside] = webService('outside');
    outside.spec = { type: 'ExternalName', externalName: 'localhost', ports: [{ port: 80 }] };
    const from = clusterObjects(service, slice, outside);
    const { model, told } = render(
      [ingressOf('x', { rules: [{ http: { paths: [path('/', 'sly'), path('/o', 'outside')] } }] })],
      from,
    );
    expect([...model.backends.values()].flatMap(({ endpoints }) => endpoints.map(({ address }) => address))).toEqual([
      '10.1.0.9',
    ]);
    expect(told).toEqual([expect.stringContaining('UnsupportedService')]);
  });

  it('follows other names of services, to other namespaces too', () => {
    const [real, slice] = webService('real', '10.1.0.7');
    real.metadata.namespace = 'other';
    slice.metadata.namespace = 'other';
    const alias = (name: string, externalName: string, ports?: { name: string; port: number }[]) => {
      const [service] = webService(name);
      return { ...service, spec: { type: 'ExternalName', externalName, ...(ports && { ports }) } };
    };
    const named = { path: '/n', pathType: 'Exact', backend: { service: { name: 'named', port: { name: 'x' } } } };
    const { model, told } = render(
      [
        ingressOf('x', {
          rules: [
            { host: 'x.example', http: { paths: [path('/', 'plain'), named, path('/gone', 'gone')] } },
            { host: 'y.example', http: { paths: [path('/', 'round')] } },
          ],
        }),
      ],
      clusterObjects(
        ...[real, slice, alias('plain', 'real.other.svc.cluster.local.'), alias('gone', 'gone.other.svc')],
        ...[alias('named', 'REAL.other.svc', [{ name: 'x', port: 80 }]), alias('round', 'plain.default.svc')],
      ),
    );
    expect([model.clear.paths.get('x.example/'), model.clear.paths.get(routeKey.exact('x.example', '/n'))]).toEqual([
      ...['other:real:80', 'other:real:80'],
    ]);
    expect(model.backends.get('other:real:80')?.endpoints).toMatchObject([{ address: '10.1.0.7' }]);
    expect(told).toEqual([
      'x ServiceNotFound: service default/gone is another name for other/gone, and there is no such service',
      'x ServiceNotFound: service default/round is another name for default/plain, and there is no such service',
    ]);
  });

  it('falls back to endpoints that still serve while they end', () => {
    const [service, slice] = webService('a');
    const conditions = { ready: false, serving: true, terminating: true };
    slice.endpoints = [{ addresses: ['10.1.0.1'], conditions }];
    const { model } = render(
      [ingressOf('x', { rules: [{ http: { paths: [path('/', 'a')] } }] })],
      clusterObjects(service, slice),
    );
    expect(model.backends.get('default:a:80')?.endpoints).toHaveLength(1);
  });

  it('has what stands in for a service ready before it is needed, and tells it for whom it does', () => {
    const rules = [{ host: 'a.example', http: { paths: [path('/', 'a')] } }];
    const ingress = ingressOf('x', { rules }, { 'nginx.ingress.kubernetes.io/default-backend': 'b' });
    const [empty] = webService('a');
    const up = render([ingress]).model;
    const down = render([ingress], clusterObjects(empty, ...webService('b', '10.1.0.3'))).model;
    const [usual] = up.clear.paths.values();
    const [other = ''] = down.clear.paths.values();
    expect(usual).toBe('default:a:80');
    expect([...up.backends.keys()].toSorted()).toEqual([...down.backends.keys()].toSorted());
    const standsInFor = { namespace: 'default', ingress: 'x', service: 'a', port: '80' };
    expect(up.backends.get(other)).toMatchObject({
      settings: { standsInFor },
      endpoints: [{ address: '10.1.0.3' }],
    });
  });
});
