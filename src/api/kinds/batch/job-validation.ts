import type { Job, JobSpec } from '../../types/batch-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, notSupported, required } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { immutable } from '../immutable.ts';
import { validatePodTemplate } from '../core/pod-template-validation.ts';

export function validateJob({ spec }: Job): StatusCause[] {
  return spec ? validateJobSpec(spec, 'spec') : [required('spec', '')];
}

/** Rules of a job's spec at `path`, also within a cron job. */
export function validateJobSpec(spec: JobSpec, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  nonNegative(causes, `${path}.parallelism`, spec.parallelism);
  nonNegative(causes, `${path}.completions`, spec.completions);
  nonNegative(causes, `${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds);
  nonNegative(causes, `${path}.backoffLimit`, spec.backoffLimit);
  nonNegative(causes, `${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex);
  nonNegative(causes, `${path}.maxFailedIndexes`, spec.maxFailedIndexes);
  nonNegative(causes, `${path}.ttlSecondsAfterFinished`, spec.ttlSecondsAfterFinished);
  const mode = spec.completionMode ?? 'NonIndexed';
  if (mode !== 'NonIndexed' && mode !== 'Indexed') {
    causes.push(notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  }
  if (mode === 'Indexed' && spec.completions === undefined) {
    causes.push(required(`${path}.completions`, `when completion mode is Indexed`));
  }
  if (mode !== 'Indexed' && spec.backoffLimitPerIndex !== undefined) {
    causes.push(
      invalidValue(`${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode'),
    );
  }
  causes.push(...validatePodTemplate(spec.template, `${path}.template`));
  const policy = spec.template?.spec?.restartPolicy ?? '';
  const policyPath = `${path}.template.spec.restartPolicy`;
  if (policy === '' || policy === 'Always') {
    causes.push(required(policyPath, 'valid values: "OnFailure", "Never"'));
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    causes.push(notSupported(policyPath, policy, ['OnFailure', 'Never']));
  } else if (spec.podFailurePolicy && policy !== 'Never') {
    causes.push(invalidValue(policyPath, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
  return causes;
}

export function validateJobUpdate({ spec }: Job, old: Job, subresource: string): StatusCause[] {
  if (subresource !== '' || !spec || !old.spec) return [];
  return [
    ...(spec.completionMode === 'Indexed' && spec.completions === spec.parallelism
      ? []
      : immutable('spec.completions', spec.completions, old.spec.completions)),
    ...immutable('spec.selector', spec.selector, old.spec.selector),
    // A suspended job that has not started may still be placed elsewhere; its template is then the queue's to change.
    ...(old.spec.suspend && old.status?.startTime === undefined
      ? []
      : immutable('spec.template', spec.template, old.spec.template)),
    ...immutable('spec.completionMode', spec.completionMode, old.spec.completionMode),
    ...immutable('spec.podFailurePolicy', spec.podFailurePolicy, old.spec.podFailurePolicy),
    ...immutable('spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, old.spec.backoffLimitPerIndex),
    ...immutable('spec.managedBy', spec.managedBy, old.spec.managedBy),
    ...immutable('spec.successPolicy', spec.successPolicy, old.spec.successPolicy),
  ];
}
