import { forbidden, invalidValue } from '../../field-errors.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { deepEqual } from '../immutable.ts';
import { qosClass } from './pod-qos.ts';

/**
 * Rules of the `resize` subresource (KEP-1287): cpu and memory of containers and sidecars may change, and not so that
 * the pod gets into another class, which decides who is stopped first when memory runs out.
 */
export function validatePodResize(pod: Pod, old: Pod): StatusCause[] {
  const causes = validateNames(pod.spec!, old.spec!);
  if (causes.length > 0) return causes;
  const before = old.status?.qosClass ?? qosClass(old);
  const after = qosClass(pod);
  if (before !== after) {
    causes.push(invalidValue('spec', after, 'Pod QOS Class may not change as a result of resizing'));
  }
  causes.push(
    ...validateRemoval(pod.spec!.resources, old.spec!.resources, { path: 'spec.resources', owner: 'pod-level ' }),
  );
  pod.spec!.containers.forEach(({ resources }, i) => {
    const path = `spec.containers[${i}].resources`;
    causes.push(...validateRemoval(resources, old.spec!.containers[i]?.resources, { path, owner: '' }));
  });
  pod.spec!.initContainers?.forEach(({ resources, restartPolicy }, i) => {
    const path = `spec.initContainers[${i}].resources`;
    const had = old.spec!.initContainers?.[i]?.resources;
    if (restartPolicy === 'Always') causes.push(...validateRemoval(resources, had, { path, owner: '' }));
    else if (!deepEqual(resources ?? {}, had ?? {})) {
      causes.push(forbidden(path, 'resources for non-sidecar init containers are immutable'));
    }
  });
  if (!deepEqual(unresized(pod.spec!), unresized(old.spec!))) {
    causes.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  }
  return causes;
}

function validateNames(spec: PodSpec, old: PodSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of ['containers', 'initContainers'] as const) {
    const [now = [], before = []] = [spec[field], old[field]];
    if (now.length !== before.length) {
      causes.push(forbidden(`spec.${field}`, `${field} may not be added or removed on resize`));
      continue;
    }
    now.forEach(({ name }, i) => {
      if (name === before[i]?.name) return;
      causes.push(forbidden(`spec.${field}[${i}].name`, `${field} may not be renamed or reordered on resize`));
    });
  }
  return causes;
}

function validateRemoval(
  now: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
  { path, owner }: { path: string; owner: string },
): StatusCause[] {
  return (['requests', 'limits'] as const).flatMap((list) => {
    const isGone = Object.keys(before?.[list] ?? {}).some((name) => now?.[list]?.[name] === undefined);
    return isGone ? [forbidden(`${path}.${list}`, `${owner}resource ${list} cannot be removed`)] : [];
  });
}

/** The spec without what a resize may change. */
function unresized(spec: PodSpec): PodSpec {
  const { resources, initContainers, ...rest } = spec;
  return {
    ...rest,
    containers: spec.containers.map(withoutComputing),
    ...(initContainers && { initContainers: initContainers.map(withoutComputing) }),
    ...(resources && { resources: otherResources(resources) }),
  };
}

function withoutComputing({ resources, ...container }: Container): Container {
  return { ...container, resources: otherResources(resources ?? {}) };
}

function otherResources({ requests = {}, limits = {}, ...rest }: ResourceRequirements): ResourceRequirements {
  const others = (list: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(list).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return { ...rest, requests: others(requests), limits: others(limits) };
}
