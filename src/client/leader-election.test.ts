import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../test/support/api-server.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../base/simulated-clock.ts';
import type { Client } from './client.ts';
import { runLeaderElection } from './leader-election.ts';
import { leases, namespaces } from './resources.ts';

let api: TestApiServer;
let clock: SimulatedClock;
let said: string[];

beforeEach(async () => {
  clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } }).catch(() => undefined);
  said = [];
});
afterEach(() => api.close());

function candidate(identity: string, client: Client = api.client): { stop: () => void; result: Promise<string> } {
  const abort = new AbortController();
  const result = runLeaderElection({
    ...{ client, clock, identity, random: seededRandom(identity.length), log: silentLogger, name: 'scheduler' },
    signal: abort.signal,
    async lead(signal) {
      said.push(`${identity} leads`);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      said.push(`${identity} stops`);
    },
  });
  return { stop: () => abort.abort(new Error('stopped')), result };
}

describe('leader election', () => {
  it('lets one lead, and another as soon as the first gives the lease back', async () => {
    const a = candidate('a');
    await clock.settle();
    const b = candidate('bb');
    await clock.advance(60_000);
    expect(said).toEqual(['a leads']);
    const held = await api.client.get(leases, { name: 'scheduler', namespace: 'kube-system' });
    expect(held.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
    a.stop();
    await clock.advance(5000);
    expect([await a.result, said]).toEqual(['stopped', ['a leads', 'a stops', 'bb leads']]);
    const after = await api.client.get(leases, { name: 'scheduler', namespace: 'kube-system' });
    expect(after.spec).toMatchObject({ holderIdentity: 'bb', leaseTransitions: 1 });
    b.stop();
    await clock.settle();
    expect(await b.result).toBe('stopped');
  });

  it('stops leading before anybody else may start when it cannot renew', async () => {
    let isCut = false;
    const cut = new Proxy(api.client, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return isCut ? () => Promise.reject(new Error('the line is cut')) : value.bind(target);
      },
    });
    const a = candidate('a', cut);
    await clock.settle();
    const b = candidate('bb');
    isCut = true;
    await clock.advance(12_500);
    expect(said).toEqual(['a leads', 'a stops']);
    expect(await a.result).toBe('lost');
    await clock.advance(10_000);
    expect(said).toEqual(['a leads', 'a stops', 'bb leads']);
    b.stop();
    await clock.settle();
    await b.result;
  });
});
