import type { Readable } from 'node:stream';
import { hostAndPort } from '../../base/ip-address.ts';
import type { Random } from '../../base/random.ts';
import { ApiError, notFound } from '../../api/status.ts';
import { nodes, services } from '../admission/lookup.ts';
import type { Lookup } from '../admission/lookup.ts';
import type { Endpoint, ResolvedRequest } from '../endpoint.ts';
import type { ApiRequest, ApiResponse, RequestBody } from '../handler.ts';
import type { Backend, BackendResponse, NodeConnector } from './node-connector.ts';
import { passThrough, withoutConnectionHeaders } from './pass-through.ts';
import { findPod } from './pod-target.ts';
import { throughProxy } from './proxied-answer.ts';
import { chooseEndpoint } from './service-endpoint.ts';

/** Where a request goes on to, and under which `address:port` its server knows itself. */
interface ProxyTarget {
  backend: Backend;
  backendHost: string;
}

/** pods/proxy, services/proxy and nodes/proxy: any request, handed on to what the object stands for. */
export function createProxyEndpoints(options: {
  lookup: Lookup;
  connector: NodeConnector;
  random: Random;
}): Endpoint[] {
  const { lookup, connector, random } = options;
  const address = (scheme: 'http' | 'https', host: string, port: number): ProxyTarget => ({
    backend: connector.address(scheme, host, port),
    backendHost: hostAndPort(host, port),
  });
  const endpoint = (
    plural: string,
    find: (resolved: ResolvedRequest, target: ProxyName) => Promise<ProxyTarget>,
  ): Endpoint => ({
    group: '',
    plural,
    subresource: 'proxy',
    async handle(resolved) {
      const redirect = addSlash(resolved);
      return redirect ?? forward(resolved, await find(resolved, parseProxyName(resolved.name)));
    },
  });
  return [
    endpoint('pods', async ({ namespace }, { scheme, name, port }) => {
      const pod = await findPod(lookup, namespace, name);
      const host = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP;
      if (!host) throw ApiError.of('BadRequest', `address not allowed: pod ${name} has no address`);
      const first = pod.spec?.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
      return address(scheme, host, port === '' ? (first ?? 80) : Number(port));
    }),
    endpoint('services', async ({ namespace }, target) => {
      const service = await lookup.fresh(services, namespace, target.name);
      if (!service) throw notFound('', 'services', target.name);
      const { host, port } = await chooseEndpoint({ lookup, random, service, wanted: target.port });
      return address(target.scheme, host, port);
    }),
    endpoint('nodes', async (_, { scheme, name, port }) => {
      const node = await lookup.fresh(nodes, '', name);
      if (!node) throw notFound('', 'nodes', name);
      const own = String(node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? '');
      const host = node.status?.addresses?.find((each) => each.type === 'InternalIP')?.address ?? name;
      if (port !== '' && port !== own) return address(scheme, host, Number(port));
      return { ...address('https', host, Number(own)), backend: connector.node(node) };
    }),
  ];
}

interface ProxyName {
  scheme: 'http' | 'https';
  name: string;
  port: string;
}

/** `name`, `name:port` or `scheme:name:port`. */
function parseProxyName(text: string): ProxyName {
  const parts = text.split(':');
  const [scheme, name, port] =
    parts.length === 3 ? parts : parts.length === 2 ? ['', parts[0], parts[1]] : ['', parts[0], ''];
  const known = scheme === '' || scheme === 'http' || scheme === 'https';
  if (parts.length > 3 || !known || !name)
    throw ApiError.of('BadRequest', `invalid proxy request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port ?? '' };
}

/** Relative links in a root page work only under a path that ends with a slash. */
function addSlash({ request, rest }: ResolvedRequest): ApiResponse | undefined {
  if (rest !== '' || request.path.endsWith('/') || (request.method !== 'GET' && request.method !== 'HEAD'))
    return undefined;
  if (request.headers.upgrade !== undefined) return undefined;
  const query = request.query.toString();
  const location = `${request.path}/${query && `?${query}`}`;
  return { status: 301, headers: { location }, body: { kind: 'none' } };
}

async function forward(resolved: ResolvedRequest, { backend, backendHost }: ProxyTarget): Promise<ApiResponse> {
  const { request, remoteAddress } = resolved;
  const prefix = proxyPath(resolved);
  const path = pathBehind(resolved);
  const answer = await handOn(backend, request, { path, remoteAddress, headers: { 'x-forwarded-uri': prefix + path } });
  return passThrough(throughProxy(answer, { prefix, backendHost, requestHost: request.headers.host ?? '' }));
}

/**
 * Sends a request on to another server, without what was meant for us alone; `path` is encoded, `headers` come in
 * place of those of that name. Rejects with ServiceUnavailable when it cannot be reached.
 */
export async function handOn(
  backend: Backend,
  request: ApiRequest,
  to: { path: string; remoteAddress: string | undefined; headers: Record<string, string | string[]> },
): Promise<BackendResponse> {
  const { body, method, query, signal } = request;
  const { upgrade } = request.headers;
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(withoutConnectionHeaders(request.headers))) {
    if (name === 'authorization' || name.startsWith('impersonate-') || name === 'content-length') continue;
    headers[name] = value;
  }
  if (upgrade !== undefined) Object.assign(headers, { connection: 'Upgrade', upgrade });
  if (to.remoteAddress) {
    headers['x-forwarded-for'] = [headers['x-forwarded-for'], to.remoteAddress].filter(Boolean).join(', ');
  }
  const content = await contentOf(body);
  if (content?.length !== undefined) headers['content-length'] = String(content.length);
  else if (content) headers['transfer-encoding'] = 'chunked';
  const text = query.toString();
  const answer = await backend
    .send({
      method,
      path: `${to.path}${text && `?${text}`}`,
      headers: { ...headers, ...to.headers },
      ...(content && { body: content.body }),
      ...(upgrade !== undefined && { upgrade: true }),
      signal,
    })
    .catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw ApiError.of('ServiceUnavailable', `error trying to reach service: ${reason}`);
    });
  // A body that nobody reads would keep its connection.
  if (method === 'HEAD' && answer.kind === 'answer') answer.body.resume();
  return answer;
}

/** Of any length: what is behind the proxy knows how much it takes. */
async function contentOf(
  body: RequestBody,
): Promise<{ body: Uint8Array | Readable; length: number | undefined } | undefined> {
  if (body.kind === 'none' || (body.kind === 'object' && body.object === undefined)) return undefined;
  if (body.kind === 'bytes' && body.stream) return { body: body.stream(), length: body.length };
  const bytes = body.kind === 'bytes' ? await body.read() : Buffer.from(JSON.stringify(body.object));
  return { body: bytes, length: bytes.length };
}

/** The path at which the root of what is behind the proxy is reached. */
function proxyPath({ version, kind, namespace, name }: ResolvedRequest): string {
  return `/api/${version}/${namespace && `namespaces/${namespace}/`}${kind.plural}/${name}/proxy`;
}

function pathBehind({ request, rest }: ResolvedRequest): string {
  const slash = rest !== '' && request.path.endsWith('/') ? '/' : '';
  return `/${encodePath(rest)}${slash}`;
}

/** Letters that a path may have stay as they are (RFC 3986, 3.3). */
export function encodePath(path: string): string {
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
}
