import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import { storeContract } from './store.ts';

storeContract('lmdb', async () => {
  const path = await mkdtemp(join(tmpdir(), 'timonel-store-'));
  let store = await openLmdbStore({ path });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openLmdbStore({ path });
      return store;
    },
    async release() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
});
