import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import { deployments, replicaSets } from '../../client/resources.ts';
import type { ControllerContext } from '../controller.ts';
import { Outdated } from '../outdated.ts';
import { controllerOf, controllerReference, nameOf } from '../owner-references.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import {
  lastRevision,
  maxRevision,
  newSetAnnotations,
  replicasAnnotations,
  parseRevision,
  revisionOf,
  rolledBackAnnotations,
} from './annotations.ts';
import {
  conditionOf,
  deploymentStatusChanged,
  hasProgressDeadline,
  withCondition,
  type ConditionInput,
} from './conditions.ts';
import { maxSurge, newSetSize, replicasOf, type Resize } from './sizing.ts';
import { sameTemplate, selectorWithHash, templateHash, withHash, withoutHash } from './template-hash.ts';
import { revisionAnnotation, rollbackToAnnotation } from '../../api/well-known.ts';

/** A deployment as last written, with its sets. */
export interface Ensured {
  deployment: Deployment;
  newSet: ReplicaSet;
  old: ReplicaSet[];
}

/** Every write that the deployment controller makes. Writes carry the resource version they were decided on. */
export class DeploymentWriter {
  readonly outdated = new Outdated<Deployment>();
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  record(deployment: Deployment, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: deployment.metadata };
    this.#context.recorder.record(object, type, reason, message);
  }

  /** Writes the status unless it would change nothing; answers the deployment as it is now. */
  async updateStatus(deployment: Deployment, status: DeploymentStatus): Promise<Deployment> {
    if (!deploymentStatusChanged(deployment.status, status)) return deployment;
    const write = this.#context.client.update(deployments, { ...deployment, status }, { subresource: 'status' });
    return this.outdated.unless(deployment, write);
  }

  /**
   * The replica set of the current template with its books in order, created when it is not there. Undefined when
   * its name was taken by another template: the deployment then hashes differently, and its own event brings it
   * back.
   */
  async ensureNewSet(
    deployment: Deployment,
    sets: { newSet: ReplicaSet | undefined; old: ReplicaSet[] },
  ): Promise<Ensured | undefined> {
    const revision = maxRevision(sets.old) + 1n;
    const kept = sets.newSet && (await this.#keepBooks(deployment, sets.newSet, revision));
    const created = kept ? undefined : await this.#createSet(deployment, sets.old, revision);
    const newSet = kept ?? created;
    if (!newSet) return undefined;
    let current = await this.#writeRevision(deployment, newSet);
    if (hasProgressDeadline(deployment) && (created || !conditionOf(deployment.status, 'Progressing'))) {
      current = await this.#writeCondition(current, {
        type: 'Progressing',
        status: 'True',
        reason: created ? 'NewReplicaSetCreated' : 'FoundNewReplicaSet',
        message: `${created ? 'Created' : 'Found'} new replica set "${newSet.metadata.name}"`,
      });
    }
    return { deployment: current, newSet, old: sets.old };
  }

  /** Answers the sets that were written, by the object they were decided on. */
  async resizeAll(deployment: Deployment, resizes: readonly Resize[]): Promise<Map<ReplicaSet, ReplicaSet>> {
    const written = new Map<ReplicaSet, ReplicaSet>();
    for (const { set, to } of resizes) {
      const result = await this.#resize(deployment, set, to);
      if (result !== set) written.set(set, result);
    }
    return written;
  }

  async deleteSet(set: ReplicaSet): Promise<void> {
    try {
      const preconditions = { uid: set.metadata.uid ?? '', resourceVersion: set.metadata.resourceVersion ?? '' };
      await this.#context.client.delete(replicaSets, nameOf(set), { preconditions });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /** What `rollbackTo` of extensions/v1beta1 asks for: the template of an old revision becomes today's. */
  async rollBack(deployment: Deployment, sets: readonly ReplicaSet[]): Promise<void> {
    const { [rollbackToAnnotation]: asked, ...annotations } = deployment.metadata.annotations ?? {};
    const revision = parseRevision(asked) || lastRevision(sets);
    const set = revision === 0n ? undefined : sets.find((candidate) => revisionOf(candidate) === revision);
    const next: Deployment = { ...deployment, metadata: { ...deployment.metadata, annotations } };
    if (!set) {
      const message = revision === 0n ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
      this.record(deployment, 'Warning', 'DeploymentRollbackRevisionNotFound', message);
    } else if (sameTemplate(set.spec?.template, deployment.spec?.template)) {
      const { name } = deployment.metadata;
      const message = `The rollback revision contains the same template as current deployment "${name}"`;
      this.record(deployment, 'Warning', 'DeploymentRollbackTemplateUnchanged', message);
    } else if (deployment.spec) {
      next.spec = { ...deployment.spec, template: withoutHash(set.spec?.template ?? {}) };
      next.metadata.annotations = rolledBackAnnotations(next, set);
      const message = `Rolled back deployment "${deployment.metadata.name}" to revision ${revision}`;
      this.record(deployment, 'Normal', 'DeploymentRollback', message);
    }
    await this.#context.client.update(deployments, next);
  }

  async #keepBooks(deployment: Deployment, set: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const current = set.metadata.annotations ?? {};
    const annotations = newSetAnnotations(deployment, current, revision);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    const sameDelay = (set.spec?.minReadySeconds ?? 0) === minReadySeconds;
    if (!set.spec || (sameDelay && semanticallyEqual(annotations, current))) return set;
    return this.#context.client.update(replicaSets, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, minReadySeconds },
    });
  }

  async #createSet(
    deployment: Deployment,
    old: readonly ReplicaSet[],
    revision: bigint,
  ): Promise<ReplicaSet | undefined> {
    const template = deployment.spec?.template ?? {};
    const set = this.#newSet(deployment, template, old, revision);
    try {
      const created = await this.#context.client.create(replicaSets, set);
      const size = replicasOf(set);
      const message = `Scaled up replica set ${set.metadata.name} from 0 to ${size}`;
      if (size > 0) this.record(deployment, 'Normal', 'ScalingReplicaSet', message);
      return created;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) return this.#reportFailedCreate(deployment, set, error);
      const existing = await this.#context.client.get(replicaSets, nameOf(set));
      const own = controllerOf(existing)?.uid === deployment.metadata.uid;
      if (own && sameTemplate(existing.spec?.template, template)) return existing;
      const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
      await this.updateStatus(deployment, { ...deployment.status, collisionCount });
      return undefined;
    }
  }

  #newSet(deployment: Deployment, template: PodTemplateSpec, old: readonly ReplicaSet[], revision: bigint): ReplicaSet {
    const hash = templateHash(template, deployment.status?.collisionCount);
    const hashed = withHash(template, hash);
    const replicas = newSetSize(deployment, old, 0);
    const desired = replicasOf(deployment);
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        ...(deployment.metadata.namespace && { namespace: deployment.metadata.namespace }),
        labels: { ...hashed.metadata?.labels },
        annotations: {
          ...newSetAnnotations(deployment, {}, revision),
          ...replicasAnnotations(desired, desired + maxSurge(deployment)),
        },
        ownerReferences: [controllerReference(deployment, 'apps/v1', 'Deployment')],
      },
      spec: {
        replicas,
        minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
        selector: selectorWithHash(deployment.spec?.selector ?? {}, hash),
        template: hashed,
      },
    };
  }

  async #reportFailedCreate(deployment: Deployment, set: ReplicaSet, error: unknown): Promise<never> {
    const text = error instanceof Error ? error.message : String(error);
    const message = `Failed to create new replica set "${set.metadata.name}": ${text}`;
    const causes = isApiError(error, 'Forbidden') ? error.status.details?.causes : undefined;
    if (!causes?.some((cause) => cause.reason === 'NamespaceTerminating')) {
      if (hasProgressDeadline(deployment)) {
        const reason = 'ReplicaSetCreateError';
        await this.#writeCondition(deployment, { type: 'Progressing', status: 'False', reason, message });
      }
      this.record(deployment, 'Warning', 'ReplicaSetCreateError', message);
    }
    throw error;
  }

  async #resize(deployment: Deployment, set: ReplicaSet, to: number): Promise<ReplicaSet> {
    const from = replicasOf(set);
    const desired = replicasOf(deployment);
    const current = set.metadata.annotations ?? {};
    const annotations = { ...current, ...replicasAnnotations(desired, desired + maxSurge(deployment)) };
    if (!set.spec || (from === to && semanticallyEqual(annotations, current))) return set;
    const written = await this.#context.client.update(replicaSets, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas: to },
    });
    if (from !== to) {
      const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`;
      this.record(deployment, 'Normal', 'ScalingReplicaSet', message);
    }
    return written;
  }

  async #writeRevision(deployment: Deployment, newSet: ReplicaSet): Promise<Deployment> {
    const revision = newSet.metadata.annotations?.[revisionAnnotation];
    if (revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision) return deployment;
    const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
    const metadata = { ...deployment.metadata, annotations };
    return this.#context.client.update(deployments, { ...deployment, metadata });
  }

  async #writeCondition(deployment: Deployment, condition: ConditionInput): Promise<Deployment> {
    const conditions = withCondition(deployment.status?.conditions, condition, this.#context.clock.now());
    return this.updateStatus(deployment, { ...deployment.status, conditions });
  }
}
