import type {
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
} from '../../types/admissionregistration-v1.ts';

/** Selectors match everything and rules every scope, unless they say otherwise. */
export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  const rules = [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])];
  for (const rule of rules as (NamedRuleWithOperations & { scope?: string })[]) rule.scope ??= '*';
}

export function formatParamKind(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>';
}

export function formatParamRef(ref: ParamRef | undefined): string {
  if (!ref) return '<unset>';
  if (ref.name) return ref.namespace ? `${ref.namespace}/${ref.name}` : `*/${ref.name}`;
  return ref.selector ? '<selector>' : '<unset>';
}
