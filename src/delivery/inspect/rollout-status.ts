import type { DaemonSet, Deployment, StatefulSet } from '../../api/types/apps-v1.ts';

/** How far a rollout is, in kubectl's words. */
export type RolloutStatus = { state: 'done' | 'going'; message: string } | { state: 'failed'; message: string };

const done = (message: string): RolloutStatus => ({ state: 'done', message });
const going = (message: string): RolloutStatus => ({ state: 'going', message });

export function deploymentRollout({ metadata, spec, status = {} }: Deployment): RolloutStatus {
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, conditions = [] } = status;
  const waiting = `Waiting for deployment "${metadata.name}" rollout to finish: `;
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return going('Waiting for deployment spec update to be observed...');
  }
  const progressing = conditions.find(({ type }) => type === 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return { state: 'failed', message: `deployment "${metadata.name}" exceeded its progress deadline` };
  }
  const wanted = spec?.replicas ?? 1;
  if (updatedReplicas < wanted) {
    return going(`${waiting}${updatedReplicas} out of ${wanted} new replicas have been updated...`);
  }
  if (replicas > updatedReplicas) {
    return going(`${waiting}${replicas - updatedReplicas} old replicas are pending termination...`);
  }
  if (availableReplicas < updatedReplicas) {
    return going(`${waiting}${availableReplicas} of ${updatedReplicas} updated replicas are available...`);
  }
  return done(`deployment "${metadata.name}" successfully rolled out`);
}

export function daemonSetRollout({ metadata, spec, status }: DaemonSet): RolloutStatus {
  if (spec?.updateStrategy?.type === 'OnDelete') {
    return { state: 'failed', message: 'rollout status is only available for RollingUpdate strategy type' };
  }
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return going('Waiting for daemon set spec update to be observed...');
  }
  const { updatedNumberScheduled = 0, desiredNumberScheduled = 0, numberAvailable = 0 } = status ?? {};
  const waiting = `Waiting for daemon set "${metadata.name}" rollout to finish: `;
  if (updatedNumberScheduled < desiredNumberScheduled) {
    return going(`${waiting}${updatedNumberScheduled} out of ${desiredNumberScheduled} new pods have been updated...`);
  }
  if (numberAvailable < desiredNumberScheduled) {
    return going(`${waiting}${numberAvailable} of ${desiredNumberScheduled} updated pods are available...`);
  }
  return done(`daemon set "${metadata.name}" successfully rolled out`);
}

export function statefulSetRollout({ metadata, spec, status }: StatefulSet): RolloutStatus {
  if (spec?.updateStrategy?.type === 'OnDelete') {
    return { state: 'failed', message: 'rollout status is only available for RollingUpdate strategy type' };
  }
  const { observedGeneration = 0, readyReplicas = 0, updatedReplicas = 0 } = status ?? {};
  if (observedGeneration === 0 || (metadata.generation ?? 0) > observedGeneration) {
    return going('Waiting for statefulset spec update to be observed...');
  }
  const wanted = spec?.replicas ?? 1;
  if (readyReplicas < wanted) return going(`Waiting for ${wanted - readyReplicas} pods to be ready...`);
  const { partition } = spec?.updateStrategy?.rollingUpdate ?? {};
  if (partition) {
    return updatedReplicas < wanted - partition
      ? going(
          `Waiting for partitioned roll out to finish: ${updatedReplicas} out of ${wanted - partition} new pods have been updated...`,
        )
      : done(`partitioned roll out complete: ${updatedReplicas} new pods have been updated...`);
  }
  if (status?.updateRevision !== status?.currentRevision) {
    return going(
      `waiting for statefulset rolling update to complete ${updatedReplicas} pods at revision ${status?.updateRevision}...`,
    );
  }
  return done(
    `statefulset rolling update complete ${status?.currentReplicas ?? 0} pods at revision ${status?.currentRevision}...`,
  );
}
