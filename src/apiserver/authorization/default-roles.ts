import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { read, recordEvents, rule, urls, write } from './default-rules.ts';
import type { DefaultRole } from './default-rules.ts';

const podAccess = 'pods/attach pods/exec pods/portforward pods/proxy';
const appsScaled = 'daemonsets deployments deployments/scale replicasets replicasets/scale';
const appsStatus = 'daemonsets/status deployments/status replicasets/status';
const appsWritten = `${appsScaled} deployments/rollback`;
const inspectTokens = [
  rule('create', 'authentication.k8s.io', 'tokenreviews'),
  rule('create', 'authorization.k8s.io', 'subjectaccessreviews'),
];
const coreViewed =
  'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers ' +
  'replicationcontrollers/scale serviceaccounts services services/status';
const coreViewedStatus =
  'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas ' +
  'resourcequotas/status';
const coreEdited =
  'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts ' +
  'services services/proxy';

const viewRules: PolicyRule[] = [
  rule(read, 'core', coreViewed),
  rule(read, 'core', coreViewedStatus),
  rule(read, 'core', 'namespaces'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(
    read,
    'apps',
    `controllerrevisions ${appsScaled} ${appsStatus} statefulsets statefulsets/scale statefulsets/status`,
  ),
  rule(read, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  rule(read, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  rule(
    read,
    'extensions',
    `${appsScaled} ${appsStatus} ingresses ingresses/status networkpolicies replicationcontrollers/scale`,
  ),
  rule(read, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  rule(read, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  rule(read, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
];

const editRules: PolicyRule[] = [
  rule(read, 'core', `${podAccess} secrets services/proxy`),
  rule('impersonate', 'core', 'serviceaccounts'),
  rule(write, 'core', `pods ${podAccess}`),
  rule('create', 'core', 'pods/eviction'),
  rule(write, 'core', coreEdited),
  rule('create', 'core', 'serviceaccounts/token'),
  rule(write, 'apps', `${appsWritten} statefulsets statefulsets/scale`),
  rule(write, 'autoscaling', 'horizontalpodautoscalers'),
  rule(write, 'batch', 'cronjobs jobs'),
  rule(write, 'extensions', `${appsWritten} ingresses networkpolicies replicationcontrollers/scale`),
  rule(write, 'policy', 'poddisruptionbudgets'),
  rule(write, 'networking.k8s.io', 'ingresses networkpolicies'),
  rule(`${read} ${write}`, 'coordination.k8s.io', 'leases'),
  rule(write, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
];

/** What a node may do; the node authorizer narrows it to the node's own objects. */
export const nodeRules: readonly PolicyRule[] = [
  rule('create', 'authentication.k8s.io', 'tokenreviews'),
  rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
  rule(read, 'core', 'services'),
  rule(`create ${read}`, 'core', 'nodes'),
  rule('patch update', 'core', 'nodes/status'),
  rule('patch update', 'core', 'nodes'),
  rule('create patch update', 'core', 'events'),
  rule(read, 'core', 'pods'),
  rule('create delete', 'core', 'pods'),
  rule('patch update', 'core', 'pods/status'),
  rule('create', 'core', 'pods/eviction'),
  rule(read, 'core', 'configmaps secrets'),
  rule('get', 'core', 'persistentvolumeclaims persistentvolumes'),
  rule('get', 'core', 'endpoints'),
  rule(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests'),
  rule('create delete get patch update', 'coordination.k8s.io', 'leases'),
  rule('get', 'storage.k8s.io', 'volumeattachments'),
  rule('create', 'core', 'serviceaccounts/token'),
  rule('get patch update', 'core', 'persistentvolumeclaims/status'),
  rule(read, 'storage.k8s.io', 'csidrivers'),
  rule('create delete get patch update', 'storage.k8s.io', 'csinodes'),
  rule(read, 'node.k8s.io', 'runtimeclasses'),
  rule('get', 'resource.k8s.io', 'resourceclaims'),
  rule('create deletecollection get list patch update watch', 'resource.k8s.io', 'resourceslices'),
];

const controllerManagerRules: PolicyRule[] = [
  recordEvents,
  rule('create', 'coordination.k8s.io', 'leases'),
  rule('get update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
  rule('create', 'core', 'secrets serviceaccounts'),
  rule('delete', 'core', 'secrets'),
  rule('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
  rule('update', 'core', 'secrets serviceaccounts'),
  ...inspectTokens,
  rule('list watch', '*', '*'),
  rule('create', 'core', 'serviceaccounts/token'),
];

const schedulerRules: PolicyRule[] = [
  recordEvents,
  rule('create', 'coordination.k8s.io', 'leases'),
  rule('get list update watch', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
  rule(read, 'core', 'nodes'),
  rule(`delete ${read}`, 'core', 'pods'),
  rule('create', 'core', 'bindings pods/binding'),
  rule('patch update', 'core', 'pods/status'),
  rule(read, 'core', 'replicationcontrollers services'),
  rule(read, 'apps extensions', 'replicasets'),
  rule(read, 'apps', 'statefulsets'),
  rule(read, 'policy', 'poddisruptionbudgets'),
  rule(read, 'core', 'persistentvolumeclaims persistentvolumes'),
  ...inspectTokens,
  rule(read, 'storage.k8s.io', 'csinodes'),
  rule(read, 'core', 'namespaces'),
  rule(read, 'storage.k8s.io', 'csidrivers'),
  rule(read, 'storage.k8s.io', 'csistoragecapacities'),
  rule(read, 'storage.k8s.io', 'volumeattachments'),
  rule(read, 'resource.k8s.io', 'deviceclasses resourceslices'),
  rule(`patch update ${read}`, 'resource.k8s.io', 'resourceclaims'),
  rule('patch update', 'resource.k8s.io', 'resourceclaims/binding resourceclaims/status'),
];

const approver = (name: string, signer: string): DefaultRole => ({
  name: `system:certificates.k8s.io:${name}`,
  rules: [rule('approve', 'certificates.k8s.io', 'signers', `kubernetes.io/${signer}`)],
});

const requester = (name: string): DefaultRole => ({
  name: `system:certificates.k8s.io:certificatesigningrequests:${name}`,
  rules: [rule('create', 'certificates.k8s.io', `certificatesigningrequests/${name}`)],
});

const healthPaths = '/healthz /livez /readyz';

/**
 * The cluster roles that every API server makes for itself (`kubectl get clusterroles` of a fresh cluster),
 * controllers' apart.
 */
export const defaultClusterRoles: readonly DefaultRole[] = [
  { name: 'cluster-admin', rules: [rule('*', '*', '*'), urls('*', '*')] },
  { name: 'admin', rules: [], collects: 'admin' },
  { name: 'edit', rules: [], collects: 'edit', aggregateTo: 'admin' },
  { name: 'view', rules: [], collects: 'view', aggregateTo: 'edit' },
  {
    name: 'system:aggregate-to-admin',
    aggregateTo: 'admin',
    rules: [
      rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule(`${read} ${write}`, 'rbac.authorization.k8s.io', 'rolebindings roles'),
    ],
  },
  { name: 'system:aggregate-to-edit', aggregateTo: 'edit', rules: editRules },
  { name: 'system:aggregate-to-view', aggregateTo: 'view', rules: viewRules },
  { name: 'system:auth-delegator', rules: inspectTokens },
  {
    name: 'system:basic-user',
    rules: [
      rule('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      rule('create', 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  requester('nodeclient'),
  requester('selfnodeclient'),
  approver('kube-apiserver-client-approver', 'kube-apiserver-client'),
  approver('kube-apiserver-client-kubelet-approver', 'kube-apiserver-client-kubelet'),
  approver('kubelet-serving-approver', 'kubelet-serving'),
  approver('legacy-unknown-approver', 'legacy-unknown'),
  {
    name: 'system:discovery',
    rules: [urls('get', `${healthPaths} /api /api/* /apis /apis/* /openapi /openapi/* /version /version/`)],
  },
  {
    name: 'system:heapster',
    rules: [rule(read, 'core', 'events namespaces nodes pods'), rule(read, 'extensions', 'deployments')],
  },
  { name: 'system:kube-aggregator', rules: [rule(read, 'core', 'endpoints services')] },
  { name: 'system:kube-controller-manager', rules: controllerManagerRules },
  {
    name: 'system:kube-dns',
    rules: [rule('list watch', 'core', 'endpoints services'), rule('list watch', 'discovery.k8s.io', 'endpointslices')],
  },
  { name: 'system:kube-scheduler', rules: schedulerRules },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      rule(read, 'core', 'nodes'),
      rule('proxy', 'core', 'nodes'),
      rule('*', 'core', 'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats'),
    ],
  },
  {
    name: 'system:monitoring',
    rules: [urls('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*')],
  },
  { name: 'system:node', rules: [...nodeRules] },
  {
    name: 'system:node-bootstrapper',
    rules: [rule(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests')],
  },
  {
    name: 'system:node-problem-detector',
    rules: [rule('get', 'core', 'nodes'), rule('patch', 'core', 'nodes/status'), recordEvents],
  },
  {
    name: 'system:node-proxier',
    rules: [
      rule('list watch', 'core', 'endpoints services'),
      rule(read, 'core', 'nodes'),
      recordEvents,
      rule('list watch', 'discovery.k8s.io', 'endpointslices'),
      rule('list watch', 'networking.k8s.io', 'servicecidrs'),
    ],
  },
  // Ours: what a node's network needs besides services, for policies and names.
  {
    name: 'system:node-network',
    rules: [rule('list watch', 'core', 'namespaces pods'), rule('list watch', 'networking.k8s.io', 'networkpolicies')],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      rule(`create delete ${read}`, 'core', 'persistentvolumes'),
      rule(`update ${read}`, 'core', 'persistentvolumeclaims'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
      rule('watch', 'core', 'events'),
      recordEvents,
    ],
  },
  { name: 'system:public-info-viewer', rules: [urls('get', `${healthPaths} /version /version/`)] },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [urls('get', '/.well-known/openid-configuration /openid/v1/jwks')],
  },
  {
    name: 'system:volume-scheduler',
    rules: [
      rule(`patch update ${read}`, 'core', 'persistentvolumes'),
      rule(read, 'storage.k8s.io', 'storageclasses'),
      rule(`patch update ${read}`, 'core', 'persistentvolumeclaims'),
    ],
  },
];
