import { parseBody } from '../../api/body.ts';
import { applyJsonPatch } from '../../api/json-patch.ts';
import { parseLabelSelector } from '../../api/label-selector.ts';
import { applyMergePatch } from '../../api/merge-patch.ts';
import { type AnyObject, parseApiVersion } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import { applyStrategicMergePatch } from '../../api/strategic-merge-patch.ts';
import { typeOfKind } from '../../api/type-lookup.ts';
import { splitDocuments } from '../apply/manifests.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { PatchArgs, PatchTarget } from './kustomization.ts';
import { describeResource, isCalled, type KustomizeResource } from './resource.ts';

/**
 * Applies a patch: JSON (RFC 6902) where it is a list of operations, else a strategic merge (a plain merge for kinds
 * that nobody knows), to its target, or to the object that it names itself. Pure.
 * @throws KustomizeError when it is no patch, or there is nothing that it is for
 */
export function applyPatch(
  resources: readonly KustomizeResource[],
  { args, text, where }: { args: PatchArgs; text: string; where: string },
): KustomizeResource[] {
  return patchesIn(text, where).reduce<readonly KustomizeResource[]>(
    (all, patch) => applyOne(all, { args, patch, where }),
    resources,
  ) as KustomizeResource[];
}

type Patch = { kind: 'json'; operations: unknown[] } | { kind: 'merge'; object: AnyObject };

function patchesIn(text: string, where: string): Patch[] {
  return splitDocuments(text).map((document): Patch => {
    let value: unknown;
    try {
      ({ value } = parseBody(Buffer.from(document.text), 'application/yaml', 'Ignore'));
    } catch (error) {
      throw new KustomizeError(where, `is no YAML: ${(error as Error).message.split('\n')[0]}`, error);
    }
    if (Array.isArray(value)) return { kind: 'json', operations: value as unknown[] };
    if (!isJsonObject(value)) throw new KustomizeError(where, 'is neither a list of operations nor an object');
    return { kind: 'merge', object: { ...value, metadata: isJsonObject(value['metadata']) ? value['metadata'] : {} } };
  });
}

function applyOne(
  resources: readonly KustomizeResource[],
  { args, patch, where }: { args: PatchArgs; patch: Patch; where: string },
): KustomizeResource[] {
  const { target } = args;
  if (!target && patch.kind === 'json') throw new KustomizeError(where, 'a list of operations needs a target');
  const isMeant = target ? matcher(target, where) : byItself((patch as { object: AnyObject }).object, where);
  if (!resources.some(isMeant)) {
    const what = target ? JSON.stringify(target) : describeObject((patch as { object: AnyObject }).object);
    throw new KustomizeError(where, `there is nothing to patch: ${what}`);
  }
  return resources.flatMap((resource) => {
    if (!isMeant(resource)) return [resource];
    if (patch.kind === 'merge' && patch.object['$patch'] === 'delete') return [];
    return [{ ...resource, object: patched(resource, { args, patch, where }) }];
  });
}

function describeObject({ kind, metadata }: AnyObject): string {
  return `${kind} ${metadata.name}`;
}

function byItself(object: AnyObject, where: string): (resource: KustomizeResource) => boolean {
  const { apiVersion = '', kind, metadata } = object;
  if (!kind || !metadata.name) throw new KustomizeError(where, 'it names no kind and name, and has no target');
  const { group } = parseApiVersion(apiVersion);
  return (resource) =>
    resource.object.kind === kind &&
    parseApiVersion(resource.object.apiVersion ?? '').group === group &&
    isCalled(resource, metadata.name ?? '') &&
    (metadata.namespace === undefined || resource.object.metadata.namespace === metadata.namespace);
}

function matcher(target: PatchTarget, where: string): (resource: KustomizeResource) => boolean {
  const whole = (pattern: string | undefined): RegExp | undefined => {
    if (pattern === undefined || pattern === '') return undefined;
    try {
      return new RegExp(`^(?:${pattern})$`);
    } catch (error) {
      throw new KustomizeError(where, `target: ${(error as Error).message}`, error);
    }
  };
  const [name, namespace, kind, group, version] = [
    ...[whole(target.name), whole(target.namespace), whole(target.kind), whole(target.group), whole(target.version)],
  ];
  const labels = target.labelSelector ? parseLabelSelector(target.labelSelector) : undefined;
  const annotations = target.annotationSelector ? parseLabelSelector(target.annotationSelector) : undefined;
  return ({ object, formerNames }) => {
    const api = parseApiVersion(object.apiVersion ?? '');
    const names = [object.metadata.name ?? '', ...formerNames];
    return (
      (!name || names.some((each) => name.test(each))) &&
      (!namespace || namespace.test(object.metadata.namespace ?? '')) &&
      (!kind || kind.test(object.kind ?? '')) &&
      (!group || group.test(api.group)) &&
      (!version || version.test(api.version)) &&
      (!labels || labels.matches(object.metadata.labels)) &&
      (!annotations || annotations.matches(object.metadata.annotations))
    );
  };
}

function patched(
  resource: KustomizeResource,
  { args, patch, where }: { args: PatchArgs; patch: Patch; where: string },
): AnyObject {
  const { object } = resource;
  let made: AnyObject;
  try {
    if (patch.kind === 'json') made = applyJsonPatch(object, patch.operations);
    else {
      const type = typeOfKind(object.apiVersion ?? '', object.kind ?? '');
      made = type ? applyStrategicMergePatch(object, patch.object, type) : applyMergePatch(object, patch.object);
    }
  } catch (error) {
    // A patch of a Secret may be quoted in what is wrong with it.
    const why = object.kind === 'Secret' ? 'it does not fit' : (error as Error).message;
    throw new KustomizeError(where, `${describeResource(resource)}: ${why}`, error);
  }
  const { name, namespace } = object.metadata;
  const metadata = {
    ...made.metadata,
    ...(!args.options?.allowNameChange && { name }),
    ...(namespace !== undefined && !made.metadata.namespace && { namespace }),
  };
  const { apiVersion, kind } = object;
  return { ...made, metadata, ...(!args.options?.allowKindChange && { apiVersion, kind }) };
}
