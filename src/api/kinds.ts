import type { ResourceKind } from './kind.ts';
import { mutatingAdmissionPolicyBinding } from './kinds/admissionregistration/mutating-admission-policy-binding.ts';
import { mutatingAdmissionPolicy } from './kinds/admissionregistration/mutating-admission-policy.ts';
import { mutatingWebhookConfiguration } from './kinds/admissionregistration/mutating-webhook-configuration.ts';
import { validatingAdmissionPolicyBinding } from './kinds/admissionregistration/validating-admission-policy-binding.ts';
import { validatingAdmissionPolicy } from './kinds/admissionregistration/validating-admission-policy.ts';
import { validatingWebhookConfiguration } from './kinds/admissionregistration/validating-webhook-configuration.ts';
import { customResourceDefinition } from './kinds/apiextensions/custom-resource-definition.ts';
import { apiService } from './kinds/apiregistration/api-service.ts';
import { controllerRevision } from './kinds/apps/controller-revision.ts';
import { daemonSet } from './kinds/apps/daemon-set.ts';
import { deployment } from './kinds/apps/deployment.ts';
import { replicaSet } from './kinds/apps/replica-set.ts';
import { statefulSet } from './kinds/apps/stateful-set.ts';
import { horizontalPodAutoscaler } from './kinds/autoscaling/horizontal-pod-autoscaler.ts';
import { cronJob } from './kinds/batch/cron-job.ts';
import { job } from './kinds/batch/job.ts';
import { certificateSigningRequest } from './kinds/certificates/certificate-signing-request.ts';
import { lease } from './kinds/coordination/lease.ts';
import { configMap } from './kinds/core/config-map.ts';
import { endpoints } from './kinds/core/endpoints.ts';
import { event } from './kinds/core/event.ts';
import { limitRange } from './kinds/core/limit-range.ts';
import { namespace } from './kinds/core/namespace.ts';
import { node } from './kinds/core/node.ts';
import { persistentVolumeClaim } from './kinds/core/persistent-volume-claim.ts';
import { persistentVolume } from './kinds/core/persistent-volume.ts';
import { podTemplate } from './kinds/core/pod-template-kind.ts';
import { pod } from './kinds/core/pod.ts';
import { replicationController } from './kinds/core/replication-controller.ts';
import { resourceQuota } from './kinds/core/resource-quota.ts';
import { secret } from './kinds/core/secret.ts';
import { serviceAccount } from './kinds/core/service-account.ts';
import { service } from './kinds/core/service.ts';
import { endpointSlice } from './kinds/discovery/endpoint-slice.ts';
import { flowSchema } from './kinds/flowcontrol/flow-schema.ts';
import { priorityLevelConfiguration } from './kinds/flowcontrol/priority-level-configuration.ts';
import { ingressClass } from './kinds/networking/ingress-class.ts';
import { ingress } from './kinds/networking/ingress.ts';
import { ipAddress } from './kinds/networking/ip-address.ts';
import { networkPolicy } from './kinds/networking/network-policy.ts';
import { serviceCidr } from './kinds/networking/service-cidr.ts';
import { runtimeClass } from './kinds/node/runtime-class.ts';
import { podDisruptionBudget } from './kinds/policy/pod-disruption-budget.ts';
import { clusterRoleBinding } from './kinds/rbac/cluster-role-binding.ts';
import { clusterRole } from './kinds/rbac/cluster-role.ts';
import { roleBinding } from './kinds/rbac/role-binding.ts';
import { role } from './kinds/rbac/role.ts';
import { deviceClass } from './kinds/resource/device-class.ts';
import { resourceClaimTemplate } from './kinds/resource/resource-claim-template.ts';
import { resourceClaim } from './kinds/resource/resource-claim.ts';
import { resourceSlice } from './kinds/resource/resource-slice.ts';
import { priorityClass } from './kinds/scheduling/priority-class.ts';
import { csiDriver } from './kinds/storage/csi-driver.ts';
import { csiNode } from './kinds/storage/csi-node.ts';
import { csiStorageCapacity } from './kinds/storage/csi-storage-capacity.ts';
import { storageClass } from './kinds/storage/storage-class.ts';
import { volumeAttachment } from './kinds/storage/volume-attachment.ts';
import { volumeAttributesClass } from './kinds/storage/volume-attributes-class.ts';
import { componentStatus } from './kinds/core/component-status.ts';
import { reviewKinds } from './kinds/reviews.ts';

/** Every kind that is stored, each once, with all the versions it is served in. */
export const kinds: readonly ResourceKind[] = [
  configMap,
  endpoints,
  event,
  limitRange,
  namespace,
  node,
  persistentVolumeClaim,
  persistentVolume,
  podTemplate,
  pod,
  replicationController,
  resourceQuota,
  secret,
  serviceAccount,
  service,
  controllerRevision,
  daemonSet,
  deployment,
  replicaSet,
  statefulSet,
  cronJob,
  job,
  horizontalPodAutoscaler,
  podDisruptionBudget,
  ingressClass,
  ingress,
  ipAddress,
  networkPolicy,
  serviceCidr,
  endpointSlice,
  clusterRoleBinding,
  clusterRole,
  roleBinding,
  role,
  csiDriver,
  csiNode,
  csiStorageCapacity,
  storageClass,
  volumeAttachment,
  volumeAttributesClass,
  priorityClass,
  lease,
  runtimeClass,
  certificateSigningRequest,
  mutatingAdmissionPolicyBinding,
  mutatingAdmissionPolicy,
  mutatingWebhookConfiguration,
  validatingAdmissionPolicyBinding,
  validatingAdmissionPolicy,
  validatingWebhookConfiguration,
  customResourceDefinition,
  apiService,
  flowSchema,
  priorityLevelConfiguration,
  deviceClass,
  resourceClaimTemplate,
  resourceClaim,
  resourceSlice,
];

/** Kinds that discovery lists and nobody stores: questions, bindings, and the state of the server's own parts. */
export const virtualKinds: readonly ResourceKind[] = [...reviewKinds, componentStatus];
