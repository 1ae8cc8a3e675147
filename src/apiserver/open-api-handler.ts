import { createHash } from 'node:crypto';
import type { ResourceKind } from '../api/kind.ts';
import { mergeOpenApiV2, type RemoteDescription } from '../api/open-api-merge.ts';
import { encodeOpenApiV2Protobuf } from '../api/open-api-protobuf.ts';
import { openApiV2, openApiV3, openApiV3Index } from '../api/open-api.ts';
import { jsonEquals, type JsonObject } from '../api/plain-json.ts';
import { ApiError } from '../api/status.ts';
import type { ApiRequest, ApiResponse } from './handler.ts';
import type { KindIndex } from './kind-index.ts';

const v2Protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What old clients ask for. It is no valid media type, and answered with its name they refuse the answer. */
const v2ProtobufWithAt = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const v2Types = ['application/json', v2ProtobufWithAt, v2Protobuf];

interface Document {
  bytes: Uint8Array;
  etag: string;
}

/** What other servers say that they serve; their documents of one group and version they answer themselves. */
export interface RemoteOpenApiSource {
  /** Theirs of the `paths` of `/openapi/v3`. Never rejects. */
  index(): Promise<JsonObject>;
  /** Theirs of `/openapi/v2`, the same array while nothing changes. Never rejects. */
  descriptions(): Promise<readonly RemoteDescription[]>;
}

/** Answers `/openapi/v2` and `/openapi/v3/...`, each document made when somebody first asks for it. */
export function createOpenApi(
  kinds: KindIndex,
  remote?: RemoteOpenApiSource,
): (request: ApiRequest) => Promise<ApiResponse | undefined> {
  let all = [...new Set(kinds.all.map(({ kind }) => kind))];
  let seen = kinds.all;
  const documents = new Map<string, Promise<Document>>();
  let others: readonly RemoteDescription[] = [];
  let theirIndex: JsonObject = {};
  const document = (key: string, make: () => Promise<Uint8Array>): Promise<Document> => {
    let found = documents.get(key);
    if (!found) documents.set(key, (found = make().then(withTag)));
    return found;
  };
  return async (request) => {
    const { path } = request;
    if (seen !== kinds.all) {
      seen = kinds.all;
      all = [...new Set(seen.map(({ kind }) => kind))];
      documents.clear();
    }
    if (path === '/openapi/v2') {
      const described = (await remote?.descriptions()) ?? others;
      if (described !== others) for (const type of ['json', 'protobuf']) documents.delete(`v2 ${type}`);
      others = described;
      return respondV2(request, { kinds: all, others }, document);
    }
    if (path === '/openapi/v3' || path === '/openapi/v3/') {
      const theirs = (await remote?.index()) ?? theirIndex;
      if (!jsonEquals(theirs, theirIndex)) documents.delete('v3');
      theirIndex = theirs;
      const index = await document('v3', () => Promise.resolve(jsonOf(openApiV3Index(all, theirs))));
      return respond(request, index, { 'content-type': 'application/json' });
    }
    const match = /^\/openapi\/v3\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))$/.exec(path);
    const [, coreVersion, group = '', groupVersion] = match ?? [];
    const version = coreVersion ?? groupVersion;
    if (version === undefined || !kinds.hasVersion(group, version)) return undefined;
    const found = await document(path, async () => jsonOf(await openApiV3(all, group, version)));
    return respond(request, found, { 'content-type': 'application/json', ...caching(request) });
  };
}

/** A URL with a hash never means anything else. */
function caching({ query }: ApiRequest): Record<string, string> {
  return query.has('hash')
    ? { 'cache-control': 'public, immutable, max-age=31536000' }
    : { 'cache-control': 'no-cache' };
}

async function respondV2(
  request: ApiRequest,
  { kinds, others }: { kinds: readonly ResourceKind[]; others: readonly RemoteDescription[] },
  document: (key: string, make: () => Promise<Uint8Array>) => Promise<Document>,
): Promise<ApiResponse> {
  const accepted = (request.headers.accept ?? '*/*')
    .split(',')
    .map((clause) => (clause.split(';')[0] as string).trim());
  const type = accepted
    .map((media) => (media === '*/*' || media === 'application/*' ? 'application/json' : media))
    .find((media) => v2Types.includes(media));
  if (type === undefined) {
    throw ApiError.of('NotAcceptable', `only the following media types are accepted: ${v2Types.join(', ')}`, {});
  }
  const isJson = type === 'application/json';
  const found = await document(`v2 ${isJson ? 'json' : 'protobuf'}`, async () => {
    const own = await openApiV2(kinds);
    const description = others.length > 0 ? mergeOpenApiV2(own, others) : own;
    return isJson ? jsonOf(description) : encodeOpenApiV2Protobuf(description);
  });
  return respond(request, found, { 'content-type': isJson ? type : v2Protobuf, vary: 'Accept' });
}

function respond(request: ApiRequest, { bytes, etag }: Document, headers: Record<string, string>): ApiResponse {
  if (request.headers['if-none-match'] === etag)
    return { status: 304, headers: { ...headers, etag }, body: { kind: 'none' } };
  return { status: 200, headers: { ...headers, etag }, body: { kind: 'bytes', bytes } };
}

function jsonOf(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function withTag(bytes: Uint8Array): Document {
  return { bytes, etag: `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"` };
}
