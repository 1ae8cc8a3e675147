import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../../api/types/apps-v1.ts';
import type { CronJob, Job } from '../../../api/types/batch-v1.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { formatLabelSelector } from '../../../api/label-selector.ts';
import { humanDuration } from '../../../api/human-duration.ts';
import { annotationLines, labelLines, type Lines, longTime } from './fields.ts';
import { templateLines } from './pod-template.ts';
import { revisionAnnotation } from '../../../api/well-known.ts';

export function deploymentLines(
  { metadata, spec, status = {} }: Deployment,
  replicaSets: readonly ReplicaSet[],
): Lines {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, unavailableReplicas = 0, conditions = [] } = status;
  const { type = 'RollingUpdate', rollingUpdate } = spec?.strategy ?? {};
  const revision = metadata.annotations?.[revisionAnnotation];
  const isNew = (set: ReplicaSet): boolean => set.metadata.annotations?.[revisionAnnotation] === revision;
  const old = replicaSets.filter((set) => !isNew(set));
  return [
    ...named(metadata),
    `CreationTimestamp:\t${longTime(metadata.creationTimestamp)}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Selector:\t${formatLabelSelector(spec?.selector)}`,
    `Replicas:\t${spec?.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ` +
      `${availableReplicas} available | ${unavailableReplicas} unavailable`,
    `StrategyType:\t${type}`,
    `MinReadySeconds:\t${spec?.minReadySeconds ?? 0}`,
    ...(rollingUpdate
      ? [`RollingUpdateStrategy:\t${rollingUpdate.maxUnavailable} max unavailable, ${rollingUpdate.maxSurge} max surge`]
      : []),
    ...templateLines(spec?.template ?? {}),
    ...conditionLines(conditions),
    `OldReplicaSets:\t${setsText(old)}`,
    `NewReplicaSet:\t${setsText(replicaSets.filter(isNew))}`,
  ];
}

function setsText(sets: readonly ReplicaSet[]): string {
  const texts = sets.map(
    ({ metadata, status, spec }) =>
      `${metadata.name} (${status?.replicas ?? 0}/${spec?.replicas ?? 0} replicas created)`,
  );
  return texts.join(', ') || '<none>';
}

/** Of replication controllers as well, whose selector is a map. */
export function replicaSetLines({ metadata, spec, status }: ReplicaSet, pods: readonly Pod[]): Lines {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return [
    ...named(metadata),
    `Selector:\t${formatLabelSelector(spec?.selector)}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    ...(owner ? [`Controlled By:\t${owner.kind}/${owner.name}`] : []),
    `Replicas:\t${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`,
    `Pods Status:\t${phases(pods)}`,
    ...templateLines(spec?.template ?? {}),
    ...conditionLines(status?.conditions ?? []),
  ];
}

export function statefulSetLines({ metadata, spec, status }: StatefulSet, pods: readonly Pod[]): Lines {
  const { type = 'RollingUpdate', rollingUpdate } = spec?.updateStrategy ?? {};
  const claims = spec?.volumeClaimTemplates ?? [];
  return [
    ...named(metadata),
    `CreationTimestamp:\t${longTime(metadata.creationTimestamp)}`,
    `Selector:\t${formatLabelSelector(spec?.selector)}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Replicas:\t${spec?.replicas ?? 1} desired | ${status?.replicas ?? 0} total`,
    `Update Strategy:\t${type}`,
    ...(rollingUpdate?.partition === undefined ? [] : [`  Partition:\t${rollingUpdate.partition}`]),
    `Pods Status:\t${phases(pods)}`,
    ...templateLines(spec?.template ?? {}),
    `Volume Claims:${claims.length === 0 ? '\t<none>' : ''}`,
    ...claims.flatMap((claim) => [
      `  Name:\t${claim.metadata.name}`,
      `  StorageClass:\t${claim.spec?.storageClassName ?? ''}`,
      ...labelLines('  Labels', claim.metadata.labels),
      ...annotationLines('  Annotations', claim.metadata.annotations),
      `  Capacity:\t${claim.spec?.resources?.requests?.['storage'] ?? '<default>'}`,
      `  Access Modes:\t[${(claim.spec?.accessModes ?? []).join(' ')}]`,
    ]),
  ];
}

export function daemonSetLines({ metadata, spec, status }: DaemonSet, pods: readonly Pod[]): Lines {
  return [
    ...named(metadata),
    `Selector:\t${formatLabelSelector(spec?.selector)}`,
    `Node-Selector:\t${formatLabelSelector({ matchLabels: spec?.template?.spec?.nodeSelector ?? {} })}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Desired Number of Nodes Scheduled: ${status?.desiredNumberScheduled ?? 0}`,
    `Current Number of Nodes Scheduled: ${status?.currentNumberScheduled ?? 0}`,
    `Number of Nodes Scheduled with Up-to-date Pods: ${status?.updatedNumberScheduled ?? 0}`,
    `Number of Nodes Scheduled with Available Pods: ${status?.numberAvailable ?? 0}`,
    `Number of Nodes Misscheduled: ${status?.numberMisscheduled ?? 0}`,
    `Pods Status:\t${phases(pods)}`,
    ...templateLines(spec?.template ?? {}),
  ];
}

export function jobLines({ metadata, spec, status }: Job): Lines {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const { startTime, completionTime } = status ?? {};
  const duration =
    startTime && completionTime ? humanDuration(Date.parse(completionTime) - Date.parse(startTime)) : undefined;
  return [
    ...named(metadata),
    `Selector:\t${formatLabelSelector(spec?.selector)}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    ...(owner ? [`Controlled By:\t${owner.kind}/${owner.name}`] : []),
    `Parallelism:\t${spec?.parallelism ?? '<unset>'}`,
    `Completions:\t${spec?.completions ?? '<unset>'}`,
    `Completion Mode:\t${spec?.completionMode ?? 'NonIndexed'}`,
    `Suspend:\t${spec?.suspend ?? false}`,
    `Backoff Limit:\t${spec?.backoffLimit ?? 6}`,
    ...(spec?.ttlSecondsAfterFinished === undefined
      ? []
      : [`TTL Seconds After Finished:\t${spec.ttlSecondsAfterFinished}`]),
    ...(startTime ? [`Start Time:\t${longTime(startTime)}`] : []),
    ...(completionTime ? [`Completed At:\t${longTime(completionTime)}`] : []),
    ...(duration ? [`Duration:\t${duration}`] : []),
    ...(spec?.activeDeadlineSeconds ? [`Active Deadline Seconds:\t${spec.activeDeadlineSeconds}s`] : []),
    `Pods Statuses:\t${status?.active ?? 0} Active (${status?.ready ?? 0} Ready) / ${status?.succeeded ?? 0} Succeeded / ${status?.failed ?? 0} Failed`,
    ...(spec?.completionMode === 'Indexed' ? [`Completed Indexes:\t${status?.completedIndexes || '<none>'}`] : []),
    ...templateLines(spec?.template ?? {}),
  ];
}

export function cronJobLines({ metadata, spec, status }: CronJob): Lines {
  const job = spec?.jobTemplate?.spec;
  const active = status?.active ?? [];
  return [
    ...named(metadata),
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Schedule:\t${spec?.schedule}`,
    ...(spec?.timeZone ? [`Time Zone:\t${spec.timeZone}`] : []),
    `Concurrency Policy:\t${spec?.concurrencyPolicy ?? 'Allow'}`,
    `Suspend:\t${spec?.suspend ? 'True' : 'False'}`,
    `Successful Job History Limit:\t${spec?.successfulJobsHistoryLimit ?? '<unset>'}`,
    `Failed Job History Limit:\t${spec?.failedJobsHistoryLimit ?? '<unset>'}`,
    `Starting Deadline Seconds:\t${spec?.startingDeadlineSeconds === undefined ? '<unset>' : `${spec.startingDeadlineSeconds}s`}`,
    ...labelLines('Selector', job?.selector?.matchLabels).map((line) => line.replace('<none>', '<unset>')),
    `Parallelism:\t${job?.parallelism ?? '<unset>'}`,
    `Completions:\t${job?.completions ?? '<unset>'}`,
    ...templateLines(job?.template ?? {}),
    `Last Schedule Time:\t${longTime(status?.lastScheduleTime)}`,
    `Active Jobs:\t${active.map(({ name }) => name).join(', ') || '<none>'}`,
  ];
}

function named({ name, namespace }: { name?: string; namespace?: string }): Lines {
  return [`Name:\t${name}`, `Namespace:\t${namespace}`];
}

function conditionLines(conditions: readonly { type: string; status: string; reason?: string }[]): Lines {
  if (conditions.length === 0) return [];
  const rows = conditions.map(({ type, status, reason = '' }) => `  ${type} \t${status}\t${reason}`);
  return ['Conditions:', '  Type\tStatus\tReason', '  ----\t------\t------', ...rows];
}

function phases(pods: readonly Pod[]): string {
  const count = (phase: string): number => pods.filter(({ status }) => (status?.phase ?? 'Pending') === phase).length;
  return `${count('Running')} Running / ${count('Pending')} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`;
}
