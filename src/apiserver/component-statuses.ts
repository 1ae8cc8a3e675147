import { deepFreeze } from '../api/object.ts';
import type { AnyObject } from '../api/object.ts';
import { notFound } from '../api/status.ts';
import type { Entry } from '../store/store.ts';
import type { Core, ResourceRequest } from './core.ts';
import { formatOf } from './format.ts';
import type { ApiResponse } from './handler.ts';
import { respondList, respondObject } from './respond.ts';

/** What upstream calls its store, whatever it is. */
const storeName = 'etcd-0';

/**
 * ComponentStatus is not stored: this server tells the state of what it depends on, its store. Of the other parts it
 * knows nothing, wherever they run: they come to it, and hold leases.
 */
export async function serveComponentStatuses(core: Core, request: ResourceRequest): Promise<ApiResponse> {
  const object = await storeStatus(core);
  if (request.verb === 'list') {
    const shapes = ['Table', 'PartialObjectMetadataList'] as const;
    const page = { entries: [entryOf(object)], revision: core.store.revision, continueToken: '', remaining: undefined };
    return respondList(core, request, { page, format: formatOf(request.request, shapes) });
  }
  if (request.name !== storeName) throw notFound('', 'componentstatuses', request.name);
  const format = formatOf(request.request, ['Table', 'PartialObjectMetadata']);
  return respondObject(core, request, { outcome: { kind: 'object', status: 200, object }, format });
}

async function storeStatus({ store }: Core): Promise<AnyObject> {
  const problem = await store.get('/health').then(
    () => undefined,
    (error: Error) => error.message,
  );
  const condition =
    problem === undefined ? { status: 'True', message: 'ok' } : { status: 'False', message: problem, error: problem };
  return {
    apiVersion: 'v1',
    kind: 'ComponentStatus',
    metadata: { name: storeName },
    conditions: [{ type: 'Healthy', ...condition }],
  };
}

function entryOf(object: AnyObject): Entry {
  const value = Buffer.from(JSON.stringify(object));
  return { key: '', revision: 0, createRevision: 0, value, decoded: deepFreeze(object) };
}
