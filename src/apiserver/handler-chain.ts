import { parseGoDuration } from '../api/go-duration.ts';
import { ApiError } from '../api/status.ts';
import type { Aggregator } from './aggregation/aggregator.ts';
import type { Authenticator } from './authentication.ts';
import type { Attributes, Authorizer } from './authorization.ts';
import { forbidden } from './authorization/forbidden.ts';
import type { Core } from './core.ts';
import type { DiscoveryHandler } from './discovery-paths.ts';
import type { FlowControl } from './flow-control/flow-control.ts';
import { plainFormatOf } from './format.ts';
import type { ApiRequest, ApiResponse, Handler, RequestContext, User } from './handler.ts';
import type { Metrics, RequestLabels } from './metrics.ts';
import type { PathHandler } from './paths.ts';
import { requestInfoOf } from './request-info.ts';
import type { RequestInfo, ResourceInfo } from './request-info.ts';
import type { ResourceHandler } from './resource-handler.ts';
import { pathNotFound } from './resource-handler.ts';
import { respondError } from './respond.ts';

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export interface HandlerParts {
  core: Core;
  metrics: Metrics;
  authenticators: readonly Authenticator[];
  authorizers: readonly Authorizer[];
  /** Asked about requests of other processes: absent, all begin at once. */
  flowControl?: FlowControl | undefined;
  resources: ResourceHandler;
  discovery: DiscoveryHandler;
  paths: PathHandler;
  /** Asked first; absent: nobody else serves anything. */
  aggregator?: Aggregator | undefined;
}

/** Request info, authentication, authorization, dispatch; whatever goes wrong becomes a Status. */
export function createHandler(parts: HandlerParts): Handler {
  const { core, metrics } = parts;
  return async (request, context) => {
    const begun = core.clock.monotonic();
    const info = requestInfoOf(request, core.kinds);
    let response: ApiResponse;
    try {
      response = await handle(parts, { request, context, info });
    } catch (error) {
      response = failure(core, request, error);
    }
    const seconds = response.body.kind === 'watch' ? 0 : (core.clock.monotonic() - begun) / 1000;
    metrics.observe(labelsOf(info), response.status, seconds);
    return response;
  };
}

interface Arrival {
  request: ApiRequest;
  context: RequestContext;
  info: RequestInfo;
}

const streamed = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** How long a client wants to wait at most: every request is answered sooner, but what is no time is refused. */
function checkTimeout({ query }: ApiRequest, info: RequestInfo): void {
  const timeout = query.get('timeout');
  if (!timeout || parseGoDuration(timeout) !== undefined) return;
  if (info.kind === 'resource' && (info.verb === 'watch' || streamed.has(info.subresource))) return;
  const reason = `time: invalid duration ${JSON.stringify(timeout)}`;
  throw ApiError.of('BadRequest', `invalid timeout specified in the request URL - ${reason}`);
}

async function handle(parts: HandlerParts, { request, context, info }: Arrival): Promise<ApiResponse> {
  checkTimeout(request, info);
  const user = await authenticate(parts.authenticators, request, context);
  if (!parts.flowControl || context.user) return serve(parts, { request, context, info }, user);
  const entrance = parts.flowControl.enter(info, user, request);
  const ticket = entrance instanceof Promise ? await entrance : entrance;
  try {
    const response = await serve(parts, { request, context, info }, user).catch((error: unknown) =>
      failure(parts.core, request, error),
    );
    response.headers = { ...response.headers, ...ticket.headers };
    return response;
  } finally {
    ticket.leave();
  }
}

async function serve(parts: HandlerParts, { request, context, info }: Arrival, user: User): Promise<ApiResponse> {
  const attributes = attributesOf(info, user, request);
  await authorize(parts.authorizers, attributes);
  const elsewhere = parts.aggregator?.handle(info, { request, user, remoteAddress: context.remoteAddress });
  if (elsewhere) return elsewhere;
  if (info.kind === 'nonResource') return serveDocument(parts, request);
  const { served } = info;
  if (!served) throw pathNotFound();
  const warnings: string[] = [];
  const warn = (text: string): void => {
    if (!warnings.includes(text)) warnings.push(text);
  };
  if (served.version.deprecation !== undefined) warn(served.version.deprecation);
  const { group, version, name, subresource, rest, verb } = info;
  const namespace = served.kind.scope === 'Namespaced' ? info.namespace : '';
  const response = await parts
    .resources({
      request,
      user,
      kind: served.kind,
      served,
      group,
      version,
      namespace,
      name,
      subresource,
      rest,
      verb,
      warn,
      authorize: (other) => authorize(parts.authorizers, { ...attributes, verb: other }),
      ...(context.remoteAddress !== undefined && { remoteAddress: context.remoteAddress }),
    })
    .catch((error: unknown) => failure(parts.core, request, error));
  if (warnings.length > 0) response.headers = { ...response.headers, warning: warnings.map(warningHeader) };
  return response;
}

async function serveDocument({ discovery, paths }: HandlerParts, request: ApiRequest): Promise<ApiResponse> {
  const response = discovery(request) ?? (await paths(request));
  if (!response) throw pathNotFound();
  return response;
}

async function authenticate(
  authenticators: readonly Authenticator[],
  request: ApiRequest,
  context: RequestContext,
): Promise<User> {
  for (const authenticator of authenticators) {
    const answer = authenticator(request, context);
    const user = answer instanceof Promise ? await answer : answer;
    if (user) return user;
  }
  return context.user ?? anonymous;
}

async function authorize(authorizers: readonly Authorizer[], attributes: Attributes): Promise<void> {
  if (authorizers.length === 0) return;
  const reasons: string[] = [];
  for (const authorizer of authorizers) {
    const answer = authorizer(attributes);
    const decision = answer instanceof Promise ? await answer : answer;
    if (decision.kind === 'allow') return;
    if (decision.reason) reasons.push(decision.reason);
    if (decision.kind === 'deny') break;
  }
  throw forbidden(attributes, reasons.join(', '));
}

function attributesOf(info: RequestInfo, user: User, { query }: ApiRequest): Attributes {
  if (info.kind === 'nonResource') return { ...info, user };
  const { verb, group, version, resource, subresource, namespace, name } = info;
  const selector =
    verb === 'list' || verb === 'watch' || verb === 'deletecollection' ? query.get('fieldSelector') : null;
  return {
    kind: 'resource',
    user,
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    ...(selector !== null && { fieldSelector: selector }),
  };
}

function failure(core: Core, request: ApiRequest, error: unknown): ApiResponse {
  if (error instanceof ApiError) return respondError(error, plainFormatOf(request));
  core.log.error('a request failed', { method: request.method, path: request.path, error });
  const message = error instanceof Error ? error.message : String(error);
  const text = `Internal error occurred: ${message}`;
  return respondError(ApiError.of('InternalError', text, { causes: [{ message }] }), plainFormatOf(request));
}

/** `299 - "text"` (RFC 7234, 5.5). */
function warningHeader(text: string): string {
  const clean = text.replaceAll(/[\r\n]+/g, ' ').replaceAll(/["\\]/g, String.raw`\$&`);
  return `299 - "${clean}"`;
}

function labelsOf(info: RequestInfo): RequestLabels {
  if (info.kind === 'nonResource') {
    return { verb: info.verb.toUpperCase(), group: '', version: '', resource: '', subresource: '', scope: '' };
  }
  return {
    verb: metricVerbs[info.verb] ?? 'OTHER',
    // What nobody serves could be any text.
    group: info.served ? info.group : '',
    version: info.served ? info.version : '',
    resource: info.served ? info.resource : '',
    subresource: info.served ? info.subresource : '',
    scope: scopeOf(info),
  };
}

const metricVerbs: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

function scopeOf({ name, namespace }: ResourceInfo): string {
  if (name !== '') return 'resource';
  return namespace === '' ? 'cluster' : 'namespace';
}
