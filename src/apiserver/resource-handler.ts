import { ApiError } from '../api/status.ts';
import { bind } from './binding.ts';
import { admitConnection, connectOptions } from './connect.ts';
import { serveComponentStatuses } from './component-statuses.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { create } from './create.ts';
import { removeCollection } from './delete-collection.ts';
import { remove } from './delete.ts';
import type { Endpoint } from './endpoint.ts';
import { evict } from './eviction.ts';
import { formatOf } from './format.ts';
import type { Shape } from './format.ts';
import type { ApiResponse } from './handler.ts';
import { findSubresource } from './kind-index.ts';
import { listOptionsOf } from './list-options.ts';
import { checkPatchType, patch } from './patch.ts';
import { get, listPage } from './read.ts';
import { respondList, respondObject } from './respond.ts';
import { scale } from './scale.ts';
import { decodedOf } from './stored-object.ts';
import { update } from './update.ts';
import { prepareConversions } from './webhooks/conversion.ts';
import { eventEncoder } from './watch-events.ts';
import { watchResponse } from './watch.ts';
import type { WatchObserver } from './watch.ts';

const objectShapes: readonly Shape['kind'][] = ['Table', 'PartialObjectMetadata'];
const listShapes: readonly Shape['kind'][] = ['Table', 'PartialObjectMetadataList'];
const watchShapes: readonly Shape['kind'][] = ['Table', 'PartialObjectMetadata'];
const metadataShapes: readonly Shape['kind'][] = ['PartialObjectMetadata'];

/** Serves requests for objects, once it is settled who asks and that they may. */
export type ResourceHandler = (request: ResourceRequest) => Promise<ApiResponse>;

export function createResourceHandler(
  core: Core,
  { endpoints, observer }: { endpoints: readonly Endpoint[]; observer: WatchObserver },
): ResourceHandler {
  const byPlace = new Map(endpoints.map((endpoint) => [placeOf(endpoint), endpoint]));
  return async (request) => {
    const { kind, subresource } = request;
    const endpoint = byPlace.get(placeOf({ group: kind.group, plural: kind.plural, subresource }));
    if (endpoint) {
      const options = connectOptions(request);
      if (options) await admitConnection(core, request, options);
      return endpoint.handle(request);
    }
    if (request.served.isVirtual) return serveVirtual(core, request);
    if (subresource !== '') return serveSubresource(core, request);
    if (kind.verbs && !(kind.verbs as readonly string[]).includes(request.verb)) throw methodNotAllowed();
    return serveMain(core, request, observer);
  };
}

function placeOf({ group, plural, subresource }: Pick<Endpoint, 'group' | 'plural' | 'subresource'>): string {
  return `${group} ${plural} ${subresource}`;
}

async function serveMain(core: Core, request: ResourceRequest, observer: WatchObserver): Promise<ApiResponse> {
  const { query } = request.request;
  const isCustom = request.served.version.custom !== undefined;
  switch (request.verb) {
    case 'list': {
      const format = formatOf(request.request, listShapes, isCustom);
      const page = await listPage(core, request, listOptionsOf(query, request.served));
      if (request.served.version.webhook) await prepareConversions(core, request.served, page.entries.map(decodedOf));
      return respondList(core, request, { page, format });
    }
    case 'watch': {
      const watchQuery = new URLSearchParams(query);
      watchQuery.set('watch', 'true');
      const options = listOptionsOf(watchQuery, request.served);
      // What is streamed in place of a list (KEP-3157) does not come as tables.
      const shapes = options.sendInitialEvents && options.allowBookmarks ? metadataShapes : watchShapes;
      const encoder = eventEncoder(core, request, formatOf(request.request, shapes, isCustom));
      return watchResponse(core, request, { options, encoder, observer });
    }
    case 'deletecollection': {
      // Of one namespace only: nobody empties all of them with one request.
      if (request.kind.scope === 'Namespaced' && request.namespace === '') throw methodNotAllowed();
      const format = formatOf(request.request, listShapes, isCustom);
      const page = await removeCollection(core, request);
      if (request.served.version.webhook) await prepareConversions(core, request.served, page.entries.map(decodedOf));
      return respondList(core, request, { page, format });
    }
    default:
      return answer(core, request, operations[request.verb]);
  }
}

type Operation = (core: Core, request: ResourceRequest) => Promise<Outcome>;

const operations: Readonly<Record<string, Operation | undefined>> = { get, create, update, patch, delete: remove };

async function answer(core: Core, request: ResourceRequest, operation: Operation | undefined): Promise<ApiResponse> {
  if (!operation || (request.name === '') !== (request.verb === 'create')) throw methodNotAllowed();
  if (request.verb === 'create' && request.kind.scope === 'Namespaced' && request.namespace === '') {
    throw methodNotAllowed();
  }
  if (request.verb === 'patch') checkPatchType(request);
  const format = formatOf(request.request, objectShapes, request.served.version.custom !== undefined);
  const outcome = await operation(core, request);
  if (request.served.version.webhook) await prepareOutcome(core, request, outcome);
  return respondObject(core, request, { outcome, format });
}

async function prepareOutcome(core: Core, { served }: ResourceRequest, outcome: Outcome): Promise<void> {
  if (outcome.kind === 'entry') return prepareConversions(core, served, [decodedOf(outcome.entry)]);
  if (outcome.kind === 'object') return prepareConversions(core, served, [outcome.object]);
}

async function serveSubresource(core: Core, request: ResourceRequest): Promise<ApiResponse> {
  const { kind, subresource, verb } = request;
  const found = findSubresource(kind, subresource);
  if (!found) throw pathNotFound();
  if (!found.verbs.includes(verb)) throw methodNotAllowed();
  switch (subresource) {
    case 'scale':
      return respondObject(core, request, {
        outcome: await scale(core, request),
        format: formatOf(request.request, []),
      });
    case 'binding':
      return respondObject(core, request, {
        outcome: await bind(core, request),
        format: formatOf(request.request, []),
      });
    case 'eviction':
      return respondObject(core, request, {
        outcome: await evict(core, request),
        format: formatOf(request.request, []),
      });
    default: {
      // The rest have the object's own shape: status, finalize, ephemeralcontainers, resize, approval.
      const operation = verb === 'get' || verb === 'update' || verb === 'patch' ? operations[verb] : undefined;
      if (!operation) throw pathNotFound();
      return answer(core, request, operation);
    }
  }
}

async function serveVirtual(core: Core, request: ResourceRequest): Promise<ApiResponse> {
  const pods = core.kinds.find('', 'v1', 'pods');
  const isRead = request.verb === 'get' || request.verb === 'list';
  if (request.kind.plural === 'componentstatuses' && request.subresource === '' && isRead) {
    return serveComponentStatuses(core, request);
  }
  if (request.kind.plural !== 'bindings' || request.kind.group !== '' || !pods) throw pathNotFound();
  if (request.verb !== 'create') throw methodNotAllowed();
  const podRequest = { ...request, served: pods, kind: pods.kind };
  const outcome = await bind(core, podRequest);
  return respondObject(core, podRequest, { outcome, format: formatOf(request.request, []) });
}

export function pathNotFound(): ApiError {
  return ApiError.of('NotFound', 'the server could not find the requested resource', {});
}

function methodNotAllowed(): ApiError {
  return ApiError.of('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}
