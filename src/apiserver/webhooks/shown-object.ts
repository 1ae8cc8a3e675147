import { decodeObject } from '../../api/decode.ts';
import type { AnyObject } from '../../api/object.ts';
import { cloneJson } from '../../api/plain-json.ts';
import type { AdmissionRequest } from '../admission.ts';
import type { Served } from '../kind-index.ts';
import { fromStorage, toStorage } from '../stored-object.ts';

/** An object of the request in a version of the resource; what is of another kind is shown as it is. */
export async function shownIn(
  served: Served,
  { objectKind }: AdmissionRequest,
  object: AnyObject | undefined,
): Promise<AnyObject | undefined> {
  if (!object || objectKind || served.isStorageVersion) return object;
  return fromStorage(cloneJson(object), served);
}

/** The way back: `object` decoded, converted and filled in as if a client had sent it. It is given away. */
export async function adopt(served: Served, { objectKind }: AdmissionRequest, object: AnyObject): Promise<AnyObject> {
  if (objectKind) return object;
  const { type, custom } = served.version;
  const decoded = custom ? custom.decode(object, 'Ignore') : decodeObject(object, type, 'Ignore');
  decoded.object.metadata ??= {};
  return toStorage(decoded.object, served);
}
