import type { ControllerRevision, StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, Volume } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import { templateOf } from '../history/revisions.ts';
import { controllerReference } from '../owner-references.ts';
import { controllerRevisionLabel } from '../../api/well-known.ts';

const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

export function startOrdinal({ spec }: StatefulSet): number {
  return spec?.ordinals?.start ?? 0;
}

/** The pod's place in the set; undefined for a pod that is not named for it. */
export function ordinalOf(pod: Pod, set: StatefulSet): number | undefined {
  const { name = '' } = pod.metadata;
  const prefix = `${set.metadata.name}-`;
  const number = name.slice(prefix.length);
  return name.startsWith(prefix) && /^\d+$/.test(number) ? Number(number) : undefined;
}

export function isInRange(ordinal: number, set: StatefulSet): boolean {
  const start = startOrdinal(set);
  return ordinal >= start && ordinal < start + (set.spec?.replicas ?? 1);
}

/** The name of the revision that a pod was made from. */
export function revisionOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[controllerRevisionLabel];
}

/** The pod of a place, from the template of a revision. */
export function newPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): Pod {
  const template = structuredClone(templateOf(revision));
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${set.metadata.name}-${ordinal}`,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels: { ...labels, [controllerRevisionLabel]: revision.metadata.name ?? '' },
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(set, 'apps/v1', 'StatefulSet')],
    },
    spec: template.spec ?? { containers: [] },
  };
  if (pod.spec) {
    pod.spec.hostname = pod.metadata.name ?? '';
    if (set.spec?.serviceName) pod.spec.subdomain = set.spec.serviceName;
  }
  return withIdentity(pod, set, ordinal);
}

/** The pod with the labels of its place, and with the claims of its place for its volumes. */
export function withIdentity(pod: Pod, set: StatefulSet, ordinal: number): Pod {
  const labels = {
    ...pod.metadata.labels,
    [nameLabel]: pod.metadata.name ?? '',
    [indexLabel]: String(ordinal),
  };
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    ...(pod.spec && { spec: { ...pod.spec, ...volumesOf(pod, set, ordinal) } }),
  };
}

export function hasIdentity(pod: Pod, set: StatefulSet, ordinal: number): boolean {
  const { labels, name } = pod.metadata;
  const claims = claimVolumes(set, ordinal);
  return (
    labels?.[nameLabel] === name &&
    labels?.[indexLabel] === String(ordinal) &&
    claims.every(({ name: volume, persistentVolumeClaim }) =>
      pod.spec?.volumes?.some(
        (each) => each.name === volume && each.persistentVolumeClaim?.claimName === persistentVolumeClaim?.claimName,
      ),
    )
  );
}

function volumesOf(pod: Pod, set: StatefulSet, ordinal: number): { volumes?: Volume[] } {
  const claims = claimVolumes(set, ordinal);
  const names = new Set(claims.map(({ name }) => name));
  const volumes = [...claims, ...(pod.spec?.volumes ?? []).filter(({ name }) => !names.has(name))];
  return volumes.length > 0 ? { volumes } : {};
}

function claimVolumes(set: StatefulSet, ordinal: number): Volume[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata.name ?? '',
    persistentVolumeClaim: { claimName: claimName(template, set, ordinal), readOnly: false },
  }));
}

function claimName(template: PersistentVolumeClaim, set: StatefulSet, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

/** The claims of a place. */
export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(template, set, ordinal),
      namespace: set.metadata.namespace ?? '',
      labels: { ...template.metadata.labels, ...set.spec?.selector.matchLabels },
      ...(template.metadata.annotations && { annotations: { ...template.metadata.annotations } }),
    },
    spec: structuredClone(template.spec ?? {}),
  }));
}

/**
 * The owners of a claim by `persistentVolumeClaimRetentionPolicy`: the set where claims go with it, the pod once it is
 * beyond the set's size where claims go with it. Other owners stay. (KEP-1847.)
 */
export function claimOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod | undefined): OwnerReference[] {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const current = claim.metadata.ownerReferences ?? [];
  const ordinal = pod && ordinalOf(pod, set);
  const isBeyond = ordinal !== undefined && !isInRange(ordinal, set);
  const byPod = whenScaled === 'Delete' && isBeyond;
  const bySet = whenDeleted === 'Delete' && !byPod;
  const others = current.filter(
    ({ kind, uid, name }) =>
      !(kind === 'StatefulSet' && uid === set.metadata.uid) && !(kind === 'Pod' && name === pod?.metadata.name),
  );
  const { name: setName = '', uid: setUid = '' } = set.metadata;
  return [
    ...others,
    ...(bySet ? [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: setName, uid: setUid }] : []),
    ...(byPod && pod
      ? [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' }]
      : []),
  ];
}

/** Does the claim go with a pod of this name that is there no more? Then it is on its way out too. */
export function isStaleClaim(claim: PersistentVolumeClaim, podName: string): boolean {
  return claim.metadata.ownerReferences?.some(({ kind, name }) => kind === 'Pod' && name === podName) ?? false;
}
