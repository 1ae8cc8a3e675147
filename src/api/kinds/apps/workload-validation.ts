import { labelMatcher } from '../../label-selector.ts';
import type { PodTemplateSpec } from '../../types/core-v1.ts';
import type { LabelSelector, StatusCause } from '../../types/meta-v1.ts';
import { forbidden, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validateLabelSelector } from '../label-selector-validation.ts';
import { validatePodTemplate } from '../core/pod-template-validation.ts';

/** A workload's `spec.selector` must be there and select something; `kind` is how the message calls the workload. */
export function validateSelector(selector: LabelSelector | undefined, kind: string): StatusCause[] {
  if (!selector) return [required('spec.selector', '')];
  const causes = validateLabelSelector(selector, 'spec.selector');
  if (isEmpty(selector)) {
    causes.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`));
  }
  return causes;
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

/** The template of pods that run for ever: its labels are what the selector selects, and its pods restart. */
export function validateReplicatedTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  kind = 'ReplicaSet',
): StatusCause[] {
  const path = 'spec.template';
  if (!template) return [required(path, '')];
  const causes: StatusCause[] = [];
  const labels = template.metadata?.labels ?? {};
  // An empty selector matches everything, a missing one nothing.
  const isSound = !selector || (!isEmpty(selector) && validateLabelSelector(selector, '').length === 0);
  if (isSound && !(selector && labelMatcher(selector).matches(labels))) {
    const given = template.metadata?.labels;
    causes.push(invalidValue(`${path}.metadata.labels`, given, '`selector` does not match template `labels`'));
  }
  causes.push(...validatePodTemplate(template, path));
  const { restartPolicy = '', activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== 'Always') {
    causes.push(notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    const reason = `activeDeadlineSeconds in ${kind} is not Supported`;
    causes.push(forbidden(`${path}.spec.activeDeadlineSeconds`, reason));
  }
  return causes;
}
