import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../api/types/discovery-v1.ts';
import { ReferenceCounts } from './reference-counts.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

function rulesOf(protocol: string, ...endpoints: Endpoint[]): ServiceRules {
  const service = {
    metadata: { name: 'a', namespace: 'b' },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 53, protocol }] },
  };
  const ports = [{ port: 5353, protocol }];
  const slices = [{ metadata: {}, addressType: 'IPv4', ports, endpoints }];
  return renderService({ service, slices }, { nodeName: 'n' });
}
const endpointsOf = (...given: Parameters<typeof rulesOf>): ReadonlySet<string> => rulesOf(...given).endpoints;

const one: Endpoint = { addresses: ['10.244.1.2'], conditions: { ready: true } };
const two: Endpoint = { addresses: ['10.244.1.3'], conditions: { ready: true } };
const leaving: Endpoint = { ...two, conditions: { ready: false, serving: true, terminating: true } };

function lost(before: ReadonlySet<string>, after: ReadonlySet<string>, others: ReadonlySet<string> = new Set()) {
  const counts = new ReferenceCounts();
  counts.replace([], [...before, ...others]);
  return counts.replace(before, after).gone;
}

describe('connections', () => {
  it('of TCP last while an endpoint terminates, those of UDP only while it is chosen', () => {
    expect(lost(endpointsOf('TCP', one, two), endpointsOf('TCP', one, leaving))).toEqual([]);
    expect(lost(endpointsOf('TCP', one, two), endpointsOf('TCP', one))).toEqual(['tcp 10.244.1.3 5353']);
    expect(lost(endpointsOf('UDP', one, two), endpointsOf('UDP', one, leaving))).toEqual(['udp 10.244.1.3 5353']);
  });

  it('go on when another service has the endpoint still', () => {
    expect(lost(endpointsOf('TCP', one, two), endpointsOf('TCP', one), endpointsOf('TCP', two))).toEqual([]);
  });

  it('that were asked for and not made are given up where no new one goes', () => {
    const dead: Endpoint = { ...two, conditions: { ready: false, serving: false, terminating: false } };
    expect([...rulesOf('TCP', one, two).resting]).toEqual([]);
    expect([...rulesOf('TCP', one, leaving).resting]).toEqual(['tcp 10.244.1.3 5353']);
    expect([...rulesOf('TCP', one, dead).resting]).toEqual(['tcp 10.244.1.3 5353']);
    // The last one is still asked while it serves.
    expect([...rulesOf('TCP', leaving).resting]).toEqual([]);
    expect([...rulesOf('UDP', one, dead).resting]).toEqual([]);
  });
});
