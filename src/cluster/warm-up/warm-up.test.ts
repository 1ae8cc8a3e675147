import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import { listen, type Listener } from '../../apiserver/listener.ts';
import { silentLogger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { systemClock } from '../../base/system-clock.ts';
import { createAuthority, createSigningKey, issueCertificate } from '../certificates.ts';
import { round } from './load.ts';
import { createWarmUp, type WarmUp } from './warm-up.ts';

const now = systemClock.now();
const authority = createAuthority('kubernetes', now);
const serving = issueCertificate(
  authority,
  { commonName: 'kube-apiserver', usages: ['server'], hosts: ['127.0.0.1', 'localhost'] },
  now,
);
const admin = issueCertificate(
  authority,
  { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] },
  now,
);
const pki = { authority, admin, serviceAccountKey: createSigningKey() };
const temporary = mkdtempSync(join(tmpdir(), 'timonel-warm-up-'));
const directory = join(temporary, 'store');
const surroundings = { random: systemRandom, log: silentLogger, directory };

describe('the warm-up', () => {
  let api: TestApiServer;
  const listeners: Listener[] = [];
  beforeAll(async () => {
    api = await startTestApiServer();
  });
  afterAll(async () => {
    for (const listener of listeners) await listener.close(0);
    await api.close();
    rmSync(temporary, { recursive: true });
  });

  async function serve(warmUp: WarmUp): Promise<Listener> {
    const listener = await listen({
      handler: warmUp.stepBackFor(api.server.handler),
      ...{ hosts: ['127.0.0.1'], port: 0, key: serving.key, certificate: serving.certificate },
      ...{ clientAuthority: authority.certificate, clock: systemClock, random: systemRandom, log: silentLogger },
    });
    listeners.push(listener);
    return listener;
  }

  it('leaves nothing in the cluster, in its metrics and on the disk', async () => {
    const clock = createSimulatedClock();
    const complaints: unknown[] = [];
    const complain = (...words: unknown[]) => void complaints.push(words);
    const log = { ...silentLogger, warn: complain, debug: complain };
    const warmUp = createWarmUp({ ...surroundings, log, clock, pki, rounds: [1, 52] });
    const before = { revision: api.store.revision, metrics: requestsIn(api.server.metrics.render()) };
    const done = warmUp.start(await serve(warmUp));
    await clock.advance(3000);
    await done;
    expect(complaints).toEqual([]);
    expect({ revision: api.store.revision, metrics: requestsIn(api.server.metrics.render()) }).toEqual(before);
    expect(existsSync(directory)).toBe(false);
  });

  it('waits until it has been quiet for three seconds; heartbeats do not count', async () => {
    const clock = createSimulatedClock();
    const warmUp = createWarmUp({ ...surroundings, clock, pki, rounds: [1] });
    const ask = warmUp.stepBackFor(api.server.handler);
    let isDone = false;
    const done = warmUp.start(await serve(warmUp)).then(() => (isDone = true));
    await clock.advance(2900);
    await ask(requestFor('/api/v1/nodes'), {});
    await clock.advance(2900);
    await ask(requestFor('/apis/coordination.k8s.io/v1/leases'), {});
    expect([isDone, clock.pendingTimers]).toEqual([false, 1]);
    await clock.advance(100);
    await done;
  });

  it('does not mind what a crash left of it', async () => {
    const clock = createSimulatedClock();
    const complaints: unknown[] = [];
    const log = { ...silentLogger, warn: (...words: unknown[]) => void complaints.push(words) };
    mkdirSync(directory);
    writeFileSync(join(directory, 'data.mdb'), 'half a page');
    const warmUp = createWarmUp({ ...surroundings, log, clock, pki, rounds: [1] });
    const done = warmUp.start(await serve(warmUp));
    await clock.advance(3000);
    await done;
    expect(complaints).toEqual([]);
  });

  it('stops in the middle', async () => {
    const clock = createSimulatedClock();
    const warmUp = createWarmUp({ ...surroundings, clock, pki, rounds: [1_000_000] });
    const done = warmUp.start(await serve(warmUp));
    await clock.advance(3000);
    await warmUp.stop();
    await done;
    expect(clock.pendingTimers).toBe(0);
  });

  it('works with pods of several forms, and with other kinds', () => {
    const calls = Array.from({ length: 60 }, (_, i) => round(i)).flat();
    const created = calls.filter(({ method }) => method === 'POST').map(({ path }) => path.split('/').at(-1));
    expect(new Set(created)).toEqual(
      new Set(['pods', 'namespaces', 'configmaps', 'services', 'secrets', 'deployments', 'leases']),
    );
    expect(new Set(calls.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'PATCH', 'DELETE']));
  });
});

function requestsIn(metrics: string): string[] {
  return metrics.split('\n').filter((line) => line.startsWith('apiserver_request_total'));
}

function requestFor(path: string) {
  const { signal } = new AbortController();
  return { method: 'GET', path, query: new URLSearchParams(), headers: {}, body: { kind: 'none' }, signal } as const;
}
