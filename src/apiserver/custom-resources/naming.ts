import { formatTime } from '../../base/clock.ts';
import { jsonEquals } from '../../api/plain-json.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../api/types/apiextensions-v1.ts';

export function isEstablished({ status }: CustomResourceDefinition): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') ?? false
  );
}

/**
 * The status that a definition gets beside others of its group: which of the names it asks for are its own, and
 * whether it is served (apiextensions' naming and establishing controllers). Undefined when it says so already.
 */
export function definitionStatus(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinitionNames[],
  now: number,
): CustomResourceDefinitionStatus | undefined {
  const { spec, status } = definition;
  const { accepted, conflict } = acceptNames(spec.names, status?.acceptedNames, others);
  const named: Verdict = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  const verdicts = [named];
  if (!isEstablished(definition)) {
    const established = conflict
      ? { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
      : { status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' };
    verdicts.push({ type: 'Established', ...established });
  }
  const conditions = verdicts.reduce((all, verdict) => withCondition(all, verdict, now), status?.conditions ?? []);
  const next: CustomResourceDefinitionStatus = { ...status, acceptedNames: accepted, conditions };
  return jsonEquals(next, status) ? undefined : next;
}

type Verdict = Pick<CustomResourceDefinitionCondition, 'type' | 'status' | 'reason' | 'message'>;

function withCondition(
  conditions: CustomResourceDefinitionCondition[],
  verdict: Verdict,
  now: number,
): CustomResourceDefinitionCondition[] {
  const old = conditions.find(({ type }) => type === verdict.type);
  if (old?.status === verdict.status && old.reason === verdict.reason && old.message === verdict.message) {
    return conditions;
  }
  const lastTransitionTime = (old?.status === verdict.status && old.lastTransitionTime) || formatTime(now);
  const next = { ...verdict, lastTransitionTime };
  return old ? conditions.map((each) => (each === old ? next : each)) : [...conditions, next];
}

/** Names that are free, or this definition's already, are accepted; of the others it keeps what it had. */
function acceptNames(
  wanted: CustomResourceDefinitionNames,
  had: CustomResourceDefinitionNames | undefined,
  others: readonly CustomResourceDefinitionNames[],
): { accepted: CustomResourceDefinitionNames; conflict?: { reason: string; message: string } } {
  const resources = new Set(
    others.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...(shortNames ?? [])]),
  );
  const kinds = new Set(others.flatMap(({ kind, listKind }) => [kind, listKind]));
  const conflicts: { reason: string; message: string }[] = [];
  const settle = <T extends string | undefined>(
    name: T,
    old: T,
    used: ReadonlySet<string | undefined>,
    reason: string,
  ): T => {
    if (name === old || name === undefined || !used.has(name)) return name;
    conflicts.push({ reason, message: `${JSON.stringify(name)} is already in use` });
    return old;
  };
  const plural = settle(wanted.plural, had?.plural ?? '', resources, 'PluralConflict');
  const singular = settle(wanted.singular, had?.singular, resources, 'SingularConflict');
  const taken = (wanted.shortNames ?? []).filter((name) => resources.has(name) && !had?.shortNames?.includes(name));
  if (taken.length > 0) {
    const message = taken.map((name) => `${JSON.stringify(name)} is already in use`).join(', ');
    conflicts.push({ reason: 'ShortNamesConflict', message });
  }
  const shortNames = taken.length > 0 ? had?.shortNames : wanted.shortNames;
  const kind = settle(wanted.kind, had?.kind ?? '', kinds, 'KindConflict');
  const listKind = settle(wanted.listKind, had?.listKind, kinds, 'ListKindConflict');
  const { categories } = wanted;
  const accepted = {
    plural,
    ...(singular !== undefined && { singular }),
    ...(shortNames && { shortNames }),
    kind,
    ...(listKind !== undefined && { listKind }),
    ...(categories && { categories }),
  };
  const conflict = conflicts.at(-1);
  return { accepted, ...(conflict && { conflict }) };
}
