import type { AnyObject, KubeObject } from '../../api/object.ts';
import { isJsonObject } from '../../api/plain-json.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/types/apps-v1.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import type { PersistentVolumeClaim, Pod, Service } from '../../api/types/core-v1.ts';

/** How far an object is on its way to what its spec asks for. */
export type Readiness =
  | { state: 'ready' }
  | { state: 'progressing'; reason: string }
  /** It will not get there without somebody's help. */
  | { state: 'failed'; reason: string };

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

const ready: Readiness = { state: 'ready' };
const progressing = (reason: string): Readiness => ({ state: 'progressing', reason });
const failed = (reason: string): Readiness => ({ state: 'failed', reason });

/**
 * Whether an object is what it is meant to be, by the rules of `kubectl rollout status` and kstatus (the conditions
 * `Ready`, `Reconciling` and `Stalled` of kinds that nobody knows). Pure: looks at the object alone.
 */
export function readiness(object: KubeObject): Readiness {
  const { metadata, kind = '' } = object;
  if (metadata.deletionTimestamp) return progressing('it is being deleted');
  const status = statusOf(object);
  const observed = status['observedGeneration'];
  if (typeof observed === 'number' && metadata.generation !== undefined && observed < metadata.generation) {
    return progressing('its controller has not seen the newest spec yet');
  }
  const rule = Object.hasOwn(rules, kind) ? rules[kind] : undefined;
  return rule ? rule(object, conditionsOf(status)) : byConditions(conditionsOf(status));
}

type Rule = (object: KubeObject, conditions: ReadonlyMap<string, Condition>) => Readiness;

const rules: Readonly<Record<string, Rule>> = {
  Deployment: (object, conditions) => deployment(object, conditions),
  StatefulSet: (object) => statefulSet(object),
  DaemonSet: (object) => daemonSet(object),
  ReplicaSet: (object, conditions) => replicaSet(object, conditions),
  ReplicationController: (object, conditions) => replicaSet(object, conditions),
  Job: (object, conditions) => job(object, conditions),
  Pod: (object, conditions) => pod(object, conditions),
  PersistentVolumeClaim: (object) => claim(object),
  Service: (object) => service(object),
  CustomResourceDefinition: (_, conditions) => definition(conditions),
  APIService: (_, conditions) =>
    conditions.get('Available')?.status === 'True'
      ? ready
      : progressing(saying('not available', conditions, 'Available')),
  Namespace: (object) => (statusOf(object)['phase'] === 'Terminating' ? progressing('it is being deleted') : ready),
  // Whether anything serves an ingress is not the release's matter: without a controller no address ever comes.
  Ingress: () => ready,
};

function deployment({ spec, status, metadata }: Deployment, conditions: ReadonlyMap<string, Condition>): Readiness {
  if (spec?.paused) return ready;
  if (isUnseen(status?.observedGeneration, metadata.generation)) return progressing('its rollout has not begun yet');
  const progress = conditions.get('Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') {
    return failed(progress.message ?? 'it exceeded its progress deadline');
  }
  const wanted = spec?.replicas ?? 1;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  if (updatedReplicas < wanted)
    return progressing(`${updatedReplicas} of ${wanted} replicas are of the newest version`);
  if (replicas > updatedReplicas) return progressing(`${replicas - updatedReplicas} old replicas are still there`);
  if (availableReplicas < updatedReplicas) {
    const failure = conditions.get('ReplicaFailure');
    const why = failure?.status === 'True' && failure.message ? `: ${failure.message}` : '';
    return progressing(`${availableReplicas} of ${updatedReplicas} replicas are available${why}`);
  }
  return ready;
}

function statefulSet({ spec, status, metadata }: StatefulSet): Readiness {
  if (spec?.updateStrategy?.type === 'OnDelete') return ready;
  if (isUnseen(status?.observedGeneration, metadata.generation)) return progressing('its rollout has not begun yet');
  const wanted = spec?.replicas ?? 1;
  const { readyReplicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = status ?? {};
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const updating = Math.max(0, wanted - partition);
  if (readyReplicas < wanted) return progressing(`${readyReplicas} of ${wanted} replicas are ready`);
  if (partition > 0) {
    return updatedReplicas < updating
      ? progressing(`${updatedReplicas} of ${updating} replicas are of the newest version`)
      : ready;
  }
  if (currentRevision !== updateRevision) {
    return progressing(`${updatedReplicas} of ${wanted} replicas are of the newest version`);
  }
  return ready;
}

function daemonSet({ spec, status, metadata }: DaemonSet): Readiness {
  if (spec?.updateStrategy?.type === 'OnDelete') return ready;
  if (isUnseen(status?.observedGeneration, metadata.generation)) return progressing('its rollout has not begun yet');
  const { desiredNumberScheduled = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = status ?? {};
  if (updatedNumberScheduled < desiredNumberScheduled) {
    return progressing(`${updatedNumberScheduled} of ${desiredNumberScheduled} pods are of the newest version`);
  }
  if (numberAvailable < desiredNumberScheduled) {
    return progressing(`${numberAvailable} of ${desiredNumberScheduled} pods are available`);
  }
  return ready;
}

function replicaSet({ spec, status, metadata }: ReplicaSet, conditions: ReadonlyMap<string, Condition>): Readiness {
  if (isUnseen(status?.observedGeneration, metadata.generation)) return progressing('it has not been looked at yet');
  const wanted = spec?.replicas ?? 1;
  const { availableReplicas = 0 } = status ?? {};
  const failure = conditions.get('ReplicaFailure');
  const why = failure?.status === 'True' && failure.message ? `: ${failure.message}` : '';
  return availableReplicas < wanted
    ? progressing(`${availableReplicas} of ${wanted} replicas are available${why}`)
    : ready;
}

function job({ spec, status }: Job, conditions: ReadonlyMap<string, Condition>): Readiness {
  if (conditions.get('Complete')?.status === 'True') return ready;
  if (conditions.get('Failed')?.status === 'True') return failed(saying('the job failed', conditions, 'Failed'));
  if (spec?.suspend) return progressing('it is suspended');
  return progressing(`${status?.succeeded ?? 0} of ${spec?.completions ?? 1} pods have completed`);
}

function pod({ status }: Pod, conditions: ReadonlyMap<string, Condition>): Readiness {
  switch (status?.phase) {
    case 'Succeeded':
      return ready;
    case 'Failed':
      return failed(status.message ?? status.reason ?? 'the pod failed');
    default:
  }
  if (conditions.get('Ready')?.status === 'True') return ready;
  if (conditions.get('PodScheduled')?.status === 'False') {
    return progressing(saying('it has no node yet', conditions, 'PodScheduled'));
  }
  const waiting = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (container) => container.state?.waiting?.reason,
  );
  const why = waiting?.state?.waiting;
  return progressing(
    why ? `${waiting.name}: ${why.reason}${why.message ? `: ${why.message}` : ''}` : 'it is not ready',
  );
}

function claim({ status }: PersistentVolumeClaim): Readiness {
  if (status?.phase === 'Bound') return ready;
  return status?.phase === 'Lost' ? failed('its volume is lost') : progressing('it has no volume yet');
}

function service({ spec, status }: Service): Readiness {
  if (spec?.type === 'ExternalName') return ready;
  if (!spec?.clusterIP) return progressing('it has no cluster IP yet');
  if (spec.type !== 'LoadBalancer' || (spec.externalIPs ?? []).length > 0) return ready;
  return (status?.loadBalancer?.ingress ?? []).length > 0 ? ready : progressing('it has no load balancer address yet');
}

function definition(conditions: ReadonlyMap<string, Condition>): Readiness {
  if (conditions.get('Established')?.status === 'True') return ready;
  if (conditions.get('NamesAccepted')?.status === 'False') {
    return failed(saying('its names are taken', conditions, 'NamesAccepted'));
  }
  return progressing('it is not established yet');
}

function byConditions(conditions: ReadonlyMap<string, Condition>): Readiness {
  if (conditions.get('Stalled')?.status === 'True') return failed(saying('it is stalled', conditions, 'Stalled'));
  if (conditions.get('Reconciling')?.status === 'True') {
    return progressing(saying('it is being reconciled', conditions, 'Reconciling'));
  }
  const { status = 'True' } = conditions.get('Ready') ?? {};
  return status === 'True' ? ready : progressing(saying('it is not ready', conditions, 'Ready'));
}

/** A controller that has not written a status yet has not seen anything. */
function isUnseen(observed: number | undefined, generation: number | undefined): boolean {
  return generation !== undefined && (observed ?? 0) < generation;
}

function saying(what: string, conditions: ReadonlyMap<string, Condition>, type: string): string {
  const { reason, message } = conditions.get(type) ?? {};
  const said = message || reason;
  return said ? `${what}: ${said}` : what;
}

function statusOf(object: KubeObject): Record<string, unknown> {
  const { status } = object as AnyObject;
  return isJsonObject(status) ? status : {};
}

function conditionsOf(status: Record<string, unknown>): Map<string, Condition> {
  const { conditions } = status;
  const list = Array.isArray(conditions) ? (conditions as Condition[]) : [];
  return new Map(list.filter(isJsonObject).map((condition) => [condition.type, condition]));
}
