import { deepFreeze } from '../api/object.ts';
import type { AnyObject } from '../api/object.ts';
import type { Encoded, Entry } from '../store/store.ts';
import type { Served } from './kind-index.ts';

/** The entry's object in the storage version: parsed once, frozen, shared with everything in the process. */
export function decodedOf(entry: Entry): AnyObject {
  entry.decoded ??= deepFreeze(JSON.parse(textOf(entry.value)));
  return entry.decoded as AnyObject;
}

/** A copy that may be changed. */
export function mutableCopyOf(entry: Entry): AnyObject {
  return JSON.parse(textOf(entry.value)) as AnyObject;
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
}

/** What the store keeps of `object`, which is given away: it gets its revision and is frozen. */
export function encoder(object: AnyObject): (revision: number) => Encoded {
  return (revision) => {
    object.metadata.resourceVersion = String(revision);
    return { value: Buffer.from(JSON.stringify(object)), decoded: deepFreeze(object) };
  };
}

const converted = new WeakMap<Entry, Map<Served, AnyObject>>();

/** The entry's object in the version that the request names, converted once and kept with the entry. */
export function objectInVersion(entry: Entry, served: Served): AnyObject {
  if (served.isStorageVersion) return decodedOf(entry);
  let versions = converted.get(entry);
  if (!versions) converted.set(entry, (versions = new Map()));
  let object = versions.get(served);
  if (!object) versions.set(served, (object = deepFreeze(fromStorage(mutableCopyOf(entry), served))));
  return object;
}

/** Converts in place from the storage version. */
export function fromStorage(object: AnyObject, served: Served): AnyObject {
  if (served.isStorageVersion) return object;
  served.version.fromStorage?.(object);
  object.apiVersion = served.apiVersion;
  object.kind = served.kind.kind;
  return object;
}

/** Converts in place to the storage version, and fills in its defaults. */
export function toStorage(object: AnyObject, served: Served): AnyObject {
  if (!served.isStorageVersion) served.version.toStorage?.(object);
  object.apiVersion = served.storageApiVersion;
  object.kind = served.kind.kind;
  served.kind.defaults?.(object);
  return object;
}
