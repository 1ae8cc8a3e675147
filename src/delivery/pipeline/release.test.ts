import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../test/support/api-server.ts';
import type { KubeObject } from '../../api/object.ts';
import { seededRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import { parseManifests } from '../apply/manifests.ts';
import { createResourceMapper } from '../apply/resource-mapper.ts';
import type { ReleaseContext, Rollout } from '../charts/actions/context.ts';
import { createStorage } from '../charts/release/storage.ts';
import type { LoadedSource } from './load-source.ts';
import { renderPlan } from './plan-diff.ts';
import { keepRecord, keepStopped, recordsOf, type ShipRecord, type StoppedRecord, stoppedRecordsOf } from './record.ts';
import { deployRelease, lastGoodRevision, planRelease, restoreRelease, returnTo } from './release.ts';

let api: TestApiServer;
let context: ReleaseContext;
const applied: string[][] = [];
beforeEach(async () => {
  const clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
  const { client } = api;
  applied.length = 0;
  context = {
    ...{ client, clock, random: seededRandom(1), namespace: 'default', say: () => undefined, log: () => undefined },
    mapper: createResourceMapper(client),
    storage: createStorage({ client, clock, namespace: 'default', driver: 'secret' }),
  };
});
afterEach(() => api.close());

const source = (color: string, more = ''): LoadedSource => {
  const text = `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {color: ${color}}}\n${more}`;
  const objects: KubeObject[] = parseManifests(text, 'test').map(({ object }) => object);
  const metadata = { apiVersion: 'v2' as const, name: 'shop', version: '0.0.0' };
  return { chart: { metadata, templates: [], values: {}, files: [], raw: [], dependencies: [] }, values: {}, objects };
};
const extra = '---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}}\n';
const good: Rollout = async ({ wanted }, apply) => {
  applied.push((await apply(wanted)).map(({ name, action }) => `${name.name} ${action}`));
};
const bad: Rollout = async (change, apply) => {
  await good(change, apply);
  throw new Error('it crashes');
};
const options = (rollout: Rollout) => ({
  name: 'shop',
  timeoutMs: 1000,
  history: 10,
  description: 'Shipped abc',
  strategy: rolling,
  rollout,
});
const rolling = { type: 'rolling' as const };
const color = async (): Promise<string | undefined> =>
  (await api.client.get(configMaps, { name: 'settings', namespace: 'default' })).data?.['color'];
const revisions = async (): Promise<string[]> =>
  (await context.storage.index('shop')).map(({ version, status }) => `${version} ${status}`);

describe('a shipped release', () => {
  it('is kept as Helm keeps releases, whatever it is made of', async () => {
    expect((await deployRelease(context, source('red'), options(good))).version).toBe(1);
    expect((await deployRelease(context, source('blue', extra), options(good))).version).toBe(2);
    expect(await revisions()).toEqual(['1 superseded', '2 deployed']);
    expect(applied).toEqual([['settings created'], ['extra created', 'settings configured']]);
  });

  it('is restored when its rollout fails: what was new goes, what was there comes back', async () => {
    await deployRelease(context, source('red'), options(good));
    await expect(deployRelease(context, source('blue', extra), options(bad))).rejects.toThrow('it crashes');
    expect(await color()).toBe('blue');
    expect(await restoreRelease(context, options(good))).toMatchObject({
      kind: 'rolled-back',
      to: 1,
      release: { version: 3 },
    });
    expect(await color()).toBe('red');
    expect(await revisions()).toEqual(['1 superseded', '2 failed', '3 deployed']);
    expect(applied.at(-1)).toEqual(['settings configured', 'extra deleted']);
  });

  it('loses what the version that failed has added to an object that both have', async () => {
    await deployRelease(context, source('red'), options(good));
    const added = source('blue, more: added');
    await expect(deployRelease(context, added, options(bad))).rejects.toThrow('it crashes');
    const data = async () => (await api.client.get(configMaps, { name: 'settings', namespace: 'default' })).data;
    expect(await data()).toEqual({ color: 'blue', more: 'added' });
    await restoreRelease(context, options(good));
    expect(await data()).toEqual({ color: 'red' });
    // The same holds for a way forward that follows a failure.
    await expect(deployRelease(context, added, options(bad))).rejects.toThrow('it crashes');
    await deployRelease(context, source('green'), options(good));
    expect(await data()).toEqual({ color: 'green' });
  });

  it('is left alone while somebody else is at it', async () => {
    await deployRelease(context, source('red'), options(good));
    let refused: unknown;
    await deployRelease(
      context,
      source('blue'),
      options(async (change, apply) => {
        refused = await deployRelease(context, source('pink'), options(good)).catch((error: unknown) => error);
        expect(await restoreRelease(context, options(good))).toEqual({ kind: 'nothing' });
        await good(change, apply);
      }),
    );
    expect((refused as Error).message).toContain('another operation (install/upgrade/rollback) is in progress');
    expect(await color()).toBe('blue');
  });

  it('is removed when there never was a good one', async () => {
    await expect(deployRelease(context, source('red'), options(bad))).rejects.toThrow('it crashes');
    expect(await restoreRelease(context, options(good))).toEqual({ kind: 'removed' });
    expect(await revisions()).toEqual([]);
    await expect(color()).rejects.toThrow('not found');
  });

  it('is left as it is when the failure came before any change', async () => {
    expect(await restoreRelease(context, options(good))).toEqual({ kind: 'nothing' });
    await deployRelease(context, source('red'), options(good));
    expect(await restoreRelease(context, options(good))).toEqual({ kind: 'unchanged', revision: 1 });
  });

  it('goes back to the good one before the newest', async () => {
    await deployRelease(context, source('red'), options(good));
    expect(await lastGoodRevision(context, 'shop')).toBeUndefined();
    await deployRelease(context, source('blue'), options(good));
    expect(await lastGoodRevision(context, 'shop')).toBe(1);
    expect((await returnTo(context, 1, options(good))).version).toBe(3);
    expect(await color()).toBe('red');
    expect(await lastGoodRevision(context, 'shop')).toBe(2);
  });
});

describe('the plan of a release', () => {
  it('is what the server would make of it, and changes nothing', async () => {
    expect(renderPlan(await planRelease(context, source('red'), 'shop', rolling)).at(-1)).toBe(
      '1 to create, 0 to change, 0 to delete, 0 unchanged.',
    );
    await deployRelease(context, source('red', extra), options(good));
    const lines = renderPlan(await planRelease(context, source('blue'), 'shop', rolling));
    expect(lines).toContain('~ ConfigMap default/settings');
    expect(lines).toContain('- ConfigMap default/extra');
    expect(lines.at(-1)).toBe('0 to create, 1 to change, 1 to delete, 0 unchanged.');
    expect(await color()).toBe('red');
  });

  it('counts what is of a kind or in a namespace that is not there yet as new', async () => {
    const unknown = '---\n{apiVersion: no.such/v1, kind: Thing, metadata: {name: x}}\n';
    const elsewhere = '---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: later}}\n';
    const lines = renderPlan(await planRelease(context, source('red', unknown + elsewhere), 'shop', rolling));
    expect(lines.at(-1)).toBe('3 to create, 0 to change, 0 to delete, 0 unchanged.');
  });
});

describe('the record of a shipment', () => {
  it('lies beside its revision, and belongs to it', async () => {
    await deployRelease(context, source('red'), options(good));
    const record = { by: 'ana@laptop', commit: 'abc', images: [], tests: [] } as unknown as ShipRecord;
    const at = { namespace: 'default', release: 'shop', revision: 1 };
    await keepRecord(api.client, at, record);
    await keepRecord(api.client, at, { ...record, commit: 'def' });
    expect([...(await recordsOf(api.client, 'default', 'shop'))]).toEqual([[1, { ...record, commit: 'def' }]]);
    const { items } = await api.client.list(configMaps, { namespace: 'default', labelSelector: 'owner=timonel-ship' });
    const [secret] = (await api.client.list(secrets, { namespace: 'default' })).items;
    expect(items[0]?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Secret', uid: secret?.metadata.uid });
  });

  it('keeps the last ways that were stopped, with the newest revision or without any', async () => {
    const record = {
      by: 'ana@laptop',
      commit: 'abc',
      images: [],
      reason: 'test pytest failed',
    } as unknown as StoppedRecord;
    const at = { namespace: 'default', release: 'shop', history: 2 };
    const stop = (endedAt: string, newest?: number): Promise<void> =>
      keepStopped(api.client, { ...at, newest }, { ...record, endedAt });
    await stop('2024-05-01T12:00:00Z');
    await deployRelease(context, source('red'), options(good));
    await stop('2024-05-01T12:01:00Z', 1);
    await stop('2024-05-01T12:02:00Z', 1);
    const kept = await stoppedRecordsOf(api.client, 'default', 'shop');
    expect(kept.map(({ endedAt }) => endedAt)).toEqual(['2024-05-01T12:01:00Z', '2024-05-01T12:02:00Z']);
    expect(kept[0]).toEqual({ ...record, endedAt: '2024-05-01T12:01:00Z' });
    expect((await recordsOf(api.client, 'default', 'shop')).size).toBe(0);
    const labelSelector = 'owner=timonel-ship-stopped';
    const { items } = await api.client.list(configMaps, { namespace: 'default', labelSelector });
    expect(items.map(({ metadata }) => metadata.ownerReferences?.[0]?.name)).toEqual(
      Array.from({ length: 2 }, () => 'sh.helm.release.v1.shop.v1'),
    );
  });
});
