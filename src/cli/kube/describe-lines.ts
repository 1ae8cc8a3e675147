import type { AnyObject, KubeObject } from '../../api/object.ts';
import { labelMatcher } from '../../api/label-selector.ts';
import { isApiError } from '../../api/status.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import type { CronJob } from '../../api/types/batch-v1.ts';
import type { HorizontalPodAutoscaler } from '../../api/types/autoscaling-v2.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { LimitRange, Pod, ResourceQuota } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { Ingress } from '../../api/types/networking-v1.ts';
import type { RoleBinding } from '../../api/types/rbac-v1.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import * as kinds from '../../client/resources.ts';
import { bindingLines, roleLines } from '../../delivery/inspect/describe/access.ts';
import { autoscalerLines } from '../../delivery/inspect/describe/autoscaler.ts';
import { endpointSliceLines, endpointsLines } from '../../delivery/inspect/describe/endpoints.ts';
import * as limits from '../../delivery/inspect/describe/limits.ts';
import { type Backends, ingressLines, serviceLines } from '../../delivery/inspect/describe/network.ts';
import { networkPolicyLines } from '../../delivery/inspect/describe/network-policy.ts';
import { nodeLines } from '../../delivery/inspect/describe/node.ts';
import * as plain from '../../delivery/inspect/describe/plain.ts';
import { podLines } from '../../delivery/inspect/describe/pod.ts';
import * as storage from '../../delivery/inspect/describe/storage.ts';
import * as workloads from '../../delivery/inspect/describe/workloads.ts';
import type { Kube } from './session.ts';

/** A description without its events, with what belongs to the object; undefined of kinds that have none of their own. */
export async function ownLines(
  kube: Kube,
  kind: string,
  object: AnyObject,
  now: number,
): Promise<string[] | undefined> {
  return (
    (await workloadLines(kube, kind, object)) ??
    (await relatedLines(kube, kind, object)) ??
    (kind === 'Node' ? nodeOf(kube, object, now) : plainKinds[kind]?.(object))
  );
}

async function workloadLines(kube: Kube, kind: string, object: AnyObject): Promise<string[] | undefined> {
  switch (kind) {
    case 'Pod':
      return podLines(object);
    case 'Deployment': {
      const { items } = await kube.client.list(kinds.replicaSets, { namespace: object.metadata.namespace ?? '' });
      return workloads.deploymentLines(
        object,
        items.filter((set) => isOwned(set, object)),
      );
    }
    case 'ReplicaSet':
      return workloads.replicaSetLines(object, await podsSelectedBy(kube, object));
    case 'ReplicationController':
      return workloads.replicaSetLines(withSelector(object), await podsSelectedBy(kube, withSelector(object)));
    case 'StatefulSet':
      return workloads.statefulSetLines(object, await podsSelectedBy(kube, object));
    case 'DaemonSet':
      return workloads.daemonSetLines(object, await podsSelectedBy(kube, object));
    case 'Job':
      return workloads.jobLines(object);
    case 'CronJob':
      return workloads.cronJobLines(object as CronJob & AnyObject);
    default:
      return undefined;
  }
}

async function relatedLines({ client }: Kube, kind: string, object: AnyObject): Promise<string[] | undefined> {
  const { name = '' } = object.metadata;
  const namespace = object.metadata.namespace ?? '';
  switch (kind) {
    case 'Service': {
      const labelSelector = `kubernetes.io/service-name=${name}`;
      const { items } = await client.list(kinds.endpointSlices, { namespace, labelSelector });
      return serviceLines(object, items);
    }
    case 'Ingress':
      return ingressLines(object, await backendsOf(client, object));
    case 'PersistentVolumeClaim': {
      const { items } = await client.list(kinds.pods, { namespace });
      const users = items.filter(({ spec }) =>
        spec?.volumes?.some(({ persistentVolumeClaim: claim }) => claim?.claimName === name),
      );
      return storage.claimLines(
        object,
        users.map(({ metadata }) => metadata.name ?? ''),
      );
    }
    case 'Namespace': {
      const [quotas, ranges] = await Promise.all([
        client.list<ResourceQuota>(kinds.resourceQuotas, { namespace: name }),
        client.list<LimitRange>(kinds.limitRanges, { namespace: name }),
      ]);
      return limits.namespaceLines(object, quotas.items, ranges.items);
    }
    case 'ServiceAccount': {
      const { items } = await client.list(kinds.secrets, { namespace });
      return plain.serviceAccountLines(object, items);
    }
    default:
      return undefined;
  }
}

async function nodeOf({ client }: Kube, object: AnyObject, now: number): Promise<string[]> {
  const { name = '' } = object.metadata;
  const { items } = await client.list(kinds.pods, { fieldSelector: `spec.nodeName=${name}` });
  const lease = await client.get(kinds.leases, { name, namespace: 'kube-node-lease' }).catch(() => undefined);
  return nodeLines(object, items, now, lease);
}

const plainKinds: Record<string, (object: AnyObject) => string[]> = {
  ConfigMap: plain.configMapLines,
  Secret: plain.secretLines,
  PersistentVolume: storage.volumeLines,
  StorageClass: (object) => storage.storageClassLines(object as AnyObject & StorageClass),
  PriorityClass: plain.priorityClassLines,
  IngressClass: plain.ingressClassLines,
  NetworkPolicy: networkPolicyLines,
  HorizontalPodAutoscaler: (object) => autoscalerLines(object as AnyObject & HorizontalPodAutoscaler),
  PodDisruptionBudget: limits.disruptionBudgetLines,
  ResourceQuota: limits.quotaLines,
  LimitRange: limits.limitRangeLines,
  Role: roleLines,
  ClusterRole: roleLines,
  RoleBinding: (object) => bindingLines(object as AnyObject & RoleBinding),
  ClusterRoleBinding: (object) => bindingLines(object as AnyObject & RoleBinding),
  EndpointSlice: (object) => endpointSliceLines(object as AnyObject & EndpointSlice),
  Endpoints: endpointsLines,
};

async function backendsOf(client: Kube['client'], { metadata, spec = {} }: Ingress): Promise<Backends> {
  const namespace = metadata.namespace ?? '';
  const backends = [
    spec.defaultBackend,
    ...(spec.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend)),
  ];
  const names = [...new Set(backends.flatMap((backend) => backend?.service?.name ?? []))];
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const service = await client.get(kinds.services, { name, namespace });
        const labelSelector = `kubernetes.io/service-name=${name}`;
        const { items } = await client.list(kinds.endpointSlices, { namespace, labelSelector });
        return [[name, { service, slices: items }] as const];
      } catch (error) {
        if (isApiError(error)) return [];
        throw error;
      }
    }),
  );
  return new Map(found.flat());
}

function isOwned({ metadata }: KubeObject, owner: KubeObject): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
}

async function podsSelectedBy({ client }: Kube, object: AnyObject): Promise<Pod[]> {
  const { selector } = (object['spec'] ?? {}) as { selector?: LabelSelector };
  const labelSelector = labelMatcher(selector).toString();
  const { items } = await client.list(kinds.pods, { namespace: object.metadata.namespace ?? '', labelSelector });
  return items.filter((pod) => isOwned(pod, object));
}

/** A replication controller as the replica set that it would be. */
function withSelector(object: AnyObject): AnyObject & Pick<ReplicaSet, 'spec'> {
  const spec = (object['spec'] ?? {}) as { selector?: Record<string, string> };
  return { ...object, spec: { ...spec, selector: { matchLabels: spec.selector ?? {} } } };
}
