import { decodeObject } from '../../api/decode.ts';
import type { AnyObject } from '../../api/object.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Served } from '../kind-index.ts';
import { intoStorage, inVersion } from './conversion.ts';

type Caller = Parameters<typeof inVersion>[0];

/** An object of the request in a version of the resource; what is of another kind is shown as it is. */
export async function shownIn(
  caller: Caller,
  served: Served,
  { object, objectKind }: { object: AnyObject | undefined } & Pick<AdmissionRequest, 'objectKind'>,
): Promise<AnyObject | undefined> {
  if (!object || objectKind || served.isStorageVersion) return object;
  return inVersion(caller, served, object);
}

/** The way back: `object` decoded, converted and filled in as if a client had sent it. It is given away. */
export async function adopt(
  caller: Caller,
  served: Served,
  { object, objectKind }: { object: AnyObject } & Pick<AdmissionRequest, 'objectKind'>,
): Promise<AnyObject> {
  if (objectKind) return object;
  const { type, custom } = served.version;
  const decoded = custom ? custom.decode(object, 'Ignore') : decodeObject(object, type, 'Ignore');
  decoded.object.metadata ??= {};
  return intoStorage(caller, served, decoded.object);
}

/** Puts what somebody made of the request's object in its place; false when nothing changed. */
export function replaceObject({ object }: AdmissionRequest, changed: AnyObject): boolean {
  if (!object || jsonEquals(changed, object)) return false;
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, changed);
  return true;
}
