import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import type { Service, ServiceSpec } from '../../types/core-v1.ts';
import { service } from './service.ts';

type Stored = AnyObject & Service;

function make(spec: ServiceSpec): Stored {
  const object: Stored = { metadata: { name: 'web', namespace: 'default' }, spec };
  service.defaults?.(object);
  service.prepareForCreate?.(object, { now: 0 });
  return object;
}

function causes(spec: ServiceSpec): string[] {
  return (service.validate?.(make(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

function row(object: Stored): Record<string, unknown> {
  return Object.fromEntries((service.columns ?? []).map(({ name, value }) => [name, value(object, 0)]));
}

/** What a PUT of `spec` makes of the stored service. */
function replaced(old: Stored, spec: ServiceSpec): Stored {
  const object: Stored = { metadata: { ...old.metadata }, spec };
  service.defaults?.(object);
  service.prepareForUpdate?.(object, old, '', { now: 0 });
  return object;
}

const allocated = { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] };

describe('service defaults', () => {
  it('complete a plain service', () => {
    expect(make({ ports: [{ port: 8000, targetPort: 5000 }], selector: { app: 'web' } })).toMatchObject({
      spec: {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 8000, targetPort: 5000, protocol: 'TCP' }],
      },
      status: { loadBalancer: {} },
    });
  });

  it('aim at the port itself, and keep clients three hours', () => {
    const { spec } = make({ type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] });
    expect(spec).toMatchObject({
      ports: [{ targetPort: 80 }],
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
    });
  });
});

describe('service validation', () => {
  it('lets names begin with a digit (KEP-5311)', () => {
    expect(['1kubernetes', 'web'].map((name) => service.validateName?.(name))).toEqual([undefined, undefined]);
    expect(service.validateName?.('a.b')).toContain('must not contain dots');
  });

  it.each<[string, ServiceSpec]>([
    ['a headless service without ports', { clusterIP: 'None' }],
    ['a name outside', { type: 'ExternalName', externalName: 'db.example.com.' }],
    [
      'two ports with names',
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 81, targetPort: 'http' },
        ],
      },
    ],
    ['a fixed node port', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }],
  ])('accepts %s', (_, spec) => {
    expect(causes(spec)).toEqual([]);
  });

  it.each<[string, ServiceSpec, string]>([
    ['no port', {}, 'spec.ports: Required value'],
    ['ports without names', { ports: [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name: Required value'],
    [
      'a name twice',
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'a', port: 81 },
        ],
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'a port twice',
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
    [
      'a node port inside the cluster',
      { ports: [{ port: 80, nodePort: 30080 }] },
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      'an address that is none',
      { clusterIP: '10.0.0', ports: [{ port: 80 }] },
      'spec.clusterIPs[0]: Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'a headless balancer',
      { type: 'LoadBalancer', clusterIP: 'None', ports: [{ port: 80 }] },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services',
    ],
    ['no name outside', { type: 'ExternalName' }, 'spec.externalName: Required value'],
    [
      'affinity for days',
      {
        ports: [{ port: 80 }],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 90000 } },
      },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than or equal to 86400',
    ],
  ])('refuses %s', (_, spec, cause) => {
    expect(causes(spec)).toContain(cause);
  });
});

describe('service update', () => {
  it('keeps what the cluster gave when a client leaves it out', () => {
    const old = make({ ...allocated, type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] });
    expect(replaced(old, { type: 'NodePort', ports: [{ port: 80 }] }).spec).toMatchObject({
      ...allocated,
      ports: [{ port: 80, nodePort: 30001 }],
    });
  });

  it('gives node ports and addresses up with the type that had them', () => {
    const old = make({ ...allocated, type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] });
    const inside = replaced(old, { ...structuredClone(old.spec!), type: 'ClusterIP' });
    expect(inside.spec?.ports?.[0]).not.toHaveProperty('nodePort');
    expect(inside.spec).not.toHaveProperty('externalTrafficPolicy');
    const outside = replaced(old, { ...structuredClone(old.spec!), type: 'ExternalName', externalName: 'a.b' });
    expect(outside.spec).not.toHaveProperty('clusterIP');
  });

  it('does not move to another address', () => {
    const old = make({ ...allocated, ports: [{ port: 80 }] });
    const moved = replaced(old, { clusterIP: '10.96.0.6', ports: [{ port: 80 }] });
    const found = service.validateUpdate?.(moved, old, '').map(({ field, message }) => `${field}: ${message}`);
    expect(found).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set']);
  });
});

describe('service columns', () => {
  it('print addresses and ports of each type', () => {
    expect(row(make({ ...allocated, ports: [{ port: 80 }], selector: { b: '2', a: '1' } }))).toMatchObject({
      Type: 'ClusterIP',
      'Cluster-IP': '10.96.0.5',
      'External-IP': '<none>',
      'Port(s)': '80/TCP',
      Selector: 'a=1,b=2',
    });
    const balancer = make({ ...allocated, type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30001 }] });
    expect(row(balancer)).toMatchObject({ 'External-IP': '<pending>', 'Port(s)': '80:30001/TCP' });
    balancer.status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    expect(row(balancer)).toMatchObject({ 'External-IP': '192.0.2.1' });
    expect(row(make({ type: 'ExternalName', externalName: 'a.b' }))).toMatchObject({
      'Cluster-IP': '<none>',
      'External-IP': 'a.b',
      'Port(s)': '<none>',
    });
  });
});
