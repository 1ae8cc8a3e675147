import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../api/types/discovery-v1.ts';
import { ReferenceCounts } from './reference-counts.ts';
import { renderService } from './service-rules.ts';

function endpointsOf(protocol: string, ...endpoints: Endpoint[]): ReadonlySet<string> {
  const service = {
    metadata: { name: 'a', namespace: 'b' },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 53, protocol }] },
  };
  const ports = [{ port: 5353, protocol }];
  const slices = [{ metadata: {}, addressType: 'IPv4', ports, endpoints }];
  return renderService({ service, slices }, { nodeName: 'n' }).endpoints;
}

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
});
