import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/log.ts';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { type ProxyHealth, serveProxyStatus } from './proxy-status.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()));

describe('what the proxy tells of itself', () => {
  it('is where kube-proxy tells it, and bad news when changes wait for long or the node goes', async () => {
    const clock = createSimulatedClock(Date.parse('2026-01-01T00:01:00Z'));
    let health: ProxyHealth = { isHealthy: true, isNodeEligible: true, lastUpdatedMs: clock.now() - 50_000 };
    const status = serveProxyStatus({ health: () => health, clock, log: silentLogger, at: { health: 0, status: 0 } });
    cleanUps.push(() => status.close());
    const [outside = 0, inside = 0] = await Promise.all(
      status.servers.map(async (server) => {
        if (!server.listening) await once(server, 'listening');
        return (server.address() as AddressInfo).port;
      }),
    );
    const get = async (port: number, path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.text()];
    };
    const told = (updated: string, isEligible: boolean): string =>
      `{"lastUpdated": "${updated}","currentTime": "2026-01-01T00:01:00Z", "nodeEligible": ${isEligible}}`;
    expect(await get(outside, '/healthz')).toEqual([200, told('2026-01-01T00:01:00Z', true)]);
    health = { ...health, isNodeEligible: false };
    expect(await get(outside, '/healthz')).toEqual([503, told('2026-01-01T00:01:00Z', false)]);
    expect((await get(outside, '/livez'))[0]).toBe(200);
    health = { ...health, isHealthy: false };
    expect(await get(outside, '/livez')).toEqual([503, told('2026-01-01T00:00:10Z', false)]);
    expect(await get(inside, '/proxyMode')).toEqual([200, 'nftables']);
    expect(await get(inside, '/healthz')).toEqual([200, 'ok']);
    expect((await get(inside, '/metrics'))[0]).toBe(404);
  });
});
