import type { Container, PodTemplateSpec } from '../../types/core-v1.ts';
import { defaultPodSpec } from './pod-defaults.ts';

/** Defaults of the template of pods that a workload carries. */
export function defaultPodTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

/** The containers of any kind with a template at `spec.template`, for its columns. */
export function templateContainers(object: {
  spec?: { template?: PodTemplateSpec };
}): readonly Container[] | undefined {
  return object.spec?.template?.spec?.containers;
}
