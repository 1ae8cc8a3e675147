import { plainColumns } from '../api/kinds/columns.ts';
import type { AnyObject } from '../api/object.ts';
import { ApiError } from '../api/status.ts';
import type { ListMeta } from '../api/types/meta-v1.ts';
import type { Entry } from '../store/store.ts';
import type { Core } from './core.ts';
import type { Format } from './format.ts';
import type { Served } from './kind-index.ts';
import { decodedOf, objectInVersion } from './stored-object.ts';

/** One object in the version that is stored, which columns read, and in the version that the client wants. */
export interface Versions {
  stored: AnyObject;
  wire: AnyObject;
}

/** Columns of what a webhook converts are those of the version that the client wants. */
export function versionsOf(entry: Entry, served: Served): Versions {
  const wire = objectInVersion(entry, served);
  return { stored: served.version.webhook ? wire : decodedOf(entry), wire };
}

interface WireList {
  kind: string;
  apiVersion: string;
  metadata: ListMeta;
  items: AnyObject[];
}

export interface ShapeOptions {
  format: Format;
  query: URLSearchParams;
  core: Core;
  /** A watch sends the columns with its first event only. */
  withoutColumns?: boolean;
}

/** The object as the client's `Accept` header wants it. */
export function shapeObject(object: Versions, served: Served, options: ShapeOptions): AnyObject {
  const { shape } = options.format;
  if (!shape) return object.wire;
  if (shape.kind !== 'Table') return partial(object.wire, shape.version);
  const { resourceVersion } = object.wire.metadata;
  return table([object], served, { ...options, metadata: { resourceVersion: resourceVersion ?? '' } });
}

export function shapeList(
  head: Omit<WireList, 'items'>,
  objects: readonly Versions[],
  { served, options }: { served: Served; options: ShapeOptions },
): AnyObject {
  const { shape } = options.format;
  if (!shape) return { ...head, items: objects.map(({ wire }) => wire) };
  if (shape.kind === 'Table') return table(objects, served, { ...options, metadata: head.metadata });
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${shape.version}`,
    metadata: head.metadata,
    items: objects.map(({ wire }) => partial(wire, shape.version)),
  };
}

function partial(object: AnyObject, version: string): AnyObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** meta.k8s.io Table: what `kubectl get` prints. */
function table(
  objects: readonly Versions[],
  { kind, version: { custom } }: Served,
  { format, query, core, metadata, withoutColumns }: ShapeOptions & { metadata: ListMeta },
): AnyObject {
  const version = format.shape?.version ?? 'v1';
  const include = query.get('includeObject') ?? '';
  if (!['', 'None', 'Metadata', 'Object'].includes(include)) {
    throw ApiError.of('BadRequest', `unrecognized includeObject value: ${JSON.stringify(include)}`);
  }
  const columns = kind.columns ?? plainColumns;
  const now = core.clock.now();
  const rows = objects.map(({ stored, wire }) => ({
    cells: columns.map((column) => column.value(custom ? wire : stored, now)),
    ...(include !== 'None' && { object: include === 'Object' ? wire : partial(wire, version) }),
  }));
  const columnDefinitions = columns.map(({ name, type, format: form, description, priority }) => ({
    name,
    type,
    format: form ?? '',
    description: description ?? '',
    priority,
  }));
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withoutColumns ? [] : columnDefinitions,
    rows,
  };
}
