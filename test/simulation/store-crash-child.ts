/**
 * Commits to the store in argv[2] as fast as it can, and prints each acknowledged commit as one line, `<revision>
 * <writer> <number>`, until it is killed. Commit `number` of a writer writes `/pair/left/<slot>` and
 * `/pair/right/<slot>` together, or deletes both; a second commit creates the marker `/all/<life>/<writer>/<number>`,
 * where the life is argv[3]. It compacts now and then. It waits for a byte on its standard input before it opens the
 * store, so that it can be started while the one before it still runs.
 */
import { readSync, writeSync } from 'node:fs';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import type { Operation, Store } from '../../src/store/store.ts';

const [, , path = '', life = ''] = process.argv;
const writers = 8;

function operationsOf(number: number, writer: number, isDeletion: boolean): Operation[] {
  const value = Buffer.from(JSON.stringify({ life, number, padding: 'x'.repeat(number % 3000) }));
  const slot = `${writer}-${number % 5}`;
  return ['left', 'right'].map((side) => ({
    kind: isDeletion ? 'delete' : 'put',
    key: `/pair/${side}/${slot}`,
    encode: () => ({ value }),
  }));
}

async function write(store: Store, writer: number): Promise<never> {
  for (let number = 0; ; number++) {
    const result = await store.commit(operationsOf(number, writer, number % 7 === 6));
    if (result.kind === 'conflict') continue;
    if (result.kind === 'failed') throw result.error;
    const marker: Operation = {
      kind: 'put',
      key: `/all/${life}/${writer}/${number}`,
      expectedRevision: 0,
      encode: () => ({ value: Buffer.from('{}') }),
    };
    const marked = await store.commit([marker]);
    if (marked.kind !== 'committed') throw new Error(`not created: ${marked.kind}`);
    // Written at once, not when Node gets to it: what is in the pipe survives the kill.
    writeSync(1, `${marked.revision} ${writer} ${number}\n`);
    if (writer === 0 && number % 50 === 49) await store.compact(Math.max(0, store.revision - 200));
  }
}

if (readSync(0, Buffer.alloc(1)) === 0) process.exit(0);
const store = await openLmdbStore({ path });
writeSync(1, `open ${store.revision}\n`);
await Promise.all(Array.from({ length: writers }, (_, writer) => write(store, writer)));
