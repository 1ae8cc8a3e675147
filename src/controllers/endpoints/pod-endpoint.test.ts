import { describe, expect, it } from 'vitest';
import { node, pod, service } from '../../../test/support/objects.ts';
import { mirroredGroups, shouldMirror } from './mirror.ts';
import { endpointPorts, podEndpoint, targetPort } from './pod-endpoint.ts';
import { desiredGroups } from './slice-groups.ts';
import { desiredSubsets, truncateSubsets } from './subsets.ts';

const at = (ip: string, nodeName = 'n1') => ({ spec: { nodeName }, status: { phase: 'Running', podIP: ip } });
const serving = (name: string, ip: string, metadata = {}) => {
  const object = pod(name, { ready: true, metadata, spec: { nodeName: 'n1' } });
  return { ...object, status: { ...object.status, podIP: ip, podIPs: [{ ip }] } };
};
const nodes: Record<string, ReturnType<typeof node>> = {
  n1: node('n1', { metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } } }),
};
const groupsOf = (svc: ReturnType<typeof service>, pods: ReturnType<typeof pod>[]) =>
  desiredGroups({ service: svc, pods, nodeOf: (name) => nodes[name], family: 'IPv4' });

describe('the port that a service port means', () => {
  const withPort = (containerPort: number, protocol = 'TCP') =>
    pod('p', { spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort, protocol }] }] } });

  it('is the number, the service port where none is named, or the container port of that name and protocol', () => {
    expect(targetPort(withPort(1), { port: 80, targetPort: 8080 })).toBe(8080);
    expect(targetPort(withPort(1), { port: 80 })).toBe(80);
    expect(targetPort(withPort(5000), { port: 80, targetPort: 'http' })).toBe(5000);
    expect(targetPort(withPort(5000, 'UDP'), { port: 80, targetPort: 'http' })).toBeUndefined();
  });

  it('groups pods whose named ports differ', () => {
    const svc = service('web', { ports: [{ port: 80, targetPort: 'http' }] });
    const one = {
      ...serving('a', '10.0.0.1'),
      spec: { ...withPort(1).spec, nodeName: 'n1', containers: withPort(1).spec?.containers ?? [] },
    };
    const two = {
      ...serving('b', '10.0.0.2'),
      spec: { ...withPort(2).spec, nodeName: 'n1', containers: withPort(2).spec?.containers ?? [] },
    };
    const { groups } = groupsOf(svc, [one, two]);
    expect(groups.map((group) => group.ports[0]?.port)).toEqual([1, 2]);
    expect(endpointPorts(svc, pod('none'))).toEqual([]);
  });
});

describe('an endpoint', () => {
  it('says where the pod is and how it is', () => {
    const { groups } = groupsOf(service('web'), [serving('a', '10.0.0.1')]);
    expect(groups).toEqual([
      {
        ports: [{ name: '', protocol: 'TCP', port: 8080 }],
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            conditions: { ready: true, serving: true, terminating: false },
            targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
            nodeName: 'n1',
            zone: 'z1',
          },
        ],
      },
    ]);
  });

  it('serves but is not ready while its pod terminates', () => {
    const going = serving('a', '10.0.0.1', { uid: 'uid-a', deletionTimestamp: '2026-01-01T00:00:00Z' });
    const endpoint = podEndpoint({ pod: going, node: undefined, service: service('web'), family: 'IPv4' });
    expect(endpoint.conditions).toEqual({ ready: false, serving: true, terminating: true });
  });

  it('has a host name under the service that its subdomain names', () => {
    const named = serving('a', '10.0.0.1');
    named.spec = { containers: [], hostname: 'a', subdomain: 'web' };
    const hostname = (name: string) =>
      podEndpoint({ pod: named, node: undefined, service: service(name), family: 'IPv4' }).hostname;
    expect([hostname('web'), hostname('other')]).toEqual(['a', undefined]);
  });

  it('is left out without an address, when finished, and on a node that does not exist', () => {
    const finished = pod('f', { spec: { nodeName: 'n1' }, status: { phase: 'Succeeded', podIP: '10.0.0.9' } });
    const lost = pod('l', at('10.0.0.8', 'gone'));
    expect(groupsOf(service('web'), [pod('p'), finished, lost])).toEqual({ groups: [], missingNodes: ['gone'] });
    const all = service('web', { publishNotReadyAddresses: true });
    expect(groupsOf(all, [lost]).groups[0]?.endpoints[0]?.conditions?.ready).toBe(true);
  });
});

describe('Endpoints', () => {
  it('hold ready and other addresses apart, sorted', () => {
    const pods = [serving('b', '10.0.0.2'), serving('a', '10.0.0.1'), pod('c', at('10.0.0.3'))];
    const [subset, ...rest] = desiredSubsets(service('web'), pods);
    expect(rest).toEqual([]);
    expect(subset?.addresses?.map((address) => address.ip)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(subset?.notReadyAddresses?.map((address) => address.ip)).toEqual(['10.0.0.3']);
    expect(subset?.ports).toEqual([{ protocol: 'TCP', port: 8080 }]);
  });

  it('drop terminating pods', () => {
    const going = serving('a', '10.0.0.1', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(desiredSubsets(service('web'), [going])).toEqual([]);
  });

  it('list a headless service without ports', () => {
    const headless = service('web', { clusterIP: 'None', ports: [] });
    expect(desiredSubsets(headless, [serving('a', '10.0.0.1')])[0]?.ports).toBeUndefined();
  });

  it('are cut to a thousand addresses, the ready ones first', () => {
    const address = (i: number) => ({ ip: `10.0.${i >> 8}.${i & 255}` });
    const addresses = Array.from({ length: 900 }, (_, i) => address(i));
    const { subsets, truncated } = truncateSubsets([{ addresses, notReadyAddresses: addresses, ports: [] }]);
    expect(truncated).toBe(true);
    expect(subsets[0]?.addresses).toHaveLength(900);
    expect(subsets[0]?.notReadyAddresses).toHaveLength(100);
  });
});

describe('the mirror of hand-made Endpoints', () => {
  const object = {
    metadata: { name: 'db', namespace: 'default' },
    subsets: [
      {
        addresses: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }],
        notReadyAddresses: [{ ip: '10.1.0.2' }],
        ports: [{ port: 5432 }],
      },
    ],
  };

  it('is made for services without selector, unless told otherwise', () => {
    const bare = service('db');
    delete bare.spec?.selector;
    expect(shouldMirror(object, bare)).toBe(true);
    expect(shouldMirror(object, service('db'))).toBe(false);
    expect(shouldMirror(object, undefined)).toBe(false);
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    expect(shouldMirror({ ...object, metadata: { ...object.metadata, labels } }, bare)).toBe(false);
  });

  it('has the addresses of one family', () => {
    expect(mirroredGroups(object, 'IPv4')).toEqual([
      {
        ports: [{ name: '', protocol: 'TCP', port: 5432 }],
        endpoints: [
          { addresses: ['10.1.0.1'], conditions: { ready: true } },
          { addresses: ['10.1.0.2'], conditions: { ready: false } },
        ],
      },
    ]);
    expect(mirroredGroups(object, 'IPv6')[0]?.endpoints.map((endpoint) => endpoint.addresses)).toEqual([['fd00::1']]);
  });
});
