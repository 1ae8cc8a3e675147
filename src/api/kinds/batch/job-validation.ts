import type { Job, JobSpec } from '../../types/batch-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { dnsLabel } from '../../names.ts';
import { invalidValue, notSupported, required, tooLong } from '../../field-errors.ts';
import { nonNegative } from '../checks.ts';
import { validateDomainPrefixedPath } from '../domain-prefixed-path.ts';
import { immutable } from '../immutable.ts';
import { validateJobPolicies } from './job-policy-validation.ts';
import { validatePodTemplate } from '../core/pod-template-validation.ts';

const maxParallelism = 100_000;
const maxManagedBy = 63;

export function validateJob({ metadata, spec }: Job): StatusCause[] {
  if (!spec) return [required('spec', '')];
  const causes = validateJobSpec(spec, 'spec');
  if (spec.completionMode !== 'Indexed' || !spec.completions) return causes;
  // Pods of an indexed job are named for their index, in their hostnames too.
  const name = metadata.name ?? '';
  for (const problem of dnsLabel(`${name}-${spec.completions - 1}`)) {
    causes.push(invalidValue('metadata.name', name, `will not able to create pod with invalid DNS label: ${problem}`));
  }
  return causes;
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
  causes.push(...validateIndexes(spec, path), ...validateJobPolicies(spec, path));
  causes.push(...validateManagement(spec, path), ...validatePodTemplate(spec.template, `${path}.template`));
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

/** Limits of indexed jobs, which keep what each index came to in their status. */
function validateIndexes(spec: JobSpec, path: string): StatusCause[] {
  const { completionMode, completions = 0, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const causes: StatusCause[] = [];
  const isIndexed = completionMode === 'Indexed';
  if (isIndexed && parallelism > maxParallelism) {
    const rule = `must be less than or equal to ${maxParallelism} when completion mode is Indexed`;
    causes.push(invalidValue(`${path}.parallelism`, parallelism, rule));
  }
  if (!isIndexed && backoffLimitPerIndex !== undefined) {
    causes.push(invalidValue(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex, 'requires indexed completion mode'));
  }
  if (maxFailedIndexes === undefined) return causes;
  if (backoffLimitPerIndex === undefined) {
    causes.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  }
  if (!isIndexed) {
    causes.push(invalidValue(`${path}.maxFailedIndexes`, maxFailedIndexes, 'requires indexed completion mode'));
  } else if (maxFailedIndexes > completions) {
    const rule = 'must be less than or equal to completions';
    causes.push(invalidValue(`${path}.maxFailedIndexes`, maxFailedIndexes, rule));
  }
  return causes;
}

function validateManagement(spec: JobSpec, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const { podReplacementPolicy, podFailurePolicy, managedBy } = spec;
  const policyPath = `${path}.podReplacementPolicy`;
  if (podReplacementPolicy && podFailurePolicy && podReplacementPolicy !== 'Failed') {
    causes.push(notSupported(policyPath, podReplacementPolicy, ['Failed']));
  } else if (podReplacementPolicy && !['Failed', 'TerminatingOrFailed'].includes(podReplacementPolicy)) {
    causes.push(notSupported(policyPath, podReplacementPolicy, ['Failed', 'TerminatingOrFailed']));
  }
  if (managedBy === undefined) return causes;
  causes.push(...validateDomainPrefixedPath(managedBy, `${path}.managedBy`));
  if (managedBy.length > maxManagedBy) causes.push(tooLong(`${path}.managedBy`, maxManagedBy));
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
