import { type AnyObject, parseApiVersion } from '../../api/object.ts';
import { kinds } from '../../api/kinds.ts';

/** An object on its way through kustomizations. */
export interface KustomizeResource {
  object: AnyObject;
  /** Names that it had: overlays may name it by each of them. */
  formerNames: readonly string[];
  /** Its name gets a digest of its content in the end. */
  needsHash: boolean;
}

export function resourceOf(object: AnyObject, needsHash = false): KustomizeResource {
  return { object, formerNames: [], needsHash };
}

/** The resource under a new name. */
export function renamed(resource: KustomizeResource, name: string): KustomizeResource {
  const before = resource.object.metadata.name ?? '';
  if (before === name) return resource;
  const object = { ...resource.object, metadata: { ...resource.object.metadata, name } };
  return { ...resource, object, formerNames: [...resource.formerNames, before] };
}

/** Whether it has, or once had, a name. */
export function isCalled({ object, formerNames }: KustomizeResource, name: string): boolean {
  return object.metadata.name === name || formerNames.includes(name);
}

const clusterKinds = new Set(
  kinds
    .flatMap((kind) => (kind.scope === 'Cluster' ? [`${kind.group}/${kind.kind}`] : []))
    .concat('policy/PodSecurityPolicy'),
);

/** Kinds that nobody knows are in namespaces. */
export function isNamespaced({ apiVersion = '', kind = '' }: AnyObject): boolean {
  return !clusterKinds.has(`${parseApiVersion(apiVersion).group}/${kind}`);
}

export function describeResource({ object }: KustomizeResource): string {
  const { namespace, name } = object.metadata;
  return `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
