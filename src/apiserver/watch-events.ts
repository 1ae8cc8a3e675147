import type { AnyObject } from '../api/object.ts';
import { encodeProtobuf, encodeWatchFrame } from '../api/protobuf.ts';
import type { Status } from '../api/types/meta-v1.ts';
import type { Entry } from '../store/store.ts';
import type { Core, ResourceRequest } from './core.ts';
import type { Format } from './format.ts';
import { notAcceptable } from './format.ts';
import { shapeObject, versionsOf } from './shapes.ts';
import type { Versions } from './shapes.ts';
import { decodedOf } from './stored-object.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** One event, ready to be turned into what a client reads. */
export interface EncodedEvent {
  type: EventType;
  bytes: () => Uint8Array;
  object: () => unknown;
}

/** Makes events in a client's format. */
export interface EventEncoder {
  contentType: string;
  ofEntry(type: EventType, entry: Entry): EncodedEvent;
  /** The object left the selection at `revision`: the client sees the last state that it may see. */
  ofLeft(last: Entry, revision: number): EncodedEvent;
  bookmark(revision: number, isInitialEnd: boolean): EncodedEvent;
  error(status: Status): EncodedEvent;
}

type Lines = Partial<Record<EventType, Uint8Array>>;

/** Lines of stored bytes, made once for all watchers of an entry. */
const sharedLines = new WeakMap<Entry, Lines>();

const prefixes = Object.fromEntries(
  (['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const).map((type) => [
    type,
    Buffer.from(`{"type":"${type}","object":`),
  ]),
) as Record<EventType, Buffer>;
const lineEnd = Buffer.from('}\n');

function sharedLine(type: EventType, entry: Entry): Uint8Array {
  let lines = sharedLines.get(entry);
  if (!lines) sharedLines.set(entry, (lines = {}));
  return (lines[type] ??= Buffer.concat([prefixes[type], entry.value, lineEnd]));
}

export function eventEncoder(core: Core, request: ResourceRequest, format: Format): EventEncoder {
  const { served } = request;
  if (format.media === 'yaml') throw notAcceptable([]);
  const isPlain = format.media === 'json' && !format.shape;
  let hasColumns = false;
  const shaped = (versions: Versions): AnyObject => {
    const options = { format, query: request.request.query, core, withoutColumns: hasColumns };
    hasColumns = true;
    return shapeObject(versions, served, options);
  };
  const line = (type: EventType, object: object): Uint8Array => encodeEvent(type, object, { format, request });
  return {
    contentType: format.media === 'protobuf' ? `${format.contentType};stream=watch` : format.contentType,
    ofEntry(type, entry) {
      if (isPlain && served.isStorageVersion) {
        return { type, bytes: () => sharedLine(type, entry), object: () => decodedOf(entry) };
      }
      const object = (): AnyObject => shaped(versionsOf(entry, served));
      return { type, bytes: () => line(type, object()), object };
    },
    ofLeft(last, revision) {
      const at = (object: AnyObject): AnyObject => {
        return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
      };
      const object = (): AnyObject => {
        const { stored, wire } = versionsOf(last, served);
        return shaped({ stored: at(stored), wire: at(wire) });
      };
      return { type: 'DELETED', bytes: () => line('DELETED', object()), object };
    },
    bookmark(revision, isInitialEnd) {
      const metadata = {
        resourceVersion: String(revision),
        ...(isInitialEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
      };
      const object = bookmarkObject(metadata, format, request);
      return { type: 'BOOKMARK', bytes: () => line('BOOKMARK', object), object: () => object };
    },
    error: (status) => ({ type: 'ERROR', bytes: () => line('ERROR', status), object: () => status }),
  };
}

function bookmarkObject(metadata: AnyObject['metadata'], { shape }: Format, { served }: ResourceRequest): AnyObject {
  if (!shape) return { kind: served.kind.kind, apiVersion: served.apiVersion, metadata };
  const apiVersion = `meta.k8s.io/${shape.version}`;
  if (shape.kind === 'Table') return { kind: 'Table', apiVersion, metadata, columnDefinitions: [], rows: [] };
  return { kind: 'PartialObjectMetadata', apiVersion, metadata };
}

function encodeEvent(
  type: EventType,
  object: object,
  { format, request }: { format: Format; request: ResourceRequest },
): Uint8Array {
  if (format.media === 'json') return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);
  const { kind = '', apiVersion = '' } = object as Partial<AnyObject>;
  const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
  const schema = kind === request.kind.kind ? request.served.version.type : `${meta}${kind}`;
  return encodeWatchFrame(type, encodeProtobuf(object, schema, apiVersion, kind));
}
