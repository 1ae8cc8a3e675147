import { validateAnnotations, validateLabels } from '../../object-meta.ts';
import type { PodTemplateSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { forbidden, required } from '../../field-errors.ts';
import { validatePodSpec } from './pod-spec-validation.ts';

/** Rules of the template of pods at `path`. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string): StatusCause[] {
  if (!template?.spec) return [required(`${path}.spec`, '')];
  const causes: StatusCause[] = [];
  const { labels, annotations } = template.metadata ?? {};
  if (labels) causes.push(...validateLabels(labels, `${path}.metadata.labels`));
  if (annotations) causes.push(...validateAnnotations(annotations, `${path}.metadata.annotations`));
  validatePodSpec(causes, template.spec, `${path}.spec`);
  if (template.spec.ephemeralContainers?.length) {
    const reason = 'ephemeral containers not allowed in pod template';
    causes.push(forbidden(`${path}.spec.ephemeralContainers`, reason));
  }
  return causes;
}
