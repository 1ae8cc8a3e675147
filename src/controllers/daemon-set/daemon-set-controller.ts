import { labelMatcher } from '../../api/label-selector.ts';
import type { ControllerRevision, DaemonSet } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import {
  controllerRevisions as revisionResource,
  daemonSets as setResource,
  nodes as nodeResource,
  pods as podResource,
} from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { Dependents, watchOwners, type OwnerKind } from '../dependents.ts';
import { settleRevisions, truncateHistory, type Revisions } from '../history/revisions.ts';
import { Outdated } from '../outdated.ts';
import { done, type Outcome } from '../reconciler.ts';
import { doubtAfterMs, Expectations } from '../replication/expectations.ts';
import { podFromTemplate } from '../replication/new-pod.ts';
import { nextAvailableInMs } from '../replication/plan.ts';
import { PodControl } from '../replication/pod-control.ts';
import { slowStart } from '../replication/slow-start.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { unlessGone } from '../unless-gone.ts';
import { FailureBackoff } from './failure-backoff.ts';
import { placementOn, specForNode } from './placement.ts';
import { daemonStatus, isSameStatus, planPlacement, planRollingUpdate, type DaemonView } from './plan.ts';
import { controllerRevisionLabel, templateGenerationAnnotation } from '../../api/well-known.ts';

/** Pods that one reconcile creates or deletes at most. */
const burst = 250;
const generationLabel = 'pod-template-generation';

const daemonSetKind: OwnerKind<DaemonSet> = {
  resource: setResource,
  apiVersion: 'apps/v1',
  selector: (set) => labelMatcher(set.spec?.selector),
};

/** One pod of a template on every node that fits, put there by the scheduler (concepts/workloads/controllers/daemonset). */
export class DaemonSetReconciler implements Controller {
  readonly name = 'daemonset-controller';
  readonly concurrency = 2;
  readonly #context: ControllerContext;
  readonly #outdated = new Outdated<DaemonSet>();
  readonly #sets: Informer<DaemonSet>;
  readonly #pods: Dependents<DaemonSet, Pod>;
  readonly #nodes: Informer<Node>;
  readonly #revisions: Dependents<DaemonSet, ControllerRevision>;
  readonly #expectations: Expectations;
  readonly #podControl: PodControl;
  readonly #failures: FailureBackoff;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.of(setResource);
    this.#pods = new Dependents(context, daemonSetKind, podResource);
    this.#nodes = context.informers.of(nodeResource);
    this.#revisions = new Dependents(context, daemonSetKind, revisionResource);
    this.#expectations = new Expectations(context.clock);
    this.#podControl = new PodControl(context, this.#expectations);
    this.#failures = new FailureBackoff(context.clock);
  }

  watch(enqueue: Enqueue): () => void {
    const everySet = (concerns: (set: DaemonSet) => boolean): void => {
      for (const set of this.#sets.list()) if (concerns(set)) enqueue(keyOf(set));
    };
    const ends = [
      watchOwners(this.#sets, enqueue, (key) => this.#expectations.forget(key)),
      this.#nodes.subscribe({
        added: (node) => everySet((set) => placementOn(node, set).shouldRun),
        updated: (node, old) => {
          if (isSame(node, old)) return;
          everySet((set) => !semanticallyEqual(placementOn(node, set), placementOn(old, set)));
        },
        deleted: () => everySet(() => true),
      }),
      this.#pods.watch(enqueue, this.#expectations),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const set = this.#sets.get(key);
    if (!set) {
      this.#expectations.forget(key);
      return done;
    }
    if (set.metadata.deletionTimestamp !== undefined || this.#outdated.has(set)) return done;
    if (selectsEverything(set)) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      this.#context.recorder.record(typed(set), 'Warning', 'SelectingAll', message);
      return done;
    }
    const { client, clock } = this.#context;
    const revisions = await this.#settle(set);
    const hash = revisions.update.metadata.labels?.[controllerRevisionLabel] ?? '';
    const maySync = this.#expectations.satisfied(key) || (await this.#podControl.isConfirmed(key));
    const pods = await this.#pods.claim(set);
    const view = { set, nodes: [...this.#nodes.list()], pods, hash, now: clock.now() };
    const { error, afterMs } = maySync ? await this.#act(key, view) : { error: undefined, afterMs: doubtAfterMs };
    const status = daemonStatus(view, revisions.collisionCount);
    if (!isSameStatus(set.status, status)) {
      const write = client.update(setResource, { ...set, status }, { subresource: 'status' });
      await unlessGone(this.#outdated.unless(set, write));
    }
    if (error !== undefined) throw error;
    const used = new Set([hash, ...pods.map(({ metadata }) => metadata.labels?.[controllerRevisionLabel])]);
    await truncateHistory(client, revisions.all, {
      live: ({ metadata }) => used.has(metadata.labels?.[controllerRevisionLabel]),
      limit: set.spec?.revisionHistoryLimit ?? 10,
    });
    const waits = [afterMs, nextAvailableInMs(pods, set.spec?.minReadySeconds ?? 0, view.now)];
    const next = Math.min(...waits.map((wait) => wait ?? Infinity));
    return next === Infinity ? done : { kind: 'requeue', afterMs: next };
  }

  async #settle(set: DaemonSet): Promise<Revisions> {
    const { client } = this.#context;
    const known = await this.#revisions.claim(set);
    const owner = {
      ...{ object: set, reference: this.#revisions.reference(set), template: set.spec?.template ?? {} },
      collisionCount: set.status?.collisionCount,
      labels: (hash: string) => ({ [controllerRevisionLabel]: hash }),
    };
    return settleRevisions(client, owner, known);
  }

  /** Places daemons; when everything is in its place, goes on with a rolling update. */
  async #act(key: string, view: DaemonView): Promise<{ error?: unknown; afterMs?: number }> {
    const { set } = view;
    const plan = planPlacement(view);
    const { due, afterMs } = this.#endedPods(set, plan.ended);
    const wait = afterMs === undefined ? {} : { afterMs };
    const surplus = [...plan.delete, ...due];
    if (plan.create.length + surplus.length > 0) {
      const error = await this.#move(key, view, plan.create, surplus);
      return { ...wait, ...(error !== undefined && { error }) };
    }
    if (set.spec?.updateStrategy?.type !== 'RollingUpdate') return wait;
    const step = planRollingUpdate(view);
    const failed = await this.#move(key, view, step.create, step.delete);
    return { ...wait, ...(failed !== undefined && { error: failed }) };
  }

  /** Pods that ended go so that others can come: at once when they succeeded, with back-off when they failed. */
  #endedPods(set: DaemonSet, ended: readonly { pod: Pod; nodeName: string }[]): { due: Pod[]; afterMs?: number } {
    const { recorder } = this.#context;
    const due: Pod[] = [];
    const waits: number[] = [];
    for (const { pod, nodeName } of ended) {
      const name = `${pod.metadata.namespace}/${pod.metadata.name} on node ${nodeName}`;
      if (pod.status?.phase === 'Succeeded') {
        const message = `Found succeeded daemon pod ${name}, will try to delete it`;
        recorder.record(typed(set), 'Normal', 'SucceededDaemonPod', message);
        due.push(pod);
        continue;
      }
      const waitMs = this.#failures.take(`${set.metadata.uid}/${nodeName}`);
      if (waitMs > 0) {
        waits.push(waitMs);
        continue;
      }
      const message = `Found failed daemon pod ${name}, will try to kill it`;
      recorder.record(typed(set), 'Warning', 'FailedDaemonPod', message);
      due.push(pod);
    }
    return { due, ...(waits.length > 0 && { afterMs: Math.min(...waits) }) };
  }

  async #move(key: string, view: DaemonView, create: readonly string[], surplus: readonly Pod[]): Promise<unknown> {
    const { set, hash } = view;
    const { random } = this.#context;
    const reference = this.#pods.reference(set);
    const template = set.spec?.template ?? {};
    const generation = set.metadata.annotations?.[templateGenerationAnnotation];
    const nodeNames = create.slice(0, burst);
    const { error } = await slowStart(nodeNames.length, async (i) => {
      const pod = podFromTemplate({ owner: set, reference, template, random });
      const labels = {
        ...pod.metadata.labels,
        ...(generation && { [generationLabel]: generation }),
        [controllerRevisionLabel]: hash,
      };
      const spec = specForNode(pod.spec ?? { containers: [] }, nodeNames[i] ?? '');
      await this.#podControl.create(key, typed(set), { ...pod, metadata: { ...pod.metadata, labels }, spec });
    });
    const deletions = surplus.slice(0, burst).map((pod) => this.#podControl.delete(key, typed(set), pod));
    const failed = (await Promise.allSettled(deletions)).find((result) => result.status === 'rejected');
    return error ?? failed?.reason;
  }
}

/** Nothing has changed that placement looks at. */
function isSame(node: Node, old: Node): boolean {
  return (
    semanticallyEqual(node.metadata.labels, old.metadata.labels) &&
    semanticallyEqual(node.spec?.taints, old.spec?.taints)
  );
}

function selectsEverything({ spec }: DaemonSet): boolean {
  const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

/** Events name their object's kind, which objects from a list may lack. */
function typed({ metadata }: DaemonSet): DaemonSet {
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata };
}
