import type { AnyObject } from '../../object.ts';
import type { Container, Pod, PodAffinityTerm } from '../../types/core-v1.ts';
import { keep } from '../define-kind.ts';
import { qosClass } from './pod-qos.ts';

const gatedMessage = 'Scheduling is blocked due to non-empty scheduling gates';

export function preparePodForCreate(pod: Pod): void {
  pod.status = { phase: 'Pending', qosClass: qosClass(pod) };
  if (pod.spec?.schedulingGates?.length) {
    pod.status.conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: gatedMessage },
    ];
  }
  if (pod.spec?.affinity) resolveLabelKeys(pod);
  mendGrace(pod);
}

/** Negative graces were let in once: they mean the shortest there is. */
function mendGrace({ spec }: Pod): void {
  if (spec && (spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
}

/** Affinity terms may name keys whose values are the pod's own (KEP-3633): they become part of the term's selector. */
function resolveLabelKeys({ metadata, spec }: Pod): void {
  const { podAffinity, podAntiAffinity } = spec!.affinity!;
  for (const affinity of [podAffinity, podAntiAffinity]) {
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
      resolveTerm(term, metadata.labels);
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      resolveTerm(podAffinityTerm, metadata.labels);
    }
  }
}

function resolveTerm(term: PodAffinityTerm, labels: Record<string, string> | undefined): void {
  if (!term.labelSelector) return;
  const expressions = [
    ...(term.matchLabelKeys ?? []).map((key) => ({ key, operator: 'In' })),
    ...(term.mismatchLabelKeys ?? []).map((key) => ({ key, operator: 'NotIn' })),
  ].flatMap(({ key, operator }) => (labels?.[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  if (expressions.length === 0) return;
  term.labelSelector.matchExpressions = [...(term.labelSelector.matchExpressions ?? []), ...expressions];
}

export function preparePodForUpdate(pod: Pod, old: Pod, subresource: string): void {
  switch (subresource) {
    case 'status':
      // The node tells the state of the pod; who owns it is not its to say.
      if (old.metadata.ownerReferences === undefined) delete pod.metadata.ownerReferences;
      else pod.metadata.ownerReferences = old.metadata.ownerReferences;
      if (pod.status && !pod.status.qosClass && old.status?.qosClass) pod.status.qosClass = old.status.qosClass;
      return;
    case 'ephemeralcontainers': {
      const added = pod.spec?.ephemeralContainers;
      pod.spec = { ...structuredClone(old.spec!), ...(added && { ephemeralContainers: added }) };
      keep(pod as AnyObject & Pod, old as AnyObject & Pod, 'status');
      return;
    }
    case 'resize':
      resize(pod, old);
      return;
    default:
      mendGrace(pod);
  }
}

/**
 * A resize changes resources and resize policies of containers, nothing else; names stay as they were sent, for the
 * validation to compare.
 */
function resize(pod: Pod, old: Pod): void {
  const wanted = pod.spec;
  pod.metadata = { ...structuredClone(old.metadata), ...versionOf(pod) };
  keep(pod as AnyObject & Pod, old as AnyObject & Pod, 'status');
  if (!wanted || !old.spec) return;
  for (const field of ['containers', 'initContainers'] as const) {
    // Validation refuses to add and to remove some.
    if ((wanted[field]?.length ?? 0) !== (old.spec[field]?.length ?? 0)) return;
  }
  const spec = structuredClone(old.spec);
  spec.containers = spec.containers.map((container, i) => resized(container, wanted.containers[i]));
  if (spec.initContainers) {
    spec.initContainers = spec.initContainers.map((container, i) => resized(container, wanted.initContainers?.[i]));
  }
  if (wanted.resources) spec.resources = wanted.resources;
  else delete spec.resources;
  pod.spec = spec;
}

function versionOf({ metadata: { resourceVersion, managedFields } }: Pod): Partial<Pod['metadata']> {
  return { ...(resourceVersion !== undefined && { resourceVersion }), ...(managedFields && { managedFields }) };
}

function resized(container: Container, wanted: Container | undefined): Container {
  const { resources: _, resizePolicy: __, ...rest } = container;
  const { name = '', resources, resizePolicy } = wanted ?? {};
  return { ...rest, name, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
}
