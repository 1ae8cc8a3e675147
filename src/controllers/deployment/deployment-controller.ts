import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import { labelMatcher } from '../../api/label-selector.ts';
import { isPodFinished } from '../../api/pod-phase.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { deployments, pods as podResource, replicaSets } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { Dependents, watchOwners, type OwnerKind } from '../dependents.ts';
import { controllerOf, controllerUids } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { countingStatus, isComplete, pauseCondition, rolloutStatus, stuckInMs, withCondition } from './conditions.ts';
import { DeploymentWriter } from './deployment-writer.ts';
import { setsToCleanUp } from './history.ts';
import { isActiveSet, isScalingEvent, planRollingUpdate, planScale, replicasOf } from './sizing.ts';
import { findNewSet } from './template-hash.ts';
import { rollbackToAnnotation } from '../../api/well-known.ts';

interface Sets {
  newSet: ReplicaSet | undefined;
  old: ReplicaSet[];
}

const deploymentKind: OwnerKind<Deployment> = {
  resource: deployments,
  apiVersion: 'apps/v1',
  selector: (deployment) => labelMatcher(deployment.spec?.selector),
};

/** Rolls deployments out: one replica set for each template, sized so that availability holds. */
export class DeploymentReconciler implements Controller {
  readonly name = 'deployment-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #writer: DeploymentWriter;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #ownSets: Dependents<Deployment, ReplicaSet>;
  readonly #pods: Informer<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#writer = new DeploymentWriter(context);
    this.#deployments = context.informers.of(deployments);
    this.#sets = context.informers.of(replicaSets);
    this.#pods = context.informers.of(podResource);
    this.#ownSets = new Dependents(context, deploymentKind, replicaSets);
    this.#pods.addIndex('controller', controllerUids);
  }

  watch(enqueue: Enqueue): () => void {
    const ends = [
      watchOwners(this.#deployments, enqueue),
      this.#ownSets.watch(enqueue),
      // Only Recreate waits for the last pod to go; the pods of a rolling update show in the sets' status.
      this.#pods.subscribe({
        updated: (pod) => isPodFinished(pod) && this.#podGone(pod, enqueue),
        deleted: (pod) => this.#podGone(pod, enqueue),
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const deployment = this.#deployments.get(key);
    if (!deployment || this.#writer.outdated.has(deployment)) return done;
    if (labelMatcher(deployment.spec?.selector).isEmpty) return this.#refuseEmptySelector(deployment);
    const sets = await this.#ownSets.claim(deployment);
    if (deployment.metadata.deletionTimestamp !== undefined) {
      return this.#finish(deployment, this.#split(deployment, sets), countingStatus);
    }
    const pause = pauseCondition(deployment);
    if (pause) {
      const conditions = withCondition(deployment.status?.conditions, pause, this.#context.clock.now());
      await this.#writer.updateStatus(deployment, { ...deployment.status, conditions });
      return done;
    }
    if (deployment.spec?.paused) return this.#scale(deployment, sets);
    if (deployment.metadata.annotations?.[rollbackToAnnotation] !== undefined) {
      await this.#writer.rollBack(deployment, sets);
      return done;
    }
    if (isScalingEvent(deployment, sets)) return this.#scale(deployment, sets);
    return deployment.spec?.strategy?.type === 'Recreate'
      ? this.#recreate(deployment, sets)
      : this.#rollingUpdate(deployment, sets);
  }

  async #rollingUpdate(deployment: Deployment, all: ReplicaSet[]): Promise<Outcome> {
    const ensured = await this.#writer.ensureNewSet(deployment, this.#split(deployment, all));
    if (!ensured) return done;
    const { deployment: current, newSet, old } = ensured;
    const resized = await this.#writer.resizeAll(current, planRollingUpdate(current, newSet, old));
    const sets = { newSet: resized.get(newSet) ?? newSet, old: old.map((set) => resized.get(set) ?? set) };
    if (resized.size === 0 && isComplete(current, current.status)) await this.#cleanUp(current, old);
    return this.#finish(current, sets, rolloutStatus);
  }

  /** All old pods go before the first new one comes. */
  async #recreate(deployment: Deployment, all: ReplicaSet[]): Promise<Outcome> {
    const { newSet, old } = this.#split(deployment, all);
    const down = old.filter(isActiveSet).map((set) => ({ set, to: 0 }));
    if (down.length > 0) {
      const resized = await this.#writer.resizeAll(deployment, down);
      return this.#finish(deployment, { newSet, old: old.map((set) => resized.get(set) ?? set) }, rolloutStatus);
    }
    if (old.some((set) => this.#hasRunningPods(set))) return this.#finish(deployment, { newSet, old }, rolloutStatus);
    const ensured = await this.#writer.ensureNewSet(deployment, { newSet, old });
    if (!ensured) return done;
    const current = ensured.deployment;
    const up =
      replicasOf(ensured.newSet) === replicasOf(current) ? [] : [{ set: ensured.newSet, to: replicasOf(current) }];
    const resized = await this.#writer.resizeAll(current, up);
    if (isComplete(current, current.status)) await this.#cleanUp(current, old);
    return this.#finish(current, { newSet: resized.get(ensured.newSet) ?? ensured.newSet, old }, rolloutStatus);
  }

  /** Sizes follow the deployment, the rollout stands still: while paused, and right after `kubectl scale`. */
  async #scale(deployment: Deployment, all: ReplicaSet[]): Promise<Outcome> {
    const split = this.#split(deployment, all);
    const ensured = split.newSet
      ? await this.#writer.ensureNewSet(deployment, split)
      : { deployment, newSet: undefined, old: split.old };
    if (!ensured) return done;
    const { deployment: current, newSet, old } = ensured;
    const resized = await this.#writer.resizeAll(current, planScale(current, newSet, old));
    if (current.spec?.paused && current.metadata.annotations?.[rollbackToAnnotation] === undefined) {
      await this.#cleanUp(current, old);
    }
    const sets = {
      newSet: newSet && (resized.get(newSet) ?? newSet),
      old: old.map((set) => resized.get(set) ?? set),
    };
    return this.#finish(current, sets, countingStatus);
  }

  async #finish(deployment: Deployment, sets: Sets, compute: typeof rolloutStatus): Promise<Outcome> {
    const now = this.#context.clock.now();
    const all = [...sets.old, ...(sets.newSet ? [sets.newSet] : [])];
    const status: DeploymentStatus = compute({ deployment, newSet: sets.newSet, all, now });
    await this.#writer.updateStatus(deployment, status);
    const afterMs = compute === rolloutStatus ? stuckInMs(deployment, status, now) : undefined;
    return afterMs === undefined ? done : { kind: 'requeue', afterMs };
  }

  async #refuseEmptySelector(deployment: Deployment): Promise<Outcome> {
    const message = 'This deployment is selecting all pods. A non-empty selector is required.';
    this.#writer.record(deployment, 'Warning', 'SelectingAll', message);
    const observedGeneration = deployment.metadata.generation ?? 0;
    await this.#writer.updateStatus(deployment, { ...deployment.status, observedGeneration });
    return done;
  }

  async #cleanUp(deployment: Deployment, old: readonly ReplicaSet[]): Promise<void> {
    for (const set of setsToCleanUp(deployment, old)) await this.#writer.deleteSet(set);
  }

  #split(deployment: Deployment, all: readonly ReplicaSet[]): Sets {
    const newSet = findNewSet(deployment, all);
    return { newSet, old: all.filter((set) => set !== newSet) };
  }

  #hasRunningPods(set: ReplicaSet): boolean {
    return this.#pods.byIndex('controller', set.metadata.uid ?? '').some((pod) => !isPodFinished(pod));
  }

  #podGone(pod: Pod, enqueue: Enqueue): void {
    const setName = controllerOf(pod)?.name;
    const set = setName === undefined ? undefined : this.#sets.get(`${pod.metadata.namespace}/${setName}`);
    const owner = set && controllerOf(set);
    if (owner?.kind !== 'Deployment') return;
    const deployment = this.#deployments.get(`${pod.metadata.namespace}/${owner.name}`);
    if (deployment?.spec?.strategy?.type === 'Recreate') enqueue(keyOf(deployment));
  }
}
