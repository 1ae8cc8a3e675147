import type { KindVersion, ResourceKind, RuleContext, Subresource } from '../kind.ts';
import type { AnyObject, KubeObject } from '../object.ts';

/** A kind as its own file states it; {@link defineKind} derives the rest. */
export interface KindDefinition<T extends KubeObject> extends Omit<
  ResourceKind<T>,
  'singular' | 'versions' | 'subresources'
> {
  /** Version it is stored in. */
  version: string;
  /** Other versions that serve the same objects. */
  otherVersions?: readonly KindVersion[];
  /** `v1 Endpoints is deprecated …`, for a storage version that is deprecated itself. */
  deprecation?: string;
  /** Subresources other than `status` and `scale`, which follow from {@link status} and `scale`. */
  subresources?: readonly Subresource[];
  /**
   * The kind has a status subresource: writes to the main resource keep the stored status, writes to `status` keep the
   * stored spec. The kind's own prepare functions run after that.
   */
  status?: boolean;
  /** A client may create objects with a status, as node agents do; that of other kinds is cleared. */
  keepsStatusOnCreate?: boolean;
}

/** Packages of the generated schema, for groups whose name is not the package's. */
const packages: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions_apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube_aggregator.pkg.apis.apiregistration',
};

/** The generated schema's key for a kind: `io.k8s.api.apps.v1.Deployment`. */
export function schemaType(group: string, version: string, kind: string): string {
  const dot = group.indexOf('.');
  return `${packages[group] ?? `io.k8s.api.${dot < 0 ? group : group.slice(0, dot)}`}.${version}.${kind}`;
}

export const statusSubresource: Subresource = { name: 'status', verbs: ['get', 'patch', 'update'] };
export const scaleSubresource: Subresource = {
  name: 'scale',
  kind: 'Scale',
  group: 'autoscaling',
  version: 'v1',
  verbs: ['get', 'patch', 'update'],
};

/** Completes a definition into the ResourceKind that the generic server works with. */
export function defineKind<T extends KubeObject>(definition: KindDefinition<T>): ResourceKind {
  const { version, otherVersions, deprecation, status, keepsStatusOnCreate: _, subresources, ...rest } = definition;
  const all = [
    ...(subresources ?? []),
    ...(status ? [statusSubresource] : []),
    ...(definition.scale ? [scaleSubresource] : []),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const own: KindVersion = {
    group: rest.group,
    version,
    type: schemaType(rest.group, version, rest.kind),
    ...(deprecation !== undefined && { deprecation }),
  };
  const kind: ResourceKind<T> = {
    ...rest,
    singular: rest.kind.toLowerCase(),
    versions: [own, ...(otherVersions ?? [])],
    ...(all.length > 0 && { subresources: all }),
    ...(status && { prepareForCreate: clearsStatus(definition), prepareForUpdate: keepsOtherHalf(definition) }),
  };
  // Every function of a kind is called with objects of that kind only, so the parameter type may be widened here, once.
  return kind as unknown as ResourceKind;
}

function clearsStatus<T extends KubeObject>({ prepareForCreate, keepsStatusOnCreate }: KindDefinition<T>) {
  return (object: T, context: RuleContext): void => {
    // Never absent: upstream's statuses are structs, which `omitempty` does not leave out.
    if (keepsStatusOnCreate) (object as AnyObject).status ??= {};
    else (object as AnyObject).status = {};
    prepareForCreate?.(object, context);
  };
}

function keepsOtherHalf<T extends KubeObject>({ prepareForUpdate }: KindDefinition<T>) {
  return (object: T, old: T, subresource: string, context: RuleContext): void => {
    if (subresource === '') keep(object as AnyObject, old as AnyObject, 'status');
    else if (subresource === 'status') keep(object as AnyObject, old as AnyObject, 'spec');
    prepareForUpdate?.(object, old, subresource, context);
  };
}

/** Sets a field to what the stored object has, or removes it when that has none. */
export function keep(object: AnyObject, old: AnyObject, field: string): void {
  if (old[field] === undefined) delete object[field];
  else object[field] = old[field];
}
