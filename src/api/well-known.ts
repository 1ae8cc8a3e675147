/**
 * Labels, annotations and taints that more than one room reads or writes, by upstream's names for them
 * (https://kubernetes.io/docs/reference/labels-annotations-taints/).
 */

/** The node's name, as the scheduler and volumes know it. */
export const hostnameLabel = 'kubernetes.io/hostname';
export const zoneLabel = 'topology.kubernetes.io/zone';
export const regionLabel = 'topology.kubernetes.io/region';
/** Of an endpoint slice: the service whose endpoints it has. */
export const serviceNameLabel = 'kubernetes.io/service-name';
/** Of the pods of daemon sets and stateful sets: the controller revision that they were made from. */
export const controllerRevisionLabel = 'controller-revision-hash';
/** The tool that an object is managed by. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** What a client applied last, as JSON: one of the three sides of `kubectl apply`'s patches. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** Of a pod that stands for one that its node was given by a file. */
export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';
/** Of a deployment and its replica sets: the number of the template in the history. */
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
/** Of `extensions/v1beta1`: the revision that a deployment is to go back to. */
export const rollbackToAnnotation = 'deprecated.deployment.rollback.to';
/** Of versions before `apps/v1`: how often a daemon set's template has changed. */
export const templateGenerationAnnotation = 'deprecated.daemonset.template.generation';
/** Of a token's Secret: the service account that it is for. */
export const serviceAccountNameAnnotation = 'kubernetes.io/service-account.name';
/** Of claims and volumes, older than `spec.storageClassName` and stronger than it. */
export const storageClassAnnotation = 'volume.beta.kubernetes.io/storage-class';
/** `true` on the class of claims that name none. */
export const defaultStorageClassAnnotation = 'storageclass.kubernetes.io/is-default-class';
/** Of an ingress, older than `spec.ingressClassName`. */
export const ingressClassAnnotation = 'kubernetes.io/ingress.class';

export const notReadyTaintKey = 'node.kubernetes.io/not-ready';
