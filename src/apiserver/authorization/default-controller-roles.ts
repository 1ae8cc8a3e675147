import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { read, recordEvents, rule } from './default-rules.ts';
import type { DefaultRole } from './default-rules.ts';

const ownPods = rule('create delete list patch watch', 'core', 'pods');
const manage = (groups: string, resources: string): PolicyRule =>
  rule(`create delete patch update ${read}`, groups, resources);

/** What each controller may do as its own service account in kube-system, by the account's name. */
const controllers: Record<string, PolicyRule[]> = {
  'attachdetach-controller': [
    rule('list watch', 'core', 'persistentvolumeclaims persistentvolumes'),
    rule(read, 'core', 'nodes'),
    rule('patch update', 'core', 'nodes/status'),
    rule('list watch', 'core', 'pods'),
    recordEvents,
    rule(`create delete ${read}`, 'storage.k8s.io', 'volumeattachments'),
    rule(read, 'storage.k8s.io', 'csidrivers'),
    rule(read, 'storage.k8s.io', 'csinodes'),
  ],
  'certificate-controller': [
    rule(`delete ${read}`, 'certificates.k8s.io', 'certificatesigningrequests'),
    rule('update', 'certificates.k8s.io', 'certificatesigningrequests/approval certificatesigningrequests/status'),
    rule('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    rule(
      'sign',
      'certificates.k8s.io',
      'signers',
      'kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving ' +
        'kubernetes.io/legacy-unknown',
    ),
    rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    recordEvents,
  ],
  'clusterrole-aggregation-controller': [
    rule(`escalate patch update ${read}`, 'rbac.authorization.k8s.io', 'clusterroles'),
  ],
  'cronjob-controller': [
    rule(`update ${read}`, 'batch', 'cronjobs'),
    manage('batch', 'jobs'),
    rule('update', 'batch', 'cronjobs/status'),
    rule('update', 'batch', 'cronjobs/finalizers'),
    rule('delete list watch', 'core', 'pods'),
    recordEvents,
  ],
  'daemon-set-controller': [
    rule(read, 'apps extensions', 'daemonsets'),
    rule('update', 'apps extensions', 'daemonsets/status'),
    rule('update', 'apps extensions', 'daemonsets/finalizers'),
    rule('list watch', 'core', 'nodes'),
    ownPods,
    rule('create', 'core', 'pods/binding'),
    manage('apps', 'controllerrevisions'),
    recordEvents,
  ],
  'deployment-controller': [
    rule(`update ${read}`, 'apps extensions', 'deployments'),
    rule('update', 'apps extensions', 'deployments/status'),
    rule('update', 'apps extensions', 'deployments/finalizers'),
    manage('apps extensions', 'replicasets'),
    rule(`update ${read}`, 'core', 'pods'),
    recordEvents,
  ],
  'device-taint-eviction-controller': [
    rule(`delete ${read}`, 'core', 'pods'),
    rule('patch update', 'core', 'pods/status'),
    rule(read, 'resource.k8s.io', 'deviceclasses resourceclaims resourceslices'),
    recordEvents,
  ],
  'disruption-controller': [
    rule(read, 'apps extensions', 'deployments'),
    rule(read, 'apps extensions', 'replicasets'),
    rule(read, 'core', 'replicationcontrollers'),
    rule(read, 'policy', 'poddisruptionbudgets'),
    rule(read, 'apps', 'statefulsets'),
    rule('update', 'policy', 'poddisruptionbudgets/status'),
    rule('patch update', 'core', 'pods/status'),
    rule('get', '*', '*/scale'),
    recordEvents,
  ],
  'endpoint-controller': [
    rule(read, 'core', 'pods services'),
    rule(`create delete update ${read}`, 'core', 'endpoints'),
    rule('create', 'core', 'endpoints/restricted'),
    recordEvents,
  ],
  'endpointslice-controller': [
    rule(read, 'core', 'nodes pods services'),
    rule('update', 'core', 'services/finalizers'),
    rule(`create delete update ${read}`, 'discovery.k8s.io', 'endpointslices'),
    recordEvents,
  ],
  'endpointslicemirroring-controller': [
    rule(read, 'core', 'endpoints services'),
    rule('update', 'core', 'services/finalizers'),
    rule('update', 'core', 'endpoints/finalizers'),
    rule(`create delete update ${read}`, 'discovery.k8s.io', 'endpointslices'),
    recordEvents,
  ],
  'ephemeral-volume-controller': [
    rule(read, 'core', 'pods'),
    rule('update', 'core', 'pods/finalizers'),
    rule(`create ${read}`, 'core', 'persistentvolumeclaims'),
    recordEvents,
  ],
  'expand-controller': [
    rule(`patch update ${read}`, 'core', 'persistentvolumes'),
    rule('patch update', 'core', 'persistentvolumeclaims/status'),
    rule(read, 'core', 'persistentvolumeclaims'),
    recordEvents,
  ],
  'generic-garbage-collector': [rule(`delete patch update ${read}`, '*', '*'), recordEvents],
  'horizontal-pod-autoscaler': [
    rule(read, 'autoscaling', 'horizontalpodautoscalers'),
    rule('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    rule('get update', '*', '*/scale'),
    rule('list watch', 'core', 'pods'),
    rule('list watch', 'metrics.k8s.io', 'pods'),
    // Not upstream's: where nobody serves metrics.k8s.io, the nodes' agents are asked.
    rule('list', 'core', 'nodes'),
    rule('get', 'core', 'nodes/proxy'),
    rule(read, 'custom.metrics.k8s.io', '*'),
    rule(read, 'external.metrics.k8s.io', '*'),
    recordEvents,
  ],
  // Not upstream's, which has no ingress controller of its own.
  'ingress-controller': [
    rule(read, 'networking.k8s.io', 'ingresses ingressclasses'),
    rule('patch', 'networking.k8s.io', 'ingresses/status'),
    rule('create update', 'core', 'secrets'),
    recordEvents,
  ],
  'job-controller': [
    rule(`patch update ${read}`, 'batch', 'jobs'),
    rule('update', 'batch', 'jobs/status'),
    rule('update', 'batch', 'jobs/finalizers'),
    ownPods,
    recordEvents,
  ],
  'legacy-service-account-token-cleaner': [
    rule('get', 'core', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'),
    rule('delete patch', 'core', 'secrets'),
  ],
  'namespace-controller': [
    rule(`delete ${read}`, 'core', 'namespaces'),
    rule('update', 'core', 'namespaces/finalize namespaces/status'),
    rule(`delete deletecollection ${read}`, '*', '*'),
  ],
  'node-controller': [
    rule(`delete patch update ${read}`, 'core', 'nodes'),
    rule('patch update', 'core', 'nodes/status'),
    rule('patch update', 'core', 'pods/status'),
    rule(`delete ${read}`, 'core', 'pods'),
    recordEvents,
  ],
  'persistent-volume-binder': [
    rule(`create delete update ${read}`, 'core', 'persistentvolumes'),
    rule('update', 'core', 'persistentvolumes/status'),
    rule(`update ${read}`, 'core', 'persistentvolumeclaims'),
    rule('update', 'core', 'persistentvolumeclaims/status'),
    rule(`create delete ${read}`, 'core', 'pods'),
    rule(read, 'storage.k8s.io', 'storageclasses'),
    rule('list watch', 'core', 'nodes'),
    recordEvents,
    rule('watch', 'core', 'events'),
  ],
  'pod-garbage-collector': [
    rule('delete list watch', 'core', 'pods'),
    rule(read, 'core', 'nodes'),
    rule('patch', 'core', 'pods/status'),
  ],
  'pv-protection-controller': [rule(`update ${read}`, 'core', 'persistentvolumes'), recordEvents],
  'pvc-protection-controller': [
    rule(`update ${read}`, 'core', 'persistentvolumeclaims'),
    rule('update', 'core', 'persistentvolumeclaims/status'),
    rule(read, 'core', 'pods'),
    recordEvents,
  ],
  'replicaset-controller': [
    rule(`update ${read}`, 'apps extensions', 'replicasets'),
    rule('update', 'apps extensions', 'replicasets/status'),
    rule('update', 'apps extensions', 'replicasets/finalizers'),
    ownPods,
    recordEvents,
  ],
  'replication-controller': [
    rule(`update ${read}`, 'core', 'replicationcontrollers'),
    rule('update', 'core', 'replicationcontrollers/status'),
    rule('update', 'core', 'replicationcontrollers/finalizers'),
    ownPods,
    recordEvents,
  ],
  'resource-claim-controller': [
    rule(read, 'core', 'pods'),
    rule('update', 'core', 'pods/finalizers'),
    rule(`create delete ${read}`, 'resource.k8s.io', 'resourceclaims'),
    rule(read, 'resource.k8s.io', 'resourceclaimtemplates'),
    rule('patch update', 'resource.k8s.io', 'resourceclaims resourceclaims/binding resourceclaims/status'),
    rule('patch update', 'core', 'pods/status'),
    recordEvents,
  ],
  'resourcequota-controller': [
    rule('list watch', '*', '*'),
    rule('update', 'core', 'resourcequotas/status'),
    recordEvents,
  ],
  'root-ca-cert-publisher': [rule('create update', 'core', 'configmaps'), recordEvents],
  'route-controller': [rule('list watch', 'core', 'nodes'), rule('patch', 'core', 'nodes/status'), recordEvents],
  'selinux-warning-controller': [
    recordEvents,
    rule(read, 'core', 'persistentvolumeclaims persistentvolumes pods'),
    rule(read, 'storage.k8s.io', 'csidrivers'),
  ],
  'service-account-controller': [rule('create', 'core', 'serviceaccounts'), recordEvents],
  'service-cidrs-controller': [
    rule(`patch update ${read}`, 'networking.k8s.io', 'servicecidrs'),
    rule('patch update', 'networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status'),
    rule(read, 'networking.k8s.io', 'ipaddresses'),
    recordEvents,
  ],
  'service-controller': [
    rule(read, 'core', 'services'),
    rule('patch update', 'core', 'services/status'),
    rule('list watch', 'core', 'nodes'),
    recordEvents,
  ],
  'statefulset-controller': [
    rule('list watch', 'core', 'pods'),
    rule(read, 'apps', 'statefulsets'),
    rule('update', 'apps', 'statefulsets/status'),
    rule('update', 'apps', 'statefulsets/finalizers'),
    rule('create delete get patch update', 'core', 'pods'),
    manage('apps', 'controllerrevisions'),
    rule(`create ${read}`, 'core', 'persistentvolumeclaims'),
    rule('delete update', 'core', 'persistentvolumeclaims'),
    rule('update', 'core', 'pods/finalizers'),
    recordEvents,
  ],
  'ttl-after-finished-controller': [rule(`delete ${read}`, 'batch', 'jobs'), recordEvents],
  'ttl-controller': [rule('list patch update watch', 'core', 'nodes'), recordEvents],
  'validatingadmissionpolicy-status-controller': [
    rule(read, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    rule('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
    recordEvents,
  ],
  'volumeattributesclass-protection-controller': [
    rule(read, 'core', 'persistentvolumeclaims persistentvolumes'),
    rule(`update ${read}`, 'storage.k8s.io', 'volumeattributesclasses'),
    recordEvents,
  ],
};

export const controllerNames: readonly string[] = Object.keys(controllers);

export const controllerRoles: readonly DefaultRole[] = Object.entries(controllers).map(([name, rules]) => ({
  name: `system:controller:${name}`,
  rules,
}));

/** Roles in one namespace, and who holds them. Users are written `user:`, service accounts `sa:<namespace>:`. */
export interface DefaultNamespacedRole {
  namespace: string;
  name: string;
  rules: PolicyRule[];
  /** Name of the binding, where it is not the role's. */
  binding?: string;
  subjects: readonly string[];
}

const readConfigMaps = rule(read, 'core', 'configmaps');

export const defaultNamespacedRoles: readonly DefaultNamespacedRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [rule(read, 'core', 'configmaps', 'extension-apiserver-authentication')],
    binding: 'system::extension-apiserver-authentication-reader',
    subjects: ['user:system:kube-controller-manager', 'user:system:kube-scheduler'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [rule(read, 'core', 'secrets')],
    subjects: ['sa:kube-system:bootstrap-signer'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: [rule(`create ${read}`, 'core', 'configmaps')],
    subjects: ['sa:kube-system:cloud-provider'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [rule(`delete ${read}`, 'core', 'secrets'), recordEvents],
    subjects: ['sa:kube-system:token-cleaner'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: [
      rule('watch', 'core', 'configmaps'),
      rule('get update', 'core', 'configmaps', 'kube-controller-manager'),
      rule(`create update ${read}`, 'coordination.k8s.io', 'leases'),
    ],
    subjects: [
      'user:system:kube-controller-manager',
      'sa:kube-system:kube-controller-manager',
      'sa:kube-system:leader-election-controller',
    ],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: [
      rule('watch', 'core', 'configmaps'),
      rule('get update', 'core', 'configmaps', 'kube-scheduler'),
      rule(`create update ${read}`, 'coordination.k8s.io', 'leases'),
    ],
    subjects: ['user:system:kube-scheduler', 'sa:kube-system:kube-scheduler'],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [readConfigMaps, rule('update', 'core', 'configmaps', 'cluster-info'), recordEvents],
    subjects: ['sa:kube-system:bootstrap-signer'],
  },
];

/** Cluster role bindings, controllers' apart: role to subjects. */
export const defaultClusterBindings: readonly { role: string; binding?: string; subjects: readonly string[] }[] = [
  { role: 'cluster-admin', subjects: ['group:system:masters'] },
  // kubeadm's name for the group of people who administer the cluster without being beyond RBAC.
  { role: 'cluster-admin', binding: 'kubeadm:cluster-admins', subjects: ['group:kubeadm:cluster-admins'] },
  { role: 'system:basic-user', subjects: ['group:system:authenticated'] },
  { role: 'system:discovery', subjects: ['group:system:authenticated'] },
  { role: 'system:kube-controller-manager', subjects: ['user:system:kube-controller-manager'] },
  { role: 'system:kube-dns', subjects: ['sa:kube-system:kube-dns'] },
  { role: 'system:kube-scheduler', subjects: ['user:system:kube-scheduler'] },
  { role: 'system:monitoring', subjects: ['group:system:monitoring'] },
  { role: 'system:node', subjects: [] },
  { role: 'system:node-network', subjects: ['user:system:kube-proxy'] },
  { role: 'system:node-proxier', subjects: ['user:system:kube-proxy'] },
  {
    role: 'system:public-info-viewer',
    subjects: ['group:system:authenticated', 'group:system:unauthenticated'],
  },
  { role: 'system:service-account-issuer-discovery', subjects: ['group:system:serviceaccounts'] },
  { role: 'system:volume-scheduler', subjects: ['user:system:kube-scheduler'] },
];
