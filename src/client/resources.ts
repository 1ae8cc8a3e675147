import type { ValidatingAdmissionPolicy } from '../api/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../api/types/apiextensions-v1.ts';
import type { CertificateSigningRequest } from '../api/types/certificates-v1.ts';
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../api/types/apps-v1.ts';
import type { HorizontalPodAutoscaler } from '../api/types/autoscaling-v2.ts';
import type { CronJob, Job } from '../api/types/batch-v1.ts';
import type { KubeObject } from '../api/object.ts';
import type {
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../api/types/core-v1.ts';
import type { Lease } from '../api/types/coordination-v1.ts';
import type { EndpointSlice } from '../api/types/discovery-v1.ts';
import type { Ingress, IngressClass } from '../api/types/networking-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import type { NetworkPolicy, ServiceCIDR } from '../api/types/networking-v1.ts';
import type { StorageClass } from '../api/types/storage-v1.ts';
import type { Resource } from './client.ts';

function resource<T extends KubeObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced = true,
): Resource<T> {
  return { group, version, plural, kind, namespaced };
}

/** The kinds that our own components work with. */
export const pods = resource<Pod>('', 'v1', 'pods', 'Pod');
export const nodes = resource<Node>('', 'v1', 'nodes', 'Node', false);
export const namespaces = resource<Namespace>('', 'v1', 'namespaces', 'Namespace', false);
export const services = resource<Service>('', 'v1', 'services', 'Service');
export const endpoints = resource<Endpoints>('', 'v1', 'endpoints', 'Endpoints');
export const endpointSlices = resource<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice');
export const ingresses = resource<Ingress>('networking.k8s.io', 'v1', 'ingresses', 'Ingress');
export const ingressClasses = resource<IngressClass>(
  'networking.k8s.io',
  'v1',
  'ingressclasses',
  'IngressClass',
  false,
);
export const serviceCidrs = resource<ServiceCIDR>('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR', false);
export const certificateSigningRequests = resource<CertificateSigningRequest>(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  false,
);
export const configMaps = resource<ConfigMap>('', 'v1', 'configmaps', 'ConfigMap');
export const secrets = resource<Secret>('', 'v1', 'secrets', 'Secret');
export const serviceAccounts = resource<ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount');
export const events = resource<Event>('', 'v1', 'events', 'Event');
export const resourceQuotas = resource<ResourceQuota>('', 'v1', 'resourcequotas', 'ResourceQuota');
export const limitRanges = resource<LimitRange>('', 'v1', 'limitranges', 'LimitRange');
export const leases = resource<Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const deployments = resource<Deployment>('apps', 'v1', 'deployments', 'Deployment');
export const replicaSets = resource<ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet');
export const replicationControllers = resource<ReplicationController>(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
);
export const jobs = resource<Job>('batch', 'v1', 'jobs', 'Job');
export const persistentVolumes = resource<PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume', false);
export const persistentVolumeClaims = resource<PersistentVolumeClaim>(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const storageClasses = resource<StorageClass>('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', false);
export const statefulSets = resource<StatefulSet>('apps', 'v1', 'statefulsets', 'StatefulSet');
export const daemonSets = resource<DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet');
export const controllerRevisions = resource<ControllerRevision>(
  'apps',
  'v1',
  'controllerrevisions',
  'ControllerRevision',
);
export const cronJobs = resource<CronJob>('batch', 'v1', 'cronjobs', 'CronJob');
export const podDisruptionBudgets = resource<PodDisruptionBudget>(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
);
export const networkPolicies = resource<NetworkPolicy>('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy');
export const horizontalPodAutoscalers = resource<HorizontalPodAutoscaler>(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
);
export const customResourceDefinitions = resource<CustomResourceDefinition>(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  false,
);
export const validatingAdmissionPolicies = resource<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
  false,
);
