import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import { lastAppliedAnnotation, revisionAnnotation, rollbackToAnnotation } from '../../api/well-known.ts';

const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';

/** Never copied between a deployment and its replica sets. */
const own: ReadonlySet<string> = new Set([
  lastAppliedAnnotation,
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  rollbackToAnnotation,
]);
const maxHistoryLength = 2000;

type Annotations = Readonly<Record<string, string>>;

interface Annotated {
  metadata: { annotations?: Annotations };
}

/** The revision of a replica set or deployment, of 64 bits as upstream counts them; 0 when it has none. */
export function revisionOf(object: Annotated): bigint {
  return parseRevision(object.metadata.annotations?.[revisionAnnotation]);
}

export function parseRevision(text: string | undefined): bigint {
  return text !== undefined && /^\d{1,18}$|^[1-8]\d{18}$/.test(text) ? BigInt(text) : 0n;
}

export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((most, each) => (each > most ? each : most), 0n);
}

/** The second highest revision: where an undo without a number goes. 0 when there is none. */
export function lastRevision(sets: readonly ReplicaSet[]): bigint {
  return sets.map(revisionOf).toSorted(compareRevisions).at(-2) ?? 0n;
}

export function compareRevisions(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** How many replicas the deployment asked for when it last sized this set. */
export function desiredReplicasOf(set: ReplicaSet): number | undefined {
  return numberAt(set, desiredReplicasAnnotation);
}

export function maxReplicasOf(set: ReplicaSet): number | undefined {
  return numberAt(set, maxReplicasAnnotation);
}

export function replicasAnnotations(desired: number, max: number): Record<string, string> {
  return { [desiredReplicasAnnotation]: String(desired), [maxReplicasAnnotation]: String(max) };
}

/** Annotations of the new replica set: the deployment's, the revision, and the revisions it had before. */
export function newSetAnnotations(
  deployment: Deployment,
  current: Annotations,
  revision: bigint,
): Record<string, string> {
  const annotations: Record<string, string> = { ...current, ...copied(deployment.metadata.annotations ?? {}) };
  const old = current[revisionAnnotation];
  if (parseRevision(old) >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (old === undefined) return annotations;
  const history = [...(current[revisionHistoryAnnotation]?.split(',') ?? []), old].filter((entry) => entry !== '');
  while (history.length > 1 && history.join(',').length > maxHistoryLength) history.shift();
  annotations[revisionHistoryAnnotation] = history.join(',');
  return annotations;
}

/** Annotations of a deployment that goes back to what `set` was made from. */
export function rolledBackAnnotations(deployment: Annotated, set: Annotated): Record<string, string> {
  const kept = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => own.has(key));
  return { ...Object.fromEntries(kept), ...copied(set.metadata.annotations ?? {}) };
}

function copied(annotations: Annotations): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !own.has(key)));
}

function numberAt(set: ReplicaSet, key: string): number | undefined {
  const value = set.metadata.annotations?.[key];
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
