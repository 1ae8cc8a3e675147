import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import { routesOf } from './routes.ts';

const web: Service = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80 }] },
};

function alias(externalName: string): Service {
  return { metadata: { name: 'other', namespace: 'default' }, spec: { type: 'ExternalName', externalName } };
}

function slice(addressType: 'IPv4' | 'IPv6', ...addresses: string[]): EndpointSlice {
  return {
    metadata: {
      name: `web-${addressType}`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType,
    ports: [{ name: 'http', port: 5000 }],
    endpoints: addresses.map((address, i) => ({ addresses: [address], conditions: { ready: i < 2 } })),
  };
}

function ingress(service: string, namespace = 'default'): Ingress {
  const backend = { service: { name: service, port: { number: 80 } } };
  return {
    metadata: { name: 'app', namespace },
    spec: { rules: [{ host: 'app', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
    status: { loadBalancer: { ingress: [{ hostname: 'localhost' }] } },
  };
}

const slices = [slice('IPv4', '10.244.1.2', '10.244.1.3', '10.244.1.4')];

describe('where ingresses lead', () => {
  it('counts the endpoints that requests are sent to', () => {
    expect(routesOf([ingress('web', 'shop')], { services: [web], slices })).toMatchObject([
      { host: 'app', path: '/', service: 'web:80', endpoints: 2, status: 'Active' },
    ]);
  });

  it('counts those of the service that an external name stands for', () => {
    const services = [web, alias('web.shop.svc.cluster.local')];
    expect(routesOf([ingress('other')], { services, slices })).toMatchObject([{ endpoints: 2, status: 'Active' }]);
  });

  it('has no endpoints for a name outside the cluster, and for a service that is not there', () => {
    const services = [web, alias('web.example.com')];
    expect(routesOf([ingress('other'), ingress('none')], { services, slices })).toMatchObject([
      { endpoints: 0, status: 'Unavailable' },
      { endpoints: 0, status: 'Unavailable' },
    ]);
  });
});
