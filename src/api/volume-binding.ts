import { labelMatcher } from './label-selector.ts';
import { matchesNodeSelector } from './node-selector.ts';
import { compareQuantities } from './quantity.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from './types/core-v1.ts';
import { storageClassAnnotation } from './well-known.ts';

/** Which persistent volume serves which claim: what the volume controller and the scheduler must agree on. Pure. */

/** Set on a claim once it is bound for good, and on claim and volume where a controller chose the other. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** The node that the scheduler has chosen for the first pod of a claim that waits for it. */
export const selectedNode = 'volume.kubernetes.io/selected-node';

/** '' is no class. */
export function claimClass({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.[storageClassAnnotation] ?? spec?.storageClassName ?? '';
}

function volumeClass({ metadata, spec }: PersistentVolume): string {
  return metadata.annotations?.[storageClassAnnotation] ?? spec?.storageClassName ?? '';
}

export function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return spec?.volumeName !== undefined && metadata.annotations?.[bindCompleted] !== undefined;
}

/** Is the volume this claim's, or kept for it by name? */
export function isReservedFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference?.name !== metadata.name || reference?.namespace !== metadata.namespace) return false;
  return !reference?.uid || reference.uid === metadata.uid;
}

/** Why the volume cannot serve the claim that names it, in upstream's words; undefined when it can. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (isSmaller(volume, claim)) return 'requested PV is too small';
  if (claimClass(claim) !== volumeClass(volume)) return 'storageClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  return hasAccessModes(volume, claim) ? undefined : 'incompatible accessMode';
}

/**
 * The volume to bind an unbound claim to: one that is kept for it, else of those available the one with the fewest
 * access modes, then the smallest. With `node` only volumes that can be reached from there; a claim that `waits` for
 * its first pod gets only what is kept for it while there is no node.
 */
export function bestVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  options: { waits: boolean; node?: Node; taken?: ReadonlySet<string> },
): PersistentVolume | undefined {
  const { waits, node, taken } = options;
  const selector = claim.spec?.selector && labelMatcher(claim.spec.selector);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    if (metadata.deletionTimestamp !== undefined || modeOf(volume) !== modeOf(claim)) continue;
    if (!hasAccessModes(volume, claim) || isSmaller(volume, claim)) continue;
    if (node && !isReachable(volume, node)) continue;
    if (spec?.claimRef) {
      if (isReservedFor(volume, claim)) return volume;
      continue;
    }
    if ((waits && !node) || status?.phase !== 'Available' || taken?.has(metadata.name ?? '')) continue;
    if (claimClass(claim) !== volumeClass(volume)) continue;
    if (selector && !selector.matches(metadata.labels)) continue;
    if (!best || isBetter(volume, best)) best = volume;
  }
  return best;
}

/** Can pods on this node use the volume? */
export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  return !spec?.nodeAffinity?.required || matchesNodeSelector(spec.nodeAffinity.required, node);
}

export interface PodClaim {
  /** The claim's name in the pod's namespace. */
  name: string;
  volume: Volume;
}

/** The claims behind a pod's volumes; those of ephemeral volumes are named for pod and volume. */
export function podClaims({ metadata, spec }: Pod): PodClaim[] {
  return (spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return { name: volume.persistentVolumeClaim.claimName, volume };
    return volume.ephemeral ? { name: `${metadata.name}-${volume.name}`, volume } : [];
  });
}

function modeOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec?.volumeMode ?? 'Filesystem';
}

function sizeOf({ spec }: PersistentVolume): string {
  return spec?.capacity?.storage ?? '0';
}

function isSmaller(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return compareQuantities(sizeOf(volume), claim.spec?.resources?.requests?.storage ?? '0') < 0;
}

function hasAccessModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));
}

function isBetter(volume: PersistentVolume, best: PersistentVolume): boolean {
  const modes = (volume.spec?.accessModes?.length ?? 0) - (best.spec?.accessModes?.length ?? 0);
  if (modes !== 0) return modes < 0;
  return compareQuantities(sizeOf(volume), sizeOf(best)) < 0;
}
