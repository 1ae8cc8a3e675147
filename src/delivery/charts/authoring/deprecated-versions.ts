import { deprecated } from '../../../api/kinds/deprecation.ts';

/** Minor versions of Kubernetes 1 since which a version is deprecated and no longer served, and what came instead. */
interface Lifecycle {
  readonly since: number;
  readonly removed?: number;
  readonly use?: string;
}

/** By group and version; kinds that go the same way together (k8s.io/api, zz_generated.prerelease-lifecycle.go). */
const lifecycles: readonly (readonly [apiVersion: string, kinds: string, Lifecycle])[] = [
  ['v1', 'ComponentStatus', { since: 19 }],
  ['v1', 'Endpoints', { since: 33, use: 'discovery.k8s.io/v1 EndpointSlice' }],
  ['extensions/v1beta1', 'DaemonSet Deployment ReplicaSet', { since: 8, removed: 16, use: 'apps/v1' }],
  ['extensions/v1beta1', 'NetworkPolicy', { since: 9, removed: 16, use: 'networking.k8s.io/v1' }],
  ['extensions/v1beta1', 'Ingress', { since: 14, removed: 22, use: 'networking.k8s.io/v1' }],
  ['networking.k8s.io/v1beta1', 'Ingress IngressClass', { since: 19, removed: 22, use: 'networking.k8s.io/v1' }],
  ['apps/v1beta1', 'ControllerRevision Deployment StatefulSet', { since: 8, removed: 16, use: 'apps/v1' }],
  [
    'apps/v1beta2',
    'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
    { since: 9, removed: 16, use: 'apps/v1' },
  ],
  ['batch/v1beta1', 'CronJob', { since: 21, removed: 25, use: 'batch/v1' }],
  ['policy/v1beta1', 'PodDisruptionBudget', { since: 21, removed: 25, use: 'policy/v1' }],
  ['policy/v1beta1', 'PodSecurityPolicy', { since: 21, removed: 25 }],
  ['autoscaling/v2beta1', 'HorizontalPodAutoscaler', { since: 22, removed: 25, use: 'autoscaling/v2' }],
  ['autoscaling/v2beta2', 'HorizontalPodAutoscaler', { since: 23, removed: 26, use: 'autoscaling/v2' }],
  [
    'rbac.authorization.k8s.io/v1beta1',
    'ClusterRole ClusterRoleBinding Role RoleBinding',
    { since: 17, removed: 22, use: 'rbac.authorization.k8s.io/v1' },
  ],
  [
    'apiextensions.k8s.io/v1beta1',
    'CustomResourceDefinition',
    { since: 16, removed: 22, use: 'apiextensions.k8s.io/v1' },
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    'MutatingWebhookConfiguration ValidatingWebhookConfiguration',
    { since: 16, removed: 22, use: 'admissionregistration.k8s.io/v1' },
  ],
  ['scheduling.k8s.io/v1beta1', 'PriorityClass', { since: 14, removed: 22, use: 'scheduling.k8s.io/v1' }],
  ['coordination.k8s.io/v1beta1', 'Lease', { since: 19, removed: 22, use: 'coordination.k8s.io/v1' }],
  ['storage.k8s.io/v1beta1', 'CSIDriver CSINode StorageClass', { since: 19, removed: 22, use: 'storage.k8s.io/v1' }],
];

/** What is to be said of a version that is deprecated in Kubernetes 1.`minor`, as its API server words it. */
export function deprecationOf(apiVersion: string, kind: string, minor: number): string | undefined {
  const [, , life] =
    lifecycles.find(([version, kinds]) => version === apiVersion && kinds.split(' ').includes(kind)) ?? [];
  if (!life || life.since > minor) return undefined;
  const { use } = life;
  return deprecated(apiVersion, kind, {
    ...life,
    use: use === undefined || use.includes(' ') ? use : `${use} ${kind}`,
  });
}
