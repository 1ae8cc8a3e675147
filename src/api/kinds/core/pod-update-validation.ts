import type { Container, Pod, PodSpec, Toleration } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, required } from '../../field-errors.ts';
import { deepEqual } from '../immutable.ts';
import { validatePodResize } from './pod-resize-validation.ts';

const updateRule =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod is what it was made as: only images, the deadline, further tolerations and a few repairs may change. */
export function validatePodUpdate(pod: Pod, old: Pod, subresource: string): StatusCause[] {
  if (!pod.spec || !old.spec) return [];
  switch (subresource) {
    case '':
      return validateSpecUpdate(pod.spec, old.spec);
    case 'ephemeralcontainers':
      return validateEphemeralUpdate(pod.spec, old.spec);
    case 'status':
      return validateStatusUpdate(pod, old);
    case 'resize':
      return validatePodResize(pod, old);
    default:
      return [];
  }
}

function validateSpecUpdate(spec: PodSpec, old: PodSpec): StatusCause[] {
  if (spec === old) return [];
  const causes: StatusCause[] = [];
  for (const field of ['containers', 'initContainers'] as const) {
    if ((spec[field]?.length ?? 0) !== (old[field]?.length ?? 0)) {
      return [forbidden(`spec.${field}`, 'pod updates may not add or remove containers')];
    }
    spec[field]?.forEach(({ image }, index) => {
      if (!image) causes.push(required(`spec.${field}[${index}].image`, ''));
    });
  }
  causes.push(...validateDeadline(spec, old));
  if (!onlyAdds(spec.tolerations ?? [], old.tolerations ?? [])) {
    const rule = 'existing toleration can not be modified except its tolerationSeconds';
    causes.push(forbidden('spec.tolerations', rule));
  }
  for (const { name } of spec.schedulingGates ?? []) {
    if (old.schedulingGates?.some((gate) => gate.name === name)) continue;
    causes.push(forbidden('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${name}'`));
  }
  if (causes.length > 0) return causes;
  const changed = changedFields(unchangeable(spec, old), old);
  return changed.length === 0 ? [] : [forbidden('spec', `${updateRule}\n${changed.join('\n')}`)];
}

function validateDeadline(
  { activeDeadlineSeconds: now }: PodSpec,
  { activeDeadlineSeconds: before }: PodSpec,
): StatusCause[] {
  const path = 'spec.activeDeadlineSeconds';
  if (now === undefined) {
    const rule = 'must not update from a positive integer to nil value';
    return before === undefined ? [] : [invalidValue(path, null, rule)];
  }
  if (before !== undefined && now > before) {
    return [invalidValue(path, now, 'must be less than or equal to previous value')];
  }
  return [];
}

/** Every old toleration is still there, perhaps with other seconds. */
function onlyAdds(tolerations: readonly Toleration[], old: readonly Toleration[]): boolean {
  return old.every((before) =>
    tolerations.some((now) => deepEqual({ ...now, tolerationSeconds: before.tolerationSeconds }, before)),
  );
}

/** The new spec with everything that may change set back; what then still differs may not. */
function unchangeable(spec: PodSpec, old: PodSpec): PodSpec {
  const rest: PodSpec = { ...spec, containers: withImages(spec.containers, old.containers) };
  if (spec.initContainers) rest.initContainers = withImages(spec.initContainers, old.initContainers ?? []);
  restore(rest, old, 'activeDeadlineSeconds');
  restore(rest, old, 'tolerations');
  restore(rest, old, 'schedulingGates');
  const { terminationGracePeriodSeconds: grace } = old;
  if (grace !== undefined && grace < 0 && spec.terminationGracePeriodSeconds === 1) {
    restore(rest, old, 'terminationGracePeriodSeconds');
  }
  // Where a gated pod may go can still be narrowed.
  if (old.schedulingGates?.length) {
    const { nodeSelector = {} } = spec;
    const narrowed = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => nodeSelector[key] === value);
    if (narrowed) restore(rest, old, 'nodeSelector');
    if (!old.affinity?.nodeAffinity && deepEqual(spec.affinity?.podAffinity, old.affinity?.podAffinity)) {
      if (deepEqual(spec.affinity?.podAntiAffinity, old.affinity?.podAntiAffinity)) restore(rest, old, 'affinity');
    }
  }
  return rest;
}

function withImages(containers: readonly Container[], old: readonly Container[]): Container[] {
  return containers.map((container, index) => ({ ...container, image: old[index]?.image ?? '' }));
}

function restore<K extends keyof PodSpec>(spec: PodSpec, old: PodSpec, field: K): void {
  if (old[field] === undefined) delete spec[field];
  else spec[field] = old[field];
}

function changedFields(spec: PodSpec, old: PodSpec): string[] {
  const fields = new Set([...Object.keys(spec), ...Object.keys(old)]) as Set<keyof PodSpec>;
  return [...fields].filter((field) => !deepEqual(spec[field], old[field])).map((field) => `spec.${field} differs`);
}

function validateEphemeralUpdate(spec: PodSpec, old: PodSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const path = 'spec.ephemeralContainers';
  for (const before of old.ephemeralContainers ?? []) {
    const now = spec.ephemeralContainers?.find(({ name }) => name === before.name);
    if (!now) {
      causes.push(forbidden(path, `existing ephemeral containers "${before.name}" may not be removed\n`));
    } else if (!deepEqual(now, before)) {
      causes.push(forbidden(path, `existing ephemeral containers "${before.name}" may not be changed\n`));
    }
  }
  return causes;
}

function validateStatusUpdate({ spec, status }: Pod, { status: old }: Pod): StatusCause[] {
  const causes: StatusCause[] = [];
  if (old?.qosClass && status?.qosClass !== old.qosClass) {
    causes.push(invalidValue('status.qosClass', status?.qosClass ?? '', 'field is immutable'));
  }
  if (spec?.restartPolicy === 'Always') return causes;
  // A container that has ended for good does not come back.
  old?.containerStatuses?.forEach(({ name, state }, index) => {
    if (!state?.terminated || (spec?.restartPolicy === 'OnFailure' && state.terminated.exitCode !== 0)) return;
    const now = status?.containerStatuses?.find((container) => container.name === name);
    const ruled = spec?.containers.find((container) => container.name === name)?.restartPolicy;
    if (now && !now.state?.terminated && ruled === undefined) {
      causes.push(
        forbidden(`status.containerStatuses[${index}].state`, 'may not be transitioned to non-terminated state'),
      );
    }
  });
  return causes;
}
