import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { services } from '../client/resources.ts';
import { createInformers } from '../client/shared-informers.ts';
import type { Dataplane } from './dataplane.ts';
import { createServiceProxy, type ServiceProxy } from './service-proxy.ts';

let api: TestApiServer;
let proxy: ServiceProxy;
/** Keys of the services that the kernel has rules for; undefined: none, somebody took them. */
let kernel: Set<string> | undefined;
let onApplied: () => void;
let losses: number;
/** Timers that are set, by their delay; the clock stands still. */
let timers: { delayMs: number; callback: () => void }[];

beforeEach(async () => {
  api = await startTestApiServer();
  [losses, timers, kernel] = [0, [], undefined];
  onApplied = () => {};
  const dataplane: Dataplane = {
    family: 'ip',
    set() {},
    async apply(rules) {
      kernel = new Set(rules.keys());
      onApplied();
    },
    isLost: async () => kernel === undefined,
    async remove() {},
  };
  const clock = {
    ...api.clock,
    setTimer(delayMs: number, callback: () => void) {
      const timer = { delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const random = seededRandom(1);
  const informers = createInformers({ client: api.client, clock: api.clock, random, log: silentLogger });
  const onLost = (): void => void losses++;
  proxy = createServiceProxy({
    ...{ informers, dataplanes: [dataplane], clock, log: silentLogger, nodeName: undefined, onLost },
  });
  const spec = { ports: [{ port: 80 }] };
  await api.client.create(services, { metadata: { name: 'web', namespace: 'default' }, spec });
  await proxy.start();
});

afterEach(async () => {
  proxy.stop();
  await api.close();
});

const applied = (): Promise<void> => new Promise((resolve) => (onApplied = resolve));
function passHalfAMinute(): void {
  const due = timers.filter(({ delayMs }) => delayMs === 30_000);
  expect(due).toHaveLength(1);
  timers = timers.filter((timer) => !due.includes(timer));
  for (const { callback } of due) callback();
}

describe('the service proxy', () => {
  it('makes the rules again that somebody has taken away, and goes on looking', async () => {
    expect([...(kernel ?? [])]).toContain('default/web');
    for (let taken = 1; taken <= 2; taken++) {
      kernel = undefined;
      const again = applied();
      passHalfAMinute();
      await again;
      expect([...((kernel as Set<string> | undefined) ?? [])]).toContain('default/web');
      expect(losses).toBe(taken);
    }
    const looked = applied();
    passHalfAMinute();
    await looked;
    expect(losses).toBe(2);
    proxy.stop();
    expect(timers).toEqual([]);
  });
});
