import type { KubeObject } from '../api/object.ts';
import type { ObjectName } from '../client/client.ts';
import type { OwnerReference } from '../api/types/meta-v1.ts';

/** The one owner that manages the object, if there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

/** The reference that makes `owner` the managing controller of an object. */
export function controllerReference(owner: KubeObject, apiVersion: string, kind: string): OwnerReference {
  return {
    apiVersion,
    kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Index function: the uid of the managing controller. */
export function controllerUids(object: KubeObject): string[] {
  const owner = controllerOf(object);
  return owner ? [owner.uid] : [];
}

/** Index function: the namespace of objects that no controller manages. */
export function orphanNamespaces(object: KubeObject): string[] {
  return controllerOf(object) ? [] : [object.metadata.namespace ?? ''];
}

/** The object's name as requests want it. */
export function nameOf(object: KubeObject): ObjectName {
  const { name = '', namespace } = object.metadata;
  return namespace ? { name, namespace } : { name };
}
