import type { ApiRequest } from './handler.ts';
import type { KindIndex, Served } from './kind-index.ts';

/** What a URL and method ask for: apiserver's RequestInfo. */
export type RequestInfo = ResourceInfo | { kind: 'nonResource'; verb: string; path: string };

export interface ResourceInfo {
  kind: 'resource';
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** Of the URL; for a namespace itself its own name, as authorization sees it. */
  namespace: string;
  name: string;
  /** What follows the subresource. */
  rest: string;
  /** Undefined for a kind that nobody serves. */
  served: Served | undefined;
}

const namespaceSubresources = new Set(['status', 'finalize']);
const methodVerbs: Readonly<Record<string, string | undefined>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

export function requestInfoOf(request: ApiRequest, kinds: KindIndex): RequestInfo {
  const parts = request.path.split('/').filter((part) => part !== '');
  const isLegacy = parts[0] === 'api';
  const prefixLength = isLegacy ? 2 : 3;
  if ((!isLegacy && parts[0] !== 'apis') || parts.length <= prefixLength) {
    return { kind: 'nonResource', verb: request.method.toLowerCase(), path: request.path };
  }
  const group = isLegacy ? '' : (parts[1] as string);
  const version = parts[prefixLength - 1] as string;
  return resourceInfo({ request, kinds, group, version, parts: parts.slice(prefixLength) });
}

function resourceInfo(options: {
  request: ApiRequest;
  kinds: KindIndex;
  group: string;
  version: string;
  parts: string[];
}): ResourceInfo {
  const { request, kinds, group, version } = options;
  let { parts } = options;
  // Other methods are authorized under their own name, and then not allowed.
  let verb = methodVerbs[request.method] ?? (request.method as string).toLowerCase();
  // `/api/v1/watch/pods`: the way to watch before the query parameter came, still served upstream.
  if (parts[0] === 'watch' && parts.length > 1) {
    verb = 'watch';
    parts = parts.slice(1);
  }
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] as string;
    if (parts.length > 2 && !namespaceSubresources.has(parts[2] as string)) parts = parts.slice(2);
  }
  const [resource = '', name = '', subresource = '', ...rest] = parts;
  if (name === '') {
    if (verb === 'get') verb = wantsWatch(request) ? 'watch' : 'list';
    else if (verb === 'delete') verb = 'deletecollection';
  }
  return {
    kind: 'resource',
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: name === '' ? nameFromSelector(verb, request) : name,
    rest: rest.join('/'),
    served: kinds.find(group, version, resource),
  };
}

function wantsWatch(request: ApiRequest): boolean {
  return isTrue(request.query.get('watch'));
}

/** Booleans in queries are Go's `strconv.ParseBool`, and true when they have no value. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

/** Whoever may only see one object may list it by its name: authorization then looks at that name. */
function nameFromSelector(verb: string, request: ApiRequest): string {
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') return '';
  const selector = request.query.get('fieldSelector');
  const match = selector === null ? null : /(?:^|,)metadata\.name==?([^,=!]+)(?:,|$)/.exec(selector);
  return match?.[1] ?? '';
}
