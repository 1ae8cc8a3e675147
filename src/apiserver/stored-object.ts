import { deepFreeze } from '../api/object.ts';
import type { AnyObject } from '../api/object.ts';
import { cloneJson } from '../api/plain-json.ts';
import type { ManagedFieldsEntry } from '../api/types/meta-v1.ts';
import type { Encoded, Entry } from '../store/store.ts';
import type { Served } from './kind-index.ts';

/**
 * The entry's object in the storage version: parsed once, frozen, shared with everything in the process. Without its
 * managed fields, which are in the stored bytes only: see {@link managedTextOf}.
 */
export function decodedOf(entry: Entry): AnyObject {
  entry.decoded ??= deepFreeze(mutableCopyOf(entry));
  return entry.decoded as AnyObject;
}

/** A copy that may be changed, without managed fields. */
export function mutableCopyOf(entry: Entry): AnyObject {
  const object = JSON.parse(textOf(entry.value)) as AnyObject;
  delete object.metadata.managedFields;
  return object;
}

/** How `encoder` writes managed fields, before anything else that could have such a key, and what it writes after them. */
const managedMark = '"managedFields":[{"manager":';
const managedKeyLength = '"managedFields":'.length;
/** In a string these quotes would be escaped, and FieldsV1 has no lists. */
const managedEnd = ']},"apiVersion":"';

/** The entry's `metadata.managedFields` as they are stored; '' for none. */
export function managedTextOf({ value }: Entry): string {
  const { buffer, byteOffset, byteLength } = value;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const at = bytes.indexOf(managedMark);
  const end = at < 0 ? -1 : bytes.indexOf(managedEnd, at);
  return end < 0 ? '' : bytes.toString('utf8', at + managedKeyLength, end + 1);
}

/** The object with managed fields, as clients see it. */
export function withManaged(object: AnyObject, managed: string): AnyObject {
  if (managed === '') return object;
  const managedFields = JSON.parse(managed) as ManagedFieldsEntry[];
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
}

/**
 * What the store keeps of `object`, which is given away: it gets its revision and is frozen. `managed` is the text of its
 * managed fields.
 */
export function encoder(object: AnyObject, managed = ''): (revision: number) => Encoded {
  return (revision) => {
    object.metadata.resourceVersion = String(revision);
    const text = managed === '' ? JSON.stringify(object) : jsonWith(object, managed);
    return { value: Buffer.from(text), decoded: deepFreeze(object) };
  };
}

function jsonWith(object: AnyObject, managed: string): string {
  const { apiVersion, kind, metadata } = object;
  const own = JSON.stringify(metadata).slice(0, -1);
  let text = `{"kind":"${kind}","metadata":${own},"managedFields":${managed}},"apiVersion":"${apiVersion}"`;
  for (const key in object) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata' || object[key] === undefined) continue;
    text += `,${JSON.stringify(key)}:${JSON.stringify(object[key])}`;
  }
  return `${text}}`;
}

const converted = new WeakMap<Entry, Map<Served, AnyObject>>();

/** The entry's object in the version that the request names, converted once and kept with the entry. */
export function objectInVersion(entry: Entry, served: Served): AnyObject {
  let versions = converted.get(entry);
  if (!versions) converted.set(entry, (versions = new Map()));
  let object = versions.get(served);
  if (!object) {
    const own = served.isStorageVersion
      ? decodedOf(entry)
      : served.version.webhook
        ? copyInVersion(decodedOf(entry), served)
        : fromStorage(mutableCopyOf(entry), served);
    versions.set(served, (object = deepFreeze(withManaged(own, managedTextOf(entry)))));
  }
  return object;
}

/**
 * What selectors look at: the stored object, or, where a webhook converts, what it made of that for the version that
 * the request names, whose fields are not those that are stored. It must have been asked before.
 */
export function selectableForm(entry: Entry, served: Served): AnyObject {
  return served.version.webhook ? objectInVersion(entry, served) : decodedOf(entry);
}

/** What webhooks made of stored objects, in the versions that requests name. */
const byWebhook = new WeakMap<AnyObject, Map<Served, AnyObject>>();

export function isConverted(object: AnyObject, served: Served): boolean {
  return byWebhook.get(object)?.has(served) === true;
}

/** Keeps what a webhook made of a stored object, for as long as that is there. */
export function rememberConverted(object: AnyObject, served: Served, converted: AnyObject): void {
  let versions = byWebhook.get(object);
  if (!versions) byWebhook.set(object, (versions = new Map()));
  versions.set(served, deepFreeze(fromStorage(converted, served)));
}

/** A stored object's copy in the version that the request names, which may be changed. */
export function copyInVersion(object: AnyObject, served: Served): AnyObject {
  const known = byWebhook.get(object)?.get(served);
  return known ? cloneJson(known) : fromStorage(cloneJson(object), served);
}

/** Converts in place from the storage version. */
function fromStorage(object: AnyObject, served: Served): AnyObject {
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
