import { nameSuffix, type Random } from '../../base/random.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import type { Container, Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import { controllerReference } from '../owner-references.ts';
import { parseTime, podCondition } from '../pod-state.ts';
import { podFromTemplate } from '../replication/new-pod.ts';
import { matchPodFailurePolicy } from './pod-failure-policy.ts';

/** While a pod has it, its end has not been counted in its job's status. (KEP-2307.) */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexKey = 'batch.kubernetes.io/job-completion-index';
const failureCountKey = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailureCountKey = 'batch.kubernetes.io/job-index-ignored-failure-count';
const indexVariable = 'JOB_COMPLETION_INDEX';
const longestGeneratedPrefix = 58;

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

/** Are pods replaced only when they have failed, and not when they are on their way out? */
export function replacesFailedOnly(job: Job): boolean {
  return job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/** Pods that are deleted before they end have failed, unless the job waits for their end. */
export function isFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !replacesFailedOnly(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

/** The pod's completion index when it is one of the job's. */
export function completionIndex(pod: Pod, job: Job): number | undefined {
  const text = pod.metadata.annotations?.[indexKey] ?? '';
  const index = Number(text);
  return /^\d+$/.test(text) && index < (job.spec?.completions ?? 0) ? index : undefined;
}

/** Failures of the pod's predecessors in its index that count towards the index's limit. */
export function indexFailures(pod: Pod): number {
  return Number(pod.metadata.annotations?.[failureCountKey] ?? 0);
}

/** The same with those that the failure policy ignores: what the back-off of the index goes by. */
export function allIndexFailures(pod: Pod): number {
  return indexFailures(pod) + Number(pod.metadata.annotations?.[ignoredFailureCountKey] ?? 0);
}

/** Epoch milliseconds at which the pod ended, as well as that can be told. */
export function finishTime(pod: Pod): number {
  const { metadata, status } = pod;
  const ends = (status?.containerStatuses ?? []).map(({ state }) => parseTime(state?.terminated?.finishedAt));
  if (ends.length > 0 && ends.every((end) => end > 0)) return Math.max(...ends);
  const ready = podCondition(pod, 'Ready');
  if (isPodFinished(pod) && ready?.lastTransitionTime && ready.status === 'False') {
    return parseTime(ready.lastTransitionTime);
  }
  if (metadata.deletionTimestamp) {
    return parseTime(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  }
  return parseTime(metadata.creationTimestamp);
}

/** A pod of the job; `replaced` is the failed pod whose index it takes over, where limits are counted by index. */
export function newJobPod(options: { job: Job; index?: number; replaced?: Pod; random: Random }): Pod {
  const { job, index, replaced, random } = options;
  const template: PodTemplateSpec = job.spec?.template ?? {};
  const reference = controllerReference(job, 'batch/v1', 'Job');
  const pod = podFromTemplate({ owner: job, reference, template, random });
  const finalizers = pod.metadata.finalizers ?? [];
  if (!finalizers.includes(trackingFinalizer)) pod.metadata.finalizers = [...finalizers, trackingFinalizer];
  if (index === undefined || !pod.spec) return pod;
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexKey]: String(index) };
  pod.metadata.labels = { ...pod.metadata.labels, [indexKey]: String(index) };
  pod.spec.hostname = `${job.metadata.name}-${index}`;
  const suffix = `-${index}-`;
  pod.metadata.generateName = (job.metadata.name ?? '').slice(0, longestGeneratedPrefix - suffix.length) + suffix;
  pod.metadata.name = pod.metadata.generateName + nameSuffix(random);
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) addIndexVariable(container);
  if (job.spec?.backoffLimitPerIndex !== undefined) {
    Object.assign(pod.metadata.annotations, failureCounts(job, replaced));
  }
  return pod;
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (!replaced) return { [failureCountKey]: '0' };
  const { counts } = matchPodFailurePolicy(job.spec?.podFailurePolicy, replaced);
  const ignored = allIndexFailures(replaced) - indexFailures(replaced) + (counts ? 0 : 1);
  return {
    [failureCountKey]: String(indexFailures(replaced) + (counts ? 1 : 0)),
    ...(ignored > 0 && { [ignoredFailureCountKey]: String(ignored) }),
  };
}

function addIndexVariable(container: Container): void {
  if (container.env?.some(({ name }) => name === indexVariable)) return;
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${indexKey}']` };
  container.env = [...(container.env ?? []), { name: indexVariable, valueFrom: { fieldRef } }];
}
