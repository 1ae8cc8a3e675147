import { stringify } from 'yaml';
import type { KubeObject } from '../api/object.ts';
import { encodeProtobuf } from '../api/protobuf.ts';
import type { ApiError } from '../api/status.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import type { Format } from './format.ts';
import { notAcceptable } from './format.ts';
import type { ApiResponse, ResponseBody } from './handler.ts';
import type { Served } from './kind-index.ts';
import type { Page } from './read.ts';
import { shapeList, shapeObject, versionsOf } from './shapes.ts';
import { copyInVersion, decodedOf } from './stored-object.ts';

const metaTypes = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** Schema types of the objects that belong to no kind, for protobuf. */
const typesByKind: Readonly<Record<string, string>> = {
  Status: `${metaTypes}Status`,
  APIGroup: `${metaTypes}APIGroup`,
  APIGroupList: `${metaTypes}APIGroupList`,
  APIResourceList: `${metaTypes}APIResourceList`,
  APIVersions: `${metaTypes}APIVersions`,
  PartialObjectMetadata: `${metaTypes}PartialObjectMetadata`,
  PartialObjectMetadataList: `${metaTypes}PartialObjectMetadataList`,
};

/** The answer to a request for one object. */
export function respondObject(
  core: Core,
  { served, request }: ResourceRequest,
  { outcome, format }: { outcome: Outcome; format: Format },
): ApiResponse {
  const { status } = outcome;
  const headers = objectHeaders(format);
  const isPlain = format.media === 'json' && !format.isPretty && !format.shape;
  switch (outcome.kind) {
    case 'entry': {
      const { entry } = outcome;
      if (isPlain && served.isStorageVersion) {
        return { status, headers, body: { kind: 'entry', entry, object: () => decodedOf(entry) } };
      }
      const object = shapeObject(versionsOf(entry, served), served, { format, query: request.query, core });
      return { status, headers, body: encodeBody(object, format, typeOf(object, served)) };
    }
    case 'object': {
      const stored = outcome.object;
      const wire = served.isStorageVersion ? stored : copyInVersion(stored, served);
      const object = shapeObject({ stored, wire }, served, { format, query: request.query, core });
      return { status, headers, body: encodeBody(object, format, typeOf(object, served)) };
    }
    case 'status':
      return { status, headers, body: encodeBody(outcome.object, format, typesByKind.Status) };
    case 'other':
      return { status, headers, body: encodeBody(outcome.object, format, outcome.type) };
  }
}

/** The answer to a list. */
export function respondList(
  core: Core,
  { served, request }: ResourceRequest,
  { page, format }: { page: Page; format: Format },
): ApiResponse {
  const headers = objectHeaders(format);
  const { entries } = page;
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continueToken !== '' && { continue: page.continueToken }),
    ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
  };
  const head = {
    kind: served.version.custom?.listKind ?? `${served.kind.kind}List`,
    apiVersion: served.apiVersion,
    metadata,
  };
  if (format.media === 'json' && !format.isPretty && !format.shape && served.isStorageVersion) {
    const list = (): unknown => ({ ...head, items: entries.map(decodedOf) });
    const text = `${JSON.stringify(head).slice(0, -1)},"items":[`;
    return { status: 200, headers, body: { kind: 'list', entries, list, head: text, tail: ']}' } };
  }
  const objects = entries.map((entry) => versionsOf(entry, served));
  const object = shapeList(head, objects, { served, options: { format, query: request.query, core } });
  const type = object.kind === head.kind ? `${served.version.type}List` : typesByKind[object.kind as string];
  return { status: 200, headers, body: encodeBody(object, format, type) };
}

function typeOf({ kind }: { kind?: string }, served: Served): string | undefined {
  return kind === served.kind.kind ? served.version.type : typesByKind[kind ?? ''];
}

export function objectHeaders({ contentType }: Format): ApiResponse['headers'] {
  return { 'content-type': contentType, 'cache-control': 'no-cache, private' };
}

/** `type` is the object's schema type; undefined where it has none, and cannot be sent as protobuf. */
export function encodeBody(object: object, format: Format, type: string | undefined): ResponseBody {
  switch (format.media) {
    case 'json':
      if (!format.isPretty) return { kind: 'object', object };
      return { kind: 'bytes', bytes: Buffer.from(`${JSON.stringify(object, null, 2)}\n`) };
    case 'yaml':
      return { kind: 'bytes', bytes: Buffer.from(yamlOf(object)) };
    case 'protobuf': {
      if (type === undefined) throw notAcceptable([]);
      const { apiVersion = 'v1', kind = '' } = object as Partial<KubeObject>;
      return { kind: 'bytes', bytes: encodeProtobuf(object, type, apiVersion, kind) };
    }
  }
}

/** Keys in alphabetical order and no line folding, as upstream's YAML. */
function yamlOf(object: object): string {
  return stringify(object, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' });
}

/** The answer for a failure. */
export function respondError(error: ApiError, format: Format): ApiResponse {
  const { status } = error;
  const retry = status.details?.retryAfterSeconds;
  const headers = { ...objectHeaders(format), ...(retry !== undefined && { 'retry-after': String(retry) }) };
  return { status: error.code, headers, body: encodeBody(status, format, typesByKind.Status) };
}
