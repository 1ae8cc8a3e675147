import type { KubeObject } from '../../api/object.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import { foregroundFinalizer, orphanFinalizer } from './graph.ts';

/** What the server says of an owner: there, gone for good, or there and waiting for its dependents to go. */
export type OwnerState = 'solid' | 'absent' | 'waiting';

export type Decision =
  | { kind: 'keep' }
  /** Some owners live: only the references to the others go. */
  | { kind: 'dropReferences'; uids: ReadonlySet<string> }
  | { kind: 'delete'; policy: 'Orphan' | 'Background' | 'Foreground' };

/** What becomes of an object whose owners are in these states. One living owner is enough to live. */
export function decideDependent(
  object: KubeObject,
  owners: readonly { reference: OwnerReference; state: OwnerState }[],
  hasDependents: boolean,
): Decision {
  const inState = (state: OwnerState): string[] =>
    owners.filter((owner) => owner.state === state).map((owner) => owner.reference.uid);
  const lost = [...inState('absent'), ...inState('waiting')];
  if (lost.length === 0) return { kind: 'keep' };
  if (inState('solid').length > 0) return { kind: 'dropReferences', uids: new Set(lost) };
  if (inState('waiting').length > 0 && hasDependents) return { kind: 'delete', policy: 'Foreground' };
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(orphanFinalizer)) return { kind: 'delete', policy: 'Orphan' };
  if (finalizers.includes(foregroundFinalizer)) return { kind: 'delete', policy: 'Foreground' };
  return { kind: 'delete', policy: 'Background' };
}

/** The state of an owner that was found, or not, where the reference points to. */
export function ownerState(found: KubeObject | undefined, uid: string): OwnerState {
  if (found?.metadata.uid !== uid) return 'absent';
  const isWaiting =
    found.metadata.deletionTimestamp !== undefined &&
    (found.metadata.finalizers?.includes(foregroundFinalizer) ?? false);
  return isWaiting ? 'waiting' : 'solid';
}
