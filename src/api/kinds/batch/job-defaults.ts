import type { JobSpec } from '../../types/batch-v1.ts';
import { defaultPodTemplate } from '../core/pod-template.ts';

/** Defaults of a job, and of the jobs that a cron job makes. */
export function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  // With a limit for each index there is no limit for the whole.
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  if (spec.podFailurePolicy) {
    for (const rule of spec.podFailurePolicy.rules) {
      for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
    }
  }
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  defaultPodTemplate(spec.template);
}

/** What a job template of a cron job gets: only its pods are completed, the job's own defaults come with each job. */
export function defaultJobTemplateSpec(spec: JobSpec): void {
  defaultPodTemplate(spec.template);
}
