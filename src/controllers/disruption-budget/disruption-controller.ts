import { labelMatcher } from '../../api/label-selector.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { podDisruptionBudgets, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { done, type Outcome } from '../reconciler.ts';
import { messageOf } from '../replication/pod-control.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { unlessGone } from '../unless-gone.ts';
import { ExpectedScale } from './expected-scale.ts';
import { budgetStatus, failedStatus, needsScale } from './plan.ts';

/** Keeps up to date what evictions ask: how many pods of each budget may go (concepts/workloads/pods/disruptions). */
export class DisruptionReconciler implements Controller {
  readonly name = 'disruption-controller';
  readonly concurrency = 2;
  readonly #context: ControllerContext;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #pods: Informer<Pod>;
  readonly #scale: ExpectedScale;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#budgets = context.informers.of(podDisruptionBudgets);
    this.#budgets.addIndex('namespace', (budget) => [budget.metadata.namespace ?? '']);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
    this.#scale = new ExpectedScale(context);
  }

  watch(enqueue: Enqueue): () => void {
    const look = (budget: PodDisruptionBudget): void => enqueue(keyOf(budget));
    const podChanged = ({ metadata }: Pod): void => {
      for (const budget of this.#budgets.byIndex('namespace', metadata.namespace ?? '')) {
        if (labelMatcher(budget.spec?.selector).matches(metadata.labels)) look(budget);
      }
    };
    const scaleChanged = (namespace: string): void => {
      for (const budget of this.#budgets.byIndex('namespace', namespace)) if (needsScale(budget)) look(budget);
    };
    const ends = [
      this.#budgets.subscribe({ added: look, updated: look }),
      this.#pods.subscribe({
        added: podChanged,
        updated: (pod, old) => {
          podChanged(pod);
          if (pod.metadata.labels !== old.metadata.labels) podChanged(old);
        },
        deleted: podChanged,
      }),
      this.#scale.watch(scaleChanged),
    ];
    return () => ends.forEach((end) => end());
  }

  async reconcile(key: string): Promise<Outcome> {
    const budget = this.#budgets.get(key);
    if (!budget) return done;
    const now = this.#context.clock.now();
    try {
      const { status, afterMs } = await this.#reckon(budget, now);
      await this.#write(budget, status);
      return afterMs === undefined ? done : { kind: 'requeue', afterMs };
    } catch (error) {
      await this.#write(budget, failedStatus(budget, messageOf(error), now));
      throw error;
    }
  }

  async #reckon(
    budget: PodDisruptionBudget,
    now: number,
  ): Promise<{ status: PodDisruptionBudgetStatus; afterMs?: number }> {
    const selector = labelMatcher(budget.spec?.selector);
    const inNamespace = this.#pods.byIndex('namespace', budget.metadata.namespace ?? '');
    const pods = inNamespace.filter(({ metadata }) => selector.matches(metadata.labels));
    if (pods.length === 0) this.#tell(budget, 'Normal', 'NoPods', 'No matching pods found');
    const { scale, unmanaged } = needsScale(budget) ? await this.#scale.of(pods) : { scale: 0, unmanaged: [] };
    if (unmanaged.length > 0) {
      const message =
        'Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of the PDB ' +
        `cannot be calculated correctly, which may result in undefined behavior: ${unmanaged.join(', ')}`;
      this.#tell(budget, 'Warning', 'UnmanagedPods', message);
    }
    return budgetStatus({ budget, pods, expectedScale: scale, now });
  }

  async #write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    if (semanticallyEqual(status, budget.status)) return;
    const { client } = this.#context;
    await unlessGone(client.update(podDisruptionBudgets, { ...budget, status }, { subresource: 'status' }));
  }

  #tell({ metadata }: PodDisruptionBudget, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const subject = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata };
    this.#context.recorder.record(subject, type, reason, message);
  }
}
