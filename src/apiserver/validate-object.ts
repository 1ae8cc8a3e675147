import type { RuleContext } from '../api/kind.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../api/object-meta.ts';
import type { AnyObject } from '../api/object.ts';
import { invalid } from '../api/status.ts';
import type { StatusCause } from '../api/types/meta-v1.ts';
import type { Core, ResourceRequest } from './core.ts';

export function ruleContext({ clock }: Core, { user }: ResourceRequest): RuleContext {
  return { now: clock.now(), user };
}

/** Rules of every object and of the kind. Throws Invalid (422); warns about what is allowed but unwise. */
export function validateCreate(object: AnyObject, request: ResourceRequest): void {
  const { kind } = request;
  const { custom } = request.served.version;
  const causes = [
    ...metaCauses(object, request),
    ...(kind.validate?.(object) ?? []),
    ...(kind.validateCreate?.(object) ?? []),
    ...(custom?.validate(object) ?? []),
  ];
  refuse(causes, object, request);
  for (const text of kind.warnings?.(object) ?? []) request.warn(text);
}

export function validateUpdate(object: AnyObject, old: AnyObject, request: ResourceRequest): void {
  const { kind, subresource } = request;
  const causes = [...metaCauses(object, request), ...validateObjectMetaUpdate(object.metadata, old.metadata)];
  if (subresource !== 'status') causes.push(...(kind.validate?.(object) ?? []));
  causes.push(...(kind.validateUpdate?.(object, old, subresource) ?? []));
  causes.push(...(request.served.version.custom?.validate(object, old) ?? []));
  refuse(causes, object, request);
  for (const text of kind.warnings?.(object, old) ?? []) request.warn(text);
}

function metaCauses({ metadata }: AnyObject, { kind }: ResourceRequest): StatusCause[] {
  const { validateName } = kind;
  return validateObjectMeta(metadata, {
    namespaced: kind.scope === 'Namespaced',
    ...(validateName && {
      validateName: (name) => {
        const problem = validateName(name);
        return problem === undefined ? [] : [problem];
      },
    }),
  });
}

function refuse(causes: readonly StatusCause[], object: AnyObject, { kind }: ResourceRequest): void {
  if (causes.length > 0) throw invalid(kind.group, kind.kind, object.metadata.name ?? '', [...causes]);
}

/** True when metadata.generation counts this kind's changes. */
export function hasGeneration({ kind }: ResourceRequest): boolean {
  return kind.hasGeneration ?? kind.subresources?.some(({ name }) => name === 'status') ?? false;
}
