import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../api/types/discovery-v1.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { createNftDataplane } from './nft.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

function rulesOf(...ips: string[]): ServiceRules {
  const endpoints = ips.map((ip): Endpoint => ({ addresses: [ip], conditions: { ready: true } }));
  const service = {
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: '10.96.0.20', ports: [{ port: 80, protocol: 'TCP' }] },
  };
  const slice = { metadata: {}, addressType: 'IPv4', ports: [{ port: 5000, protocol: 'TCP' }], endpoints };
  return renderService({ service, slices: [slice] }, { nodeName: undefined });
}

function setUp() {
  const clock = createSimulatedClock();
  const said: string[] = [];
  const nft = {
    load: async (script: string) => void said.push(script),
    change: async (s: string) => void said.push(s),
  };
  const scope = { family: 'ip', table: 't', nodeName: undefined, serviceCidrs: [] } as const;
  const dataplane = createNftDataplane(scope, { ...nft, close: () => undefined }, clock);
  const apply = async (...ips: string[]): Promise<string> => {
    await dataplane.apply(new Map([['default/web', rulesOf(...ips)]]), new Set(['default/web']));
    return said.at(-1) ?? '';
  };
  const look = async (): Promise<string> => {
    expect(await dataplane.isLost()).toBe(false);
    return said.at(-1) ?? '';
  };
  return { clock, apply, look };
}

const looksUp = 'add rule ip t cut-prerouting ct status dnat ct direction original jump cut';
const rests = 'delete chain ip t cut-prerouting';

describe('packets of connections that go on', () => {
  it('are looked up from when an endpoint goes until nobody can be on the way to it any more', async () => {
    const { clock, apply, look } = setUp();
    expect(await apply('10.244.1.2', '10.244.1.3')).not.toContain('cut-prerouting');
    expect(await apply('10.244.1.2', '10.244.1.3', '10.244.1.4')).not.toContain('cut-prerouting');
    expect(await apply('10.244.1.2', '10.244.1.3')).toContain(looksUp);
    await clock.advance(10 * 60_000);
    expect(await apply('10.244.1.2')).toContain(looksUp);
    await clock.advance(14 * 60_000);
    expect(await look()).not.toContain(rests);
    await clock.advance(60_000);
    expect(await look()).toContain(rests);
    expect(await look()).not.toContain(rests);
  });
});
