import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { createSimulatedClock, type SimulatedClock } from '../../base/simulated-clock.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ConfigMap, ResourceQuota } from '../../api/types/core-v1.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { resourceQuotas, type Collection } from './lookup.ts';
import { QuotaLedger } from './quota-ledger.ts';
import { createStoreLookup, putObject, storeKey, type StoreLookup } from './store-lookup.ts';

const configMaps: Collection = { group: '', plural: 'configmaps' };
const made: ConfigMap = { metadata: { name: 'a', namespace: 'web' } };
let clock: SimulatedClock;
let store: Store;
let lookup: StoreLookup;
let ledger: QuotaLedger;

beforeEach(async () => {
  clock = createSimulatedClock();
  store = createMemoryStore();
  lookup = createStoreLookup(store, clock);
  await lookup.follow(resourceQuotas);
  ledger = new QuotaLedger({ store, lookup, clock, log: silentLogger });
  await put(resourceQuotas, { metadata: { name: 'q', namespace: 'web' }, spec: { hard: { configmaps: '5' } } });
  return () => {
    ledger.close();
    lookup.close();
  };
});

async function put(collection: Collection, object: KubeObject | ResourceQuota): Promise<void> {
  const { namespace = '', name = '' } = object.metadata;
  await store.commit([putObject(storeKey(collection, namespace, name), object, 0)]);
  await clock.settle();
}

async function used(): Promise<string | undefined> {
  const found = await store.get(storeKey(resourceQuotas, 'web', 'q'));
  return found.kind === 'found' ? (found.entry.decoded as ResourceQuota).status?.used?.configmaps : undefined;
}

/** What admission does before an object is stored. */
async function reserve(): Promise<void> {
  const expires = clock.now() + 5000;
  ledger.reserve({ namespace: 'web', ...configMaps, object: made, delta: { configmaps: '1' }, expires });
  await ledger.record('web');
}

describe('the ledger of quotas', () => {
  it('gives back at once what was stored a moment ago', async () => {
    expect(await used()).toBe('0');
    await reserve();
    await put(configMaps, made);
    expect(await used()).toBe('1');
    const key = storeKey(configMaps, 'web', 'a');
    const found = await store.get(key);
    if (found.kind !== 'found') throw new Error('not stored');
    await store.commit([{ kind: 'delete', key, encode: () => ({ value: found.entry.value }) }]);
    await clock.settle();
    expect(await used()).toBe('0');
  });

  it('gives back what was admitted and never came', async () => {
    await reserve();
    expect(await used()).toBe('1');
    await clock.advance(5000);
    expect(await used()).toBe('0');
  });

  it('puts a status right that somebody else wrote', async () => {
    const key = storeKey(resourceQuotas, 'web', 'q');
    const found = await store.get(key);
    if (found.kind !== 'found') throw new Error('not stored');
    const quota = found.entry.decoded as ResourceQuota;
    const wrong = { ...quota, status: { hard: { configmaps: '99' }, used: { configmaps: '7' } } };
    await store.commit([putObject(key, wrong, found.entry)]);
    await clock.settle();
    const after = await store.get(key);
    expect(after.kind === 'found' && (after.entry.decoded as ResourceQuota).status).toEqual({
      hard: { configmaps: '5' },
      used: { configmaps: '0' },
    });
  });
});
