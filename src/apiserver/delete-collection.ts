import { isApiError } from '../api/status.ts';
import type { AnyObject } from '../api/object.ts';
import type { Core, ResourceRequest } from './core.ts';
import { removeObject } from './delete.ts';
import { deleteOptionsOf } from './delete-options.ts';
import { listOptionsOf } from './list-options.ts';
import { listPage } from './read.ts';
import type { Page } from './read.ts';
import { decodedOf } from './stored-object.ts';

/** Objects deleted at once; upstream's default is one, but there is no reason to wait for each flush. */
const workers = 32;

/** DELETE of a collection: everything that the selectors match. Answers what it found. */
export async function removeCollection(core: Core, request: ResourceRequest): Promise<Page> {
  const options = await deleteOptionsOf(request);
  const page = await listPage(core, request, listOptionsOf(request.request.query, request.served));
  const pending = page.entries.map(decodedOf)[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const object of pending) await removeOne(object);
    }),
  );
  return page;

  async function removeOne({ metadata }: AnyObject): Promise<void> {
    const { name = '', namespace = '' } = metadata;
    try {
      await removeObject(core, { ...request, name, namespace }, options);
    } catch (error) {
      // Somebody else was faster: that is what was wanted.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}
