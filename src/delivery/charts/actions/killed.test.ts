import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';
import {
  chartOf,
  installChart,
  rollbackOptions,
  settings,
  uninstallOptions,
  upgradeChart,
} from '../../../../test/support/releases.ts';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../../../base/simulated-clock.ts';
import type { Client } from '../../../client/client.ts';
import { configMaps } from '../../../client/resources.ts';
import { createResourceMapper } from '../../apply/resource-mapper.ts';
import type { Chart } from '../chart/chart.ts';
import { createStorage } from '../release/storage.ts';
import type { ReleaseContext } from './context.ts';
import { rollbackRelease } from './rollback.ts';
import { uninstallRelease } from './uninstall.ts';

let clock: SimulatedClock;
let api: TestApiServer;
beforeEach(async () => {
  clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
});
afterEach(() => api.close());

function contextWith(client: Client): ReleaseContext {
  return {
    ...{ client, clock, random: seededRandom(1), namespace: 'default' },
    mapper: createResourceMapper(client),
    storage: createStorage({ client, clock, namespace: 'default', driver: 'secret' }),
    say: () => undefined,
    log: () => undefined,
  };
}

/** A client of a process that is killed after so many writes: from then on nothing of it reaches the server. */
function mortal(client: Client, writes: number): { client: Client; isDead: () => boolean } {
  let left = writes;
  let isDead = false;
  const writing = new Set(['create', 'createSubresource', 'update', 'patch', 'delete', 'deleteCollection']);
  const proxy = new Proxy(client, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        const isWrite = writing.has(String(name)) || (name === 'raw' && args[0] !== 'GET');
        if (isWrite && left-- <= 0) isDead = true;
        if (isDead) throw new Error('killed');
        return (method as (...given: unknown[]) => Promise<unknown>).apply(target, args);
      };
    },
  });
  return { client: proxy, isDead: () => isDead };
}

const extra = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const hook = `${extra('hook')}`.replace(
  'metadata: {',
  'metadata: {annotations: {helm.sh/hook: "pre-upgrade,pre-delete"}, ',
);

const charts = async (): Promise<{ first: Chart; second: Chart }> => ({
  first: await chartOf({ 'a.yaml': settings, 'hook.yaml': hook, 'old.yaml': extra('old') }),
  second: await chartOf({ 'a.yaml': settings, 'hook.yaml': hook, 'new.yaml': extra('new') }),
});

async function objects(): Promise<string[]> {
  const { items } = await api.client.list(configMaps, { namespace: 'default' });
  return items.map(({ metadata }) => metadata.name ?? '').filter((name) => name !== 'hook');
}

type Operation = (context: ReleaseContext) => Promise<unknown>;

/** Kills an operation after each of its writes, in a world of its own each time, and looks what then works. */
async function killedEverywhere(
  before: (context: ReleaseContext) => Promise<unknown>,
  operation: Operation,
  next: (context: ReleaseContext) => Promise<unknown>,
): Promise<number> {
  for (let writes = 0; ; writes++) {
    await api.close();
    api = await startTestApiServer({ clock });
    await before(contextWith(api.client));
    const { client, isDead } = mortal(api.client, writes);
    await operation(contextWith(client)).catch((error: Error) => expect(error.message).toContain('killed'));
    if (!isDead()) return writes;
    await next(contextWith(api.client));
  }
}

/** One good revision, and the objects that it names: nothing of what was left half made. */
async function expectWell(wanted: readonly string[]): Promise<void> {
  const revisions = await contextWith(api.client).storage.index('web');
  expect(revisions.filter(({ status }) => status === 'deployed')).toHaveLength(1);
  expect(revisions.at(-1)?.status).toBe('deployed');
  expect(revisions.filter(({ status }) => status.startsWith('pending'))).toEqual([]);
  expect(await objects()).toEqual(wanted);
}

const abandonPending = true;

describe('an operation that is killed anywhere leaves a release that can go on:', () => {
  it('an install, by an upgrade or another install', async () => {
    const { first, second } = await charts();
    const kills = await killedEverywhere(
      async () => undefined,
      (context) => installChart(context, first),
      async (context) => {
        const isThere = (await context.storage.index('web')).length > 0;
        if (isThere) await upgradeChart(context, second, { abandonPending });
        else await installChart(context, second);
        await expectWell(['new', 'settings']);
      },
    );
    expect(kills).toBeGreaterThan(3);
  });

  it.each<[string, Operation]>([
    ['an upgrade', async (context) => upgradeChart(context, (await charts()).second)],
    ['a rollback', (context) => rollbackRelease(context, 'web', { ...rollbackOptions, version: 1 })],
  ])('%s, by an upgrade, a rollback or an uninstall', async (_, operation) => {
    const { first, second } = await charts();
    const before = async (context: ReleaseContext): Promise<void> => {
      await installChart(context, first);
      await upgradeChart(context, first, { values: { color: 'blue' } });
    };
    const kills = await killedEverywhere(before, operation, async (context) => {
      await upgradeChart(context, second, { abandonPending });
      await expectWell(['new', 'settings']);
    });
    expect(kills).toBeGreaterThan(3);
    await killedEverywhere(before, operation, async (context) => {
      await rollbackRelease(context, 'web', { ...rollbackOptions, version: 1, abandonPending });
      await expectWell(['old', 'settings']);
    });
    await killedEverywhere(before, operation, async (context) => {
      await uninstallRelease(context, 'web', uninstallOptions);
      expect([await objects(), await context.storage.index('web')]).toEqual([[], []]);
    });
  });

  it('an uninstall, by another one, after which the name is free', async () => {
    const { first } = await charts();
    const kills = await killedEverywhere(
      (context) => installChart(context, first),
      (context) => uninstallRelease(context, 'web', uninstallOptions),
      async (context) => {
        await uninstallRelease(context, 'web', { ...uninstallOptions, ignoreNotFound: true });
        expect(await objects()).toEqual([]);
        await installChart(context, first);
        await expectWell(['old', 'settings']);
      },
    );
    expect(kills).toBeGreaterThan(3);
  });
});
