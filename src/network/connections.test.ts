import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../api/types/discovery-v1.ts';
import { createTrackedConnections } from './connections.ts';
import { parted } from './nft.ts';
import { ReferenceCounts } from './reference-counts.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

function rulesOf(protocol: string, ...endpoints: Endpoint[]): ServiceRules {
  const service = {
    metadata: { name: 'a', namespace: 'b' },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 53, nodePort: 30053, protocol }] },
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

  it('of UDP end where the service they came by has another endpoint now, though it is behind others still', () => {
    const was = rulesOf('UDP', one, two);
    const by = (entry: string): string => `udp 10.244.1.3 5353 ${entry}`;
    expect(parted(was, rulesOf('UDP', one), new Set())).toEqual([by('10.96.0.9 53'), by('* 30053')]);
    expect(parted(was, rulesOf('UDP', one), new Set(['udp 10.244.1.3 5353']))).toEqual([]);
    expect(parted(was, undefined, new Set(['udp 10.244.1.2 5353']))).toEqual([by('10.96.0.9 53'), by('* 30053')]);
    expect(parted(rulesOf('UDP', one), was, new Set())).toEqual([]);
    expect(parted(rulesOf('TCP', one, two), rulesOf('TCP', one), new Set())).toEqual([]);
  });

  it('that were asked for and not made are those to an endpoint that fails', () => {
    const dead: Endpoint = { ...two, conditions: { ready: false, serving: false, terminating: false } };
    expect([...rulesOf('TCP', one, two).failing]).toEqual([]);
    expect([...rulesOf('TCP', one, leaving).failing]).toEqual([]);
    expect([...rulesOf('TCP', one, dead).failing]).toEqual(['tcp 10.244.1.3 5353']);
    expect([...rulesOf('UDP', one, dead).failing]).toEqual([]);
  });

  it('are forgotten one call after the other, those asked for meanwhile in the next round', async () => {
    const calls: string[] = [];
    const ends: ((isDone: boolean) => void)[] = [];
    const run = (args: readonly string[]): Promise<boolean> => {
      calls.push(args.join(' '));
      return new Promise((resolve) => ends.push(resolve));
    };
    const end = async (isDone = true): Promise<void> => {
      ends.shift()?.(isDone);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const connections = createTrackedConnections('ip', run);
    connections.forget(['udp 10.0.0.1 53']);
    connections.forget([]);
    connections.forgetAttempts(['tcp 10.0.0.1 80']);
    connections.forgetAttempts(['tcp 10.0.0.1 80']);
    expect(calls).toEqual(['-D -f ipv4 -p udp --dst-nat 10.0.0.1 --reply-port-src 53']);
    await end(false);
    expect(calls.splice(1)).toEqual(calls);
    await end();
    expect(calls.slice(1)).toEqual(['-D -f ipv4 -p tcp --dst-nat --state CLOSE']);
    await end();
    expect(calls.slice(2)).toEqual(['-D -f ipv4 -p tcp --dst-nat 10.0.0.1 --reply-port-src 80 --state SYN_SENT']);
    await end();
    connections.forgetAttempts(Array.from({ length: 30 }, (_, i) => `tcp 10.0.0.${i} 80`));
    await end();
    expect(calls.slice(3)).toEqual(
      ['CLOSE', 'SYN_SENT'].map((state) => `-D -f ipv4 -p tcp --dst-nat --state ${state}`),
    );
  });

  it('of datagrams start anew where nothing refused them before there was an endpoint', async () => {
    const ports = [{ port: 53, nodePort: 30053, protocol: 'UDP' }];
    const spec = { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], externalIPs: ['10.90.0.1'], ports };
    const service = { metadata: { name: 'a', namespace: 'b' }, spec };
    const entriesWith = (...endpoints: Endpoint[]): string[] => {
      const slices = [{ metadata: {}, addressType: 'IPv4', ports: [{ port: 5353, protocol: 'UDP' }], endpoints }];
      return [...renderService({ service, slices }, { nodeName: 'n' }).datagramEntries];
    };
    expect(entriesWith()).toEqual([]);
    expect(entriesWith(one)).toEqual(['* 30053', '10.90.0.1 53']);
    const inside = { ...service, spec: { clusterIP: '10.96.0.9', ports: [{ port: 53, protocol: 'UDP' }] } };
    const slices = [{ metadata: {}, addressType: 'IPv4', ports: [{ port: 5353, protocol: 'UDP' }], endpoints: [one] }];
    expect([...renderService({ service: inside, slices }, { nodeName: 'n' }).datagramEntries]).toEqual([]);
    const calls: string[] = [];
    const connections = createTrackedConnections('ip6', (args) => Promise.resolve(calls.push(args.join(' ')) > 0));
    connections.forgetUntranslated(['* 30053']);
    connections.forgetUntranslated(['fd00::1 53']);
    connections.forget(['udp fd01::2 5353 fd00::1 53', 'udp fd01::2 5353 * 30053']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual([
      '-D -f ipv6 -p udp --orig-port-dst 30053 --reply-port-src 30053',
      '-D -f ipv6 -p udp --dst-nat fd01::2 --reply-port-src 5353 --orig-dst fd00::1 --orig-port-dst 53',
      '-D -f ipv6 -p udp --dst-nat fd01::2 --reply-port-src 5353 --orig-port-dst 30053',
      '-D -f ipv6 -p udp --orig-dst fd00::1 --reply-src fd00::1 --orig-port-dst 53 --reply-port-src 53',
    ]);
  });
});
