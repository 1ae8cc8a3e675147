import { labelMatcher, mapMatcher } from '../../api/label-selector.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec, ReplicationController } from '../../api/types/core-v1.ts';
import { replicaSets, replicationControllers } from '../../client/resources.ts';
import type { OwnerKind } from '../dependents.ts';
import type { ReplicationStatus } from './plan.ts';

/** What the one reconciler needs to know to keep the pods of a kind. */
export interface ReplicatedKind<T extends KubeObject> extends OwnerKind<T> {
  /** The controller's name in logs and for its identity. */
  name: string;
  replicas(object: T): number;
  minReadySeconds(object: T): number;
  template(object: T): PodTemplateSpec | undefined;
  status(object: T): ReplicationStatus | undefined;
  withStatus(object: T, status: ReplicationStatus): T;
  countTerminating: boolean;
}

export const replicaSetKind: ReplicatedKind<ReplicaSet> = {
  resource: replicaSets,
  apiVersion: 'apps/v1',
  name: 'replicaset-controller',
  replicas: (set) => set.spec?.replicas ?? 1,
  minReadySeconds: (set) => set.spec?.minReadySeconds ?? 0,
  template: (set) => set.spec?.template,
  selector: (set) => labelMatcher(set.spec?.selector),
  status: (set) => set.status,
  withStatus: (set, status) => ({ ...set, status }),
  countTerminating: true,
};

export const replicationControllerKind: ReplicatedKind<ReplicationController> = {
  resource: replicationControllers,
  apiVersion: 'v1',
  name: 'replication-controller',
  replicas: (controller) => controller.spec?.replicas ?? 1,
  minReadySeconds: (controller) => controller.spec?.minReadySeconds ?? 0,
  template: (controller) => controller.spec?.template,
  selector: (controller) => {
    const labels = controller.spec?.selector ?? {};
    // An empty one selects nothing here, and the defaults never leave it empty.
    return Object.keys(labels).length > 0 ? mapMatcher(labels) : labelMatcher(undefined);
  },
  status: (controller) => controller.status,
  withStatus: (controller, status) => ({ ...controller, status }),
  countTerminating: false,
};
