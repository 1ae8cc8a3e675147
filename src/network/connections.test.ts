import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../api/types/discovery-v1.ts';
import { lostEndpoints } from './connections.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

function rules(protocol: string, ...endpoints: Endpoint[]): ServiceRules {
  const service = {
    metadata: { name: 'a', namespace: 'b' },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 53, protocol }] },
  };
  const ports = [{ port: 5353, protocol }];
  const slices = [{ metadata: {}, addressType: 'IPv4', ports, endpoints }];
  return renderService({ service, slices }, { nodeName: 'n' });
}

const one: Endpoint = { addresses: ['10.244.1.2'], conditions: { ready: true } };
const two: Endpoint = { addresses: ['10.244.1.3'], conditions: { ready: true } };
const leaving: Endpoint = { ...two, conditions: { ready: false, serving: true, terminating: true } };

describe('connections', () => {
  it('of TCP last while an endpoint terminates, those of UDP only while it is chosen', () => {
    expect(lostEndpoints([rules('TCP', one, two)], [rules('TCP', one, leaving)], [])).toEqual([]);
    expect(lostEndpoints([rules('TCP', one, two)], [rules('TCP', one)], [])).toEqual(['tcp 10.244.1.3 5353']);
    expect(lostEndpoints([rules('UDP', one, two)], [rules('UDP', one, leaving)], [])).toEqual(['udp 10.244.1.3 5353']);
  });

  it('go on when another service has the endpoint still', () => {
    expect(lostEndpoints([rules('TCP', one, two)], [rules('TCP', one)], [rules('TCP', two)])).toEqual([]);
  });
});
