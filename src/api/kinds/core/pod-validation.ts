import type { Pod } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, required } from '../../field-errors.ts';
import { validatePodSpec } from './pod-spec-validation.ts';

/** Rules of a pod. */
export function validatePod({ metadata, spec }: Pod): StatusCause[] {
  if (!spec) return [required('spec.containers', '')];
  const causes: StatusCause[] = [];
  validatePodSpec(causes, spec, 'spec');
  // Only ever added to a pod that runs, through the subresource.
  if (spec.ephemeralContainers?.length && metadata.resourceVersion === undefined) {
    causes.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  }
  if (spec.nodeName && spec.schedulingGates?.length && metadata.resourceVersion === undefined) {
    causes.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  return causes;
}
