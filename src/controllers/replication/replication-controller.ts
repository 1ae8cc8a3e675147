import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { Dependents, watchOwners } from '../dependents.ts';
import { Outdated } from '../outdated.ts';
import { controllerOf, controllerUids } from '../owner-references.ts';
import { isPodActive } from '../pod-state.ts';
import { done, type Outcome } from '../reconciler.ts';
import { unlessGone } from '../unless-gone.ts';
import { doubtAfterMs, Expectations } from './expectations.ts';
import { podFromTemplate } from './new-pod.ts';
import { messageOf, PodControl } from './pod-control.ts';
import { nextAvailableInMs, planReplicas, replicationStatus, statusChanged, type StatusInput } from './plan.ts';
import type { ReplicatedKind } from './replicated.ts';
import { slowStart } from './slow-start.ts';

type Failure = StatusInput['failure'];
interface Attempt {
  failure: Failure;
  error?: unknown;
}

/** Keeps as many pods of a template as asked for: replica sets and replication controllers alike. */
export class ReplicationReconciler<T extends KubeObject> implements Controller {
  readonly name: string;
  readonly concurrency = 5;
  readonly #kind: ReplicatedKind<T>;
  readonly #context: ControllerContext;
  readonly #sets: Informer<T>;
  readonly #pods: Dependents<T, Pod>;
  readonly #expectations: Expectations;
  readonly #podControl: PodControl;
  readonly #outdated = new Outdated<T>();

  constructor(kind: ReplicatedKind<T>, context: ControllerContext) {
    this.#kind = kind;
    this.name = kind.name;
    this.#context = context;
    this.#sets = context.informers.of(kind.resource);
    this.#sets.addIndex('controller', controllerUids);
    this.#pods = new Dependents(context, kind, podResource);
    this.#expectations = new Expectations(context.clock);
    this.#podControl = new PodControl(context, this.#expectations);
  }

  watch(enqueue: Enqueue): () => void {
    const ends = [
      watchOwners(this.#sets, enqueue, (key) => this.#expectations.forget(key)),
      this.#pods.watch(enqueue, this.#expectations),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const { clock } = this.#context;
    const set = this.#sets.get(key);
    if (!set) {
      this.#expectations.forget(key);
      return done;
    }
    if (this.#outdated.has(set)) return done;
    const maySync = this.#expectations.satisfied(key) || (await this.#podControl.isConfirmed(key));
    const owned = await this.#pods.claim(set, { adopts: isPodActive });
    const active = owned.filter(isPodActive);
    const attempt: Attempt =
      maySync && set.metadata.deletionTimestamp === undefined
        ? await this.#moveReplicas(key, set, active)
        : { failure: undefined };
    await this.#writeStatus(set, owned, active, attempt.failure);
    if (attempt.error) throw attempt.error;
    const availableInMs = nextAvailableInMs(active, this.#kind.minReadySeconds(set), clock.now());
    const afterMs = maySync ? availableInMs : Math.min(availableInMs ?? Infinity, doubtAfterMs);
    return afterMs === undefined ? done : { kind: 'requeue', afterMs };
  }

  async #moveReplicas(key: string, set: T, active: readonly Pod[]): Promise<Attempt> {
    const plan = planReplicas({
      active,
      related: () => this.#relatedPods(set),
      replicas: this.#kind.replicas(set),
      now: this.#context.clock.now(),
    });
    switch (plan.kind) {
      case 'none':
        return { failure: null };
      case 'create':
        return this.#create(key, set, plan.count);
      case 'delete':
        return this.#delete(key, set, plan.pods);
    }
  }

  async #create(key: string, set: T, count: number): Promise<Attempt> {
    const { random } = this.#context;
    const template = this.#kind.template(set) ?? {};
    const reference = this.#pods.reference(set);
    const { error } = await slowStart(count, async () => {
      await this.#podControl.create(
        key,
        this.#typed(set),
        podFromTemplate({ owner: set, reference, template, random }),
      );
    });
    if (error === undefined) return { failure: null };
    return { failure: { reason: 'FailedCreate', message: messageOf(error) }, error };
  }

  async #delete(key: string, set: T, surplus: readonly Pod[]): Promise<Attempt> {
    const deletions = surplus.map((pod) => this.#podControl.delete(key, this.#typed(set), pod));
    const failed = (await Promise.allSettled(deletions)).find((result) => result.status === 'rejected');
    if (!failed) return { failure: null };
    return { failure: { reason: 'FailedDelete', message: messageOf(failed.reason) }, error: failed.reason };
  }

  async #writeStatus(set: T, owned: readonly Pod[], active: readonly Pod[], failure: Failure): Promise<void> {
    const kind = this.#kind;
    const status = replicationStatus({
      status: kind.status(set),
      generation: set.metadata.generation,
      templateLabels: kind.template(set)?.metadata?.labels,
      minReadySeconds: kind.minReadySeconds(set),
      active,
      owned,
      countTerminating: kind.countTerminating,
      failure,
      now: this.#context.clock.now(),
    });
    if (!statusChanged(kind.status(set), status)) return;
    const { client } = this.#context;
    const write = client.update(kind.resource, kind.withStatus(set, status), { subresource: 'status' });
    await unlessGone(this.#outdated.unless(set, write));
  }

  /** Active pods of all sets that share this one's owner (a deployment's old and new), or of this set alone. */
  #relatedPods(set: T): Pod[] {
    const owner = controllerOf(set);
    const sets = owner ? this.#sets.byIndex('controller', owner.uid) : [set];
    return sets.flatMap((sibling) => [...this.#pods.of(sibling)]);
  }

  /** Events name their object's kind, which objects from a list may lack. */
  #typed(set: T): KubeObject {
    return { apiVersion: this.#kind.apiVersion, kind: this.#kind.resource.kind, metadata: set.metadata };
  }
}
