import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Changes } from './changes.ts';

let root: string;
let changes: Changes;
let abort: AbortController;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'timonel-changes-'));
  changes = new Changes(root, (error) => expect(error).toBeUndefined());
  changes.watch([root], (path) => path.endsWith('.ignored'));
  abort = new AbortController();
});
afterEach(() => {
  changes.close();
  rmSync(root, { recursive: true });
});

const save = (name: string, text: string): void => writeFileSync(join(root, name), text);
const next = (): Promise<string[]> => changes.next(abort.signal);

/** Waits until files that were saved are looked at. */
function settled(): Promise<readonly string[]> {
  return new Promise((resolve) => (changes.onSettled = resolve));
}

describe('changes of files', () => {
  it('come together, and once', async () => {
    save('a', '1');
    save('b', '1');
    save('c.ignored', '1');
    expect((await next()).toSorted()).toEqual(['a', 'b']);
    const later = next();
    save('a', '2');
    expect(await later).toEqual(['a']);
  });

  it('are none where a file is written as it was', async () => {
    save('a', '1');
    save('b', '1');
    await next();
    save('a', '1');
    save('b', '2');
    expect(await next()).toEqual(['b']);
  });

  it('are none where something is made and taken away at once, as editors do', async () => {
    save('a', '1');
    await next();
    save('4913', '');
    rmSync(join(root, '4913'));
    save('a~', '2');
    renameSync(join(root, 'a~'), join(root, 'a'));
    expect(await next()).toEqual(['a']);
    rmSync(join(root, 'a'));
    expect(await next()).toEqual(['a']);
  });

  it('of the time of work are told after it, unless they come back each time', async () => {
    save('made', '1');
    await settled();
    await changes.endWork({ hasFailed: false });
    expect([changes.areDue, await next()]).toEqual([true, ['made']]);
    save('made', '1');
    await settled();
    await changes.endWork({ hasFailed: true });
    expect(changes.areDue).toBe(false);
  });

  it('are all there are after a failure', async () => {
    save('a', '1');
    await next();
    await changes.endWork({ hasFailed: true });
    save('a', '1');
    expect(await next()).toEqual(['a']);
  });

  it('are waited for until it is called off', async () => {
    const waiting = next();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
