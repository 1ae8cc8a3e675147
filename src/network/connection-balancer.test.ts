import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../base/simulated-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Service } from '../api/types/core-v1.ts';
import type { ServiceInput } from './dataplane.ts';
import type { ProxyModel } from './ingress/model.ts';
import { createConnectionBalancer } from './connection-balancer.ts';

function input(name: string, ips: readonly string[], annotations?: Record<string, string>): ServiceInput {
  const service: Service = {
    metadata: {
      name,
      namespace: 'a',
      annotations: annotations ?? { 'timonel.dev/load-balancing': 'least-connections' },
    },
    spec: {
      ports: [
        { name: 'web', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    },
  };
  const ports = [
    { name: 'web', port: 8080, protocol: 'TCP' },
    { name: 'dns', port: 5353, protocol: 'UDP' },
  ];
  const endpoints = ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } }));
  return { service, slices: [{ metadata: {}, addressType: 'IPv4', ports, endpoints }] };
}

function start() {
  const clock = createSimulatedClock();
  const models: ProxyModel[] = [];
  const changed: string[] = [];
  const failed: string[] = [];
  let port = 30_000;
  let lose = (): void => {};
  const state = { refuses: false, opened: 0 };
  const balancer = createConnectionBalancer({
    ...{ address: '10.89.0.1', clock, log: silentLogger },
    freePort: () => Promise.resolve(port++),
    openProxy(onLost) {
      state.opened++;
      lose = onLost;
      if (state.refuses) return Promise.reject(new Error('not installed'));
      return Promise.resolve({ apply: (model) => (models.push(model), Promise.resolve({ reloaded: false })) });
    },
    onChanged: (key) => changed.push(key),
    onFailed: ({ metadata }, reason) => failed.push(`${metadata.name}: ${reason}`),
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { balancer, clock, models, changed, failed, state, lose: () => lose(), settle };
}

describe('a balancer that counts connections', () => {
  it('is opened for the first service that asks, and listens for its TCP ports', async () => {
    const { balancer, models, changed, state, settle } = start();
    balancer.set('a/other', input('other', ['10.0.0.9'], {}));
    await settle();
    expect(state.opened).toBe(0);
    balancer.set('a/web', input('web', ['10.0.0.1', '10.0.0.2']));
    expect(balancer.portsOf('a/web').size).toBe(0);
    await settle();
    expect([...(models[0]?.tcp ?? [])]).toEqual([
      [
        'balance.a.web.80',
        {
          ...{ address: '10.89.0.1', port: 30_000, balance: 'least-connections' },
          endpoints: [
            { address: '10.0.0.1', port: 8080, weight: 1 },
            { address: '10.0.0.2', port: 8080, weight: 1 },
          ],
        },
      ],
    ]);
    expect([...balancer.portsOf('a/web')]).toEqual([[80, 30_000]]);
    expect(changed).toEqual(['a/web']);
  });

  it('follows endpoints without telling anybody, and forgets a service with the last of them', async () => {
    const { balancer, models, changed, settle } = start();
    balancer.set('a/web', input('web', ['10.0.0.1']));
    await settle();
    balancer.set('a/web', input('web', ['10.0.0.1']));
    balancer.set('a/web', input('web', ['10.0.0.2']));
    await settle();
    expect(models.length).toBe(2);
    expect(models[1]?.tcp.get('balance.a.web.80')).toMatchObject({
      port: 30_000,
      endpoints: [{ address: '10.0.0.2' }],
    });
    expect(changed).toEqual(['a/web']);
    balancer.set('a/web', input('web', []));
    await settle();
    expect([models[2]?.tcp.size, balancer.portsOf('a/web').size]).toEqual([0, 0]);
    expect(changed).toEqual(['a/web', 'a/web']);
  });

  it('leaves connections to the rules while it cannot be had, says why, and tries again', async () => {
    const { balancer, clock, models, changed, failed, state, lose, settle } = start();
    state.refuses = true;
    balancer.set('a/web', input('web', ['10.0.0.1']));
    await settle();
    expect(failed).toEqual(['web: not installed']);
    expect(changed).toEqual([]);
    state.refuses = false;
    await clock.advance(5_000);
    await settle();
    expect(models.length).toBe(1);
    expect(balancer.portsOf('a/web').size).toBe(1);
    lose();
    expect(balancer.portsOf('a/web').size).toBe(0);
    await settle();
    expect(balancer.portsOf('a/web').size).toBe(1);
    expect(changed).toEqual(['a/web', 'a/web', 'a/web']);
  });
});
