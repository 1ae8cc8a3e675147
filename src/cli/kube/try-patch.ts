import { applyJsonPatch } from '../../api/json-patch.ts';
import { applyMergePatch } from '../../api/merge-patch.ts';
import type { KubeObject } from '../../api/object.ts';
import { applyStrategicMergePatch } from '../../api/strategic-merge-patch.ts';
import { typeOfKind } from '../../api/type-lookup.ts';
import type { Patch, Resource } from '../../client/client.ts';
import { shownGroupVersion } from './resource-finder.ts';

/** What would come of a patch, as far as it is known without the server. */
export function tryPatch(object: KubeObject, patch: Patch, resource: Resource): KubeObject {
  if (patch.kind === 'json') return applyJsonPatch(object, patch.operations);
  const type = patch.kind === 'strategic' ? typeOfKind(shownGroupVersion(resource), resource.kind) : undefined;
  return type ? applyStrategicMergePatch(object, patch.document, type) : applyMergePatch(object, patch.document);
}
