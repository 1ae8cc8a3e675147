import { labelMatcher } from '../../api/label-selector.ts';
import { isApiError } from '../../api/status.ts';
import type { ControllerRevision, StatefulSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';
import {
  controllerRevisions as revisionResource,
  persistentVolumeClaims,
  pods as podResource,
  statefulSets as setResource,
} from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { Dependents, watchOwners, type OwnerKind } from '../dependents.ts';
import { settleRevisions, truncateHistory, type Revisions } from '../history/revisions.ts';
import { Outdated } from '../outdated.ts';
import { nameOf } from '../owner-references.ts';
import { done, type Outcome } from '../reconciler.ts';
import { nextAvailableInMs } from '../replication/plan.ts';
import { isNamespaceTerminating, messageOf } from '../replication/pod-control.ts';
import { slowStart } from '../replication/slow-start.ts';
import { unlessGone } from '../unless-gone.ts';
import { ClaimKeeper } from './claim-keeper.ts';
import { hasIdentity, newPod, ordinalOf, revisionOf, withIdentity } from './identity.ts';
import { planSet, type Action } from './plan.ts';
import { isSameStatus, setStatus } from './status.ts';

const statefulSetKind: OwnerKind<StatefulSet> = {
  resource: setResource,
  apiVersion: 'apps/v1',
  selector: (set) => labelMatcher(set.spec?.selector),
};

/**
 * Pods with a name, a place and claims of their own (concepts/workloads/controllers/statefulset). Names are known
 * before pods are made, so a cache that is behind leads to a refused request and another look, never to a pod too many.
 */
export class StatefulSetReconciler implements Controller {
  readonly name = 'statefulset-controller';
  readonly concurrency = 5;
  readonly #context: ControllerContext;
  readonly #outdated = new Outdated<StatefulSet>();
  readonly #sets: Informer<StatefulSet>;
  readonly #pods: Dependents<StatefulSet, Pod>;
  readonly #revisions: Dependents<StatefulSet, ControllerRevision>;
  readonly #claims: ClaimKeeper;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.of(setResource);
    this.#pods = new Dependents(context, statefulSetKind, podResource);
    this.#revisions = new Dependents(context, statefulSetKind, revisionResource);
    this.#claims = new ClaimKeeper(context, context.informers.of(persistentVolumeClaims));
  }

  watch(enqueue: Enqueue): () => void {
    const ends = [watchOwners(this.#sets, enqueue), this.#pods.watch(enqueue)];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const set = this.#sets.get(key);
    if (!set || this.#outdated.has(set)) return done;
    const { clock } = this.#context;
    const revisions = await this.#settle(set);
    const pods = await this.#claimPods(set);
    const updateRevision = revisions.update.metadata.name ?? '';
    const current = revisions.all.find(({ metadata }) => metadata.name === set.status?.currentRevision);
    const currentRevision = current?.metadata.name ?? updateRevision;
    const now = clock.now();
    const { collisionCount } = revisions;
    const status = setStatus({ set, pods, currentRevision, updateRevision, collisionCount, now });
    const actions = set.metadata.deletionTimestamp ? [] : planSet({ set, pods, updateRevision, now });
    const templates = { current: current ?? revisions.update, update: revisions.update };
    const error = await this.#act(set, actions, templates);
    if (!isSameStatus(set.status, status)) {
      const write = this.#context.client.update(setResource, { ...set, status }, { subresource: 'status' });
      await unlessGone(this.#outdated.unless(set, write));
    }
    if (error !== undefined) throw error;
    const used = new Set([currentRevision, updateRevision, ...pods.map(revisionOf)]);
    await truncateHistory(this.#context.client, revisions.all, {
      live: ({ metadata }) => used.has(metadata.name),
      limit: set.spec?.revisionHistoryLimit ?? 10,
    });
    const afterMs = nextAvailableInMs(pods, set.spec?.minReadySeconds ?? 0, now);
    return afterMs === undefined ? done : { kind: 'requeue', afterMs };
  }

  async #settle(set: StatefulSet): Promise<Revisions> {
    const { client } = this.#context;
    // What a set has once made stays its own, whatever becomes of its labels.
    const known = await this.#revisions.claim(set, { keepsAll: true });
    const owner = {
      ...{ object: set, reference: this.#revisions.reference(set), template: set.spec?.template ?? {} },
      collisionCount: set.status?.collisionCount,
      labels: (hash: string) => ({ 'controller.kubernetes.io/hash': hash }),
    };
    return settleRevisions(client, owner, known);
  }

  #claimPods(set: StatefulSet): Promise<Pod[]> {
    const selector = statefulSetKind.selector(set);
    return this.#pods.claim(set, {
      matches: (pod) => ordinalOf(pod, set) !== undefined && selector.matches(pod.metadata.labels),
    });
  }

  /** Takes the steps; answers the first error. */
  async #act(
    set: StatefulSet,
    actions: readonly Action[],
    templates: Record<'current' | 'update', ControllerRevision>,
  ): Promise<unknown> {
    const take = (index: number): Promise<void> => this.#take(set, actions[index] as Action, templates);
    if (set.spec?.podManagementPolicy === 'Parallel') return (await slowStart(actions.length, take)).error;
    try {
      for (let i = 0; i < actions.length; i++) await take(i);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #take(
    set: StatefulSet,
    action: Action,
    templates: Record<'current' | 'update', ControllerRevision>,
  ): Promise<void> {
    switch (action.kind) {
      case 'create': {
        const { ordinal } = action;
        // Its going brings the set back here.
        if (this.#claims.isStale(set, ordinal)) return;
        await this.#claims.create(set, ordinal);
        return this.#create(set, newPod(set, ordinal, templates[action.revision]));
      }
      case 'replace': {
        const { name, namespace } = action.pod.metadata;
        const isFailed = action.pod.status?.phase === 'Failed';
        const [type, reason] = isFailed
          ? (['Warning', 'RecreatingFailedPod'] as const)
          : (['Normal', 'RecreatingTerminatedPod'] as const);
        const what = isFailed ? 'failed' : 'terminated';
        const message = `StatefulSet ${namespace}/${set.metadata.name} is recreating ${what} Pod ${name}`;
        this.#context.recorder.record(typed(set), type, reason, message);
        return this.#delete(set, action.pod);
      }
      case 'delete': {
        const ordinal = ordinalOf(action.pod, set);
        if (ordinal !== undefined) await this.#claims.own(set, ordinal, action.pod);
        return this.#delete(set, action.pod);
      }
      case 'keep':
        return this.#keep(set, action.ordinal, action.pod);
    }
  }

  async #create(set: StatefulSet, pod: Pod): Promise<void> {
    const { client, recorder } = this.#context;
    const what = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      await client.create(podResource, pod);
      recorder.record(typed(set), 'Normal', 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (!isApiError(error, 'AlreadyExists')) {
        recorder.record(typed(set), 'Warning', 'FailedCreate', `${what} failed error: ${messageOf(error)}`);
      }
      throw error;
    }
  }

  async #delete(set: StatefulSet, pod: Pod): Promise<void> {
    const { client, recorder } = this.#context;
    const what = `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    try {
      await client.delete(podResource, nameOf(pod), { preconditions: { uid: pod.metadata.uid ?? '' } });
      recorder.record(typed(set), 'Normal', 'SuccessfulDelete', `${what} successful`);
    } catch (error) {
      if (isApiError(error, 'NotFound', 'Conflict')) return;
      recorder.record(typed(set), 'Warning', 'FailedDelete', `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }

  async #keep(set: StatefulSet, ordinal: number, pod: Pod): Promise<void> {
    await this.#claims.create(set, ordinal);
    await this.#claims.own(set, ordinal, pod);
    if (hasIdentity(pod, set, ordinal)) return;
    const { recorder, client } = this.#context;
    const what = `update Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    await client.update(podResource, withIdentity(pod, set, ordinal));
    recorder.record(typed(set), 'Normal', 'SuccessfulUpdate', `${what} successful`);
  }
}

/** Events name their object's kind, which objects from a list may lack. */
function typed({ metadata }: StatefulSet): StatefulSet {
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata };
}
