import type { KubeObject } from '../../api/object.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../../api/types/admissionregistration-v1.ts';
import type { LimitRange, Namespace, Node, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { ResourceQuota, Secret, Service, ServiceAccount } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/types/flowcontrol-v1.ts';
import type { IngressClass } from '../../api/types/networking-v1.ts';
import type { RuntimeClass } from '../../api/types/node-v1.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../api/types/rbac-v1.ts';
import type { PriorityClass } from '../../api/types/scheduling-v1.ts';
import type { StorageClass, VolumeAttachment } from '../../api/types/storage-v1.ts';

/** Names the place of one kind in the store. */
export interface Collection<T extends KubeObject = KubeObject> {
  /** Group of the storage version; '' is the core group. */
  group: string;
  plural: string;
  /** Type only: carries `T`, never set. */
  readonly __object?: T;
}

/**
 * What authentication, authorization and admission may read of the stored objects (storage version, frozen). `get` and
 * `list` answer from a cache that follows the store's watch, at once; a write that was answered a moment ago may be
 * missing, so a plugin that would refuse for want of an object asks `fresh` before it does.
 */
export interface Lookup {
  get<T extends KubeObject>(collection: Collection<T>, namespace: string, name: string): T | undefined;
  /** All of one namespace, or of the cluster when `namespace` is left out. */
  list<T extends KubeObject>(collection: Collection<T>, namespace?: string): Iterable<T>;
  /** Reads the store itself. */
  fresh<T extends KubeObject>(collection: Collection<T>, namespace: string, name: string): Promise<T | undefined>;
  /** Waits for an object that another component is about to make; undefined when it does not come in time. */
  appears<T extends KubeObject>(
    collection: Collection<T>,
    name: { namespace: string; name: string },
    withinMs: number,
  ): Promise<T | undefined>;
  /** All of one namespace ('': all there are), from the store itself. */
  freshList<T extends KubeObject>(collection: Collection<T>, namespace: string): Promise<T[]>;
}

function collection<T extends KubeObject>(group: string, plural: string): Collection<T> {
  return { group, plural };
}

export const namespaces = collection<Namespace>('', 'namespaces');
export const serviceAccounts = collection<ServiceAccount>('', 'serviceaccounts');
export const pods = collection<Pod>('', 'pods');
export const nodes = collection<Node>('', 'nodes');
export const secrets = collection<Secret>('', 'secrets');
export const services = collection<Service>('', 'services');
export const endpointSlices = collection<EndpointSlice>('discovery.k8s.io', 'endpointslices');
export const limitRanges = collection<LimitRange>('', 'limitranges');
export const resourceQuotas = collection<ResourceQuota>('', 'resourcequotas');
export const persistentVolumeClaims = collection<PersistentVolumeClaim>('', 'persistentvolumeclaims');
export const priorityClasses = collection<PriorityClass>('scheduling.k8s.io', 'priorityclasses');
export const storageClasses = collection<StorageClass>('storage.k8s.io', 'storageclasses');
export const volumeAttachments = collection<VolumeAttachment>('storage.k8s.io', 'volumeattachments');
export const ingressClasses = collection<IngressClass>('networking.k8s.io', 'ingressclasses');
export const runtimeClasses = collection<RuntimeClass>('node.k8s.io', 'runtimeclasses');
export const roles = collection<Role>('rbac.authorization.k8s.io', 'roles');
export const roleBindings = collection<RoleBinding>('rbac.authorization.k8s.io', 'rolebindings');
export const clusterRoles = collection<ClusterRole>('rbac.authorization.k8s.io', 'clusterroles');
export const clusterRoleBindings = collection<ClusterRoleBinding>('rbac.authorization.k8s.io', 'clusterrolebindings');
const flowControl = 'flowcontrol.apiserver.k8s.io';
export const flowSchemas = collection<FlowSchema>(flowControl, 'flowschemas');
export const priorityLevelConfigurations = collection<PriorityLevelConfiguration>(
  flowControl,
  'prioritylevelconfigurations',
);
const registration = 'admissionregistration.k8s.io';
export const validatingAdmissionPolicies = collection<ValidatingAdmissionPolicy>(
  registration,
  'validatingadmissionpolicies',
);
export const validatingAdmissionPolicyBindings = collection<ValidatingAdmissionPolicyBinding>(
  registration,
  'validatingadmissionpolicybindings',
);
export const mutatingAdmissionPolicies = collection<MutatingAdmissionPolicy>(registration, 'mutatingadmissionpolicies');
export const mutatingAdmissionPolicyBindings = collection<MutatingAdmissionPolicyBinding>(
  registration,
  'mutatingadmissionpolicybindings',
);
export const mutatingWebhookConfigurations = collection<MutatingWebhookConfiguration>(
  registration,
  'mutatingwebhookconfigurations',
);
export const validatingWebhookConfigurations = collection<ValidatingWebhookConfiguration>(
  registration,
  'validatingwebhookconfigurations',
);
