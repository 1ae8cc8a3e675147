import { describe, expect, it } from 'vitest';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { reportOf } from './report.ts';

const slice: EndpointSlice = {
  metadata: { name: 'web-x', namespace: 'default' },
  addressType: 'IPv4',
  ports: [{ port: 5000, protocol: 'TCP' }],
  endpoints: ['a', 'b'].map((name, i) => ({
    addresses: [`10.244.1.${i + 2}`],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name },
  })),
};

function service(annotations: Record<string, string> = {}, ip?: string) {
  return {
    metadata: { name: 'web', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z', annotations },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip }] } },
  };
}

describe('the report of a load balancer', () => {
  it('tells address, status, algorithm and what each endpoint gets', () => {
    expect(reportOf(service({ 'timonel.dev/weights': 'a:90,b:10' }, '10.90.0.1'), [slice])).toEqual({
      name: 'web',
      namespace: 'default',
      created: '2026-01-01T00:00:00Z',
      address: '10.90.0.1',
      status: 'Active',
      algorithm: 'weighted',
      hostPorts: ['*:80->80/tcp'],
      endpoints: [
        { port: 80, pod: 'a', address: '10.244.1.2:5000', share: 0.9 },
        { port: 80, pod: 'b', address: '10.244.1.3:5000', share: 0.1 },
      ],
    });
  });

  it('tells what is missing', () => {
    expect(reportOf(service(), [slice]).status).toBe('Pending');
    expect(reportOf(service({}, '10.90.0.1'), []).status).toBe('Unavailable');
  });

  it('tells the true shares of a hash', () => {
    const { endpoints } = reportOf(service({ 'timonel.dev/load-balancing': 'source-ip-hash' }, '10.90.0.1'), [slice]);
    expect(endpoints.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(endpoints[0]?.share).not.toBe(0.5);
  });
});
