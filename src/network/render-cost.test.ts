import { describe, expect, it } from 'vitest';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import { fullScript } from './nft-script.ts';
import { renderService, type ServiceRules } from './service-rules.ts';

const services = 10_000;
const endpointsEach = 10;

function slice(index: number): EndpointSlice {
  const endpoints = Array.from({ length: endpointsEach }, (_, i) => ({
    addresses: [`10.${100 + i}.${index >> 8}.${index & 255}`],
    nodeName: `node-${i}`,
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name: `pod-${index}-${i}` },
  }));
  return { metadata: {}, addressType: 'IPv4', ports: [{ port: 8080, protocol: 'TCP' }], endpoints };
}

describe('rendering 10,000 services with 100,000 endpoints from nothing', () => {
  it.each([false, true])('takes less than 2 s of processor time (crowded: %s)', (isCrowded) => {
    const inputs = Array.from({ length: services }, (_, i) => ({
      service: {
        metadata: { name: `web-${i}`, namespace: 'default' },
        spec: { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: [{ port: 80, protocol: 'TCP' }] },
      },
      slices: [slice(i)],
    }));
    const memoryBefore = process.memoryUsage().rss;
    const before = process.cpuUsage();
    const rules = new Map<string, ServiceRules>();
    for (const input of inputs)
      rules.set(input.service.metadata.name, renderService(input, { nodeName: 'node-1', isCrowded }));
    const script = fullScript(
      { family: 'ip', table: 'timonel-t', nodeName: 'node-1', serviceCidrs: ['10.96.0.0/16'] },
      rules,
      { moreRanges: [], isCrowded },
    );
    const { user, system } = process.cpuUsage(before);
    expect((script.match(/add chain ip timonel-t/g) ?? []).length).toBe(isCrowded ? 0 : services);
    expect(script.match(/10\.10\d\.\d+\.\d+ \. 8080/g)).toHaveLength(services * endpointsEach);
    expect((user + system) / 1e6).toBeLessThan(2);
    expect((process.memoryUsage().rss - memoryBefore) / 1e6).toBeLessThan(300);
  });
});
