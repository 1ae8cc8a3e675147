import { parseLabelSelector } from '../../api/label-selector.ts';
import { parseApiVersion, type KubeObject } from '../../api/object.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerStatus,
} from '../../api/types/autoscaling-v2.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { Resource } from '../../client/client.ts';
import { keyOf, type Informer } from '../../client/informer.ts';
import { podUsages, type PodUsage } from '../../client/resource-usage.ts';
import { horizontalPodAutoscalers, pods as podResource } from '../../client/resources.ts';
import type { Controller, ControllerContext, Enqueue } from '../controller.ts';
import { discoverKinds, type Discovered } from '../discovery.ts';
import { done, type Outcome } from '../reconciler.ts';
import { messageOf } from '../replication/pod-control.ts';
import { semanticallyEqual } from '../semantic-equality.ts';
import { unlessGone } from '../unless-gone.ts';
import { forgetOld, type ScalingHistory } from './behavior.ts';
import { type AutoscalerPlan, planAutoscaling, statusAfter, type Verdicts } from './plan.ts';
import { SharedLook } from './shared-look.ts';

type Scale = KubeObject & { spec?: { replicas?: number }; status?: { replicas: number; selector?: string } };

/** Gives workloads as many replicas as their use of CPU and memory asks for (autoscaling/v2). */
export class AutoscalerReconciler implements Controller {
  readonly name = 'horizontal-pod-autoscaler';
  readonly #context: ControllerContext;
  readonly #autoscalers: Informer<HorizontalPodAutoscaler>;
  readonly #pods: Informer<Pod>;
  /** By uid. In memory, as upstream's: another manager begins with the count that it finds. */
  readonly #histories = new Map<string, ScalingHistory>();
  /** All autoscalers of a period see the same: every look asks every node. */
  readonly #usages: SharedLook<PodUsage[]>;
  readonly #kinds: SharedLook<Discovered>;

  constructor(context: ControllerContext) {
    this.#context = context;
    const { client, clock, settings } = context;
    this.#usages = new SharedLook(clock, settings.autoscalerSyncPeriodMs, () => podUsages(client));
    this.#kinds = new SharedLook(clock, settings.autoscalerSyncPeriodMs, () => discoverKinds(client));
    this.#autoscalers = context.informers.of(horizontalPodAutoscalers);
    this.#pods = context.informers.of(podResource);
    this.#pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  }

  watch(enqueue: Enqueue): () => void {
    return this.#autoscalers.subscribe({
      added: (autoscaler) => enqueue(keyOf(autoscaler)),
      updated: (autoscaler, old) => {
        if (!semanticallyEqual(autoscaler.spec, old.spec)) enqueue(keyOf(autoscaler));
      },
      deleted: ({ metadata }) => void this.#histories.delete(metadata.uid ?? ''),
    });
  }

  async reconcile(key: string): Promise<Outcome> {
    const autoscaler = this.#autoscalers.get(key);
    if (!autoscaler) return done;
    await this.#look(autoscaler);
    // With all others, when what the nodes say is new.
    return { kind: 'requeue', afterMs: this.#usages.nextInMs() || this.#context.settings.autoscalerSyncPeriodMs };
  }

  async #look(autoscaler: HorizontalPodAutoscaler): Promise<void> {
    const namespace = autoscaler.metadata.namespace ?? '';
    let path: string;
    let scale: Scale;
    try {
      path = await this.#scalePath(autoscaler.spec.scaleTargetRef, namespace);
      scale = (await this.#context.client.raw('GET', path)) as Scale;
    } catch (error) {
      const message = `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`;
      this.#context.recorder.record(this.#subject(autoscaler), 'Warning', 'FailedGetScale', messageOf(error));
      const { currentReplicas, desiredReplicas = 0 } = autoscaler.status ?? {};
      const conditions: Verdicts = { AbleToScale: ['False', 'FailedGetScale', message] };
      return this.#write(autoscaler, {
        ...(currentReplicas !== undefined && { currentReplicas }),
        desiredReplicas,
        conditions,
      });
    }
    const specReplicas = scale.spec?.replicas ?? 0;
    const plan = await this.#plan(autoscaler, scale);
    if (plan.failure) {
      this.#context.recorder.record(this.#subject(autoscaler), 'Warning', plan.failure.reason, plan.failure.message);
    }
    const isChanged = plan.replicas !== specReplicas;
    if (isChanged) await this.#rescale(autoscaler, plan, { path, scale });
    this.#remember(autoscaler, plan, specReplicas);
    const { lastScaleTime } = autoscaler.status ?? {};
    const time = isChanged ? formatTime(this.#context.clock.now()) : lastScaleTime;
    await this.#write(autoscaler, {
      ...(time !== undefined && { lastScaleTime: time }),
      currentReplicas: scale.status?.replicas ?? 0,
      desiredReplicas: plan.replicas,
      ...(plan.currentMetrics.length > 0 && { currentMetrics: plan.currentMetrics }),
      conditions: isChanged
        ? { ...plan.conditions, AbleToScale: ['True', 'SucceededRescale', rescaled(plan.replicas)] }
        : plan.conditions,
    });
  }

  async #plan(autoscaler: HorizontalPodAutoscaler, scale: Scale): Promise<AutoscalerPlan> {
    const { clock, settings } = this.#context;
    const namespace = autoscaler.metadata.namespace ?? '';
    const selector = parseLabelSelector(scale.status?.selector ?? '');
    const pods = this.#pods.byIndex('namespace', namespace).filter(({ metadata }) => selector.matches(metadata.labels));
    const usages = (await this.#usages.get()).filter((usage) => usage.namespace === namespace && usage.isMeasured);
    const now = clock.now();
    const specReplicas = scale.spec?.replicas ?? 0;
    return planAutoscaling({
      ...{ autoscaler, specReplicas, pods, now },
      usages: new Map(usages.map((usage) => [usage.name, usage])),
      history: this.#historyOf(autoscaler, specReplicas, now),
      settings: settings.autoscaler,
    });
  }

  /** The count that is found first counts as recommended: a restart takes nothing away at once. */
  #historyOf({ metadata }: HorizontalPodAutoscaler, replicas: number, at: number): ScalingHistory {
    return this.#histories.get(metadata.uid ?? '') ?? { recommendations: [{ at, replicas }], events: [] };
  }

  #remember(autoscaler: HorizontalPodAutoscaler, plan: AutoscalerPlan, before: number): void {
    const at = this.#context.clock.now();
    const { recommendations, events } = this.#historyOf(autoscaler, before, at);
    const { recommendation, replicas } = plan;
    const history = {
      recommendations: [
        ...recommendations,
        ...(recommendation === undefined ? [] : [{ at, replicas: recommendation }]),
      ],
      events: [...events, ...(replicas === before ? [] : [{ at, change: replicas - before }])],
    };
    this.#histories.set(autoscaler.metadata.uid ?? '', forgetOld(history, autoscaler.spec, at));
  }

  async #rescale(
    autoscaler: HorizontalPodAutoscaler,
    { replicas, cause }: AutoscalerPlan,
    { path, scale }: { path: string; scale: Scale },
  ): Promise<void> {
    const subject = this.#subject(autoscaler);
    const words = `New size: ${replicas}; reason: ${cause}`;
    try {
      await this.#context.client.raw('PUT', path, { ...scale, spec: { replicas } });
    } catch (error) {
      this.#context.recorder.record(subject, 'Warning', 'FailedRescale', `${words}; error: ${messageOf(error)}`);
      throw error;
    }
    this.#context.recorder.record(subject, 'Normal', 'SuccessfulRescale', words);
  }

  async #scalePath({ apiVersion = 'v1', kind, name }: CrossVersionObjectReference, namespace: string): Promise<string> {
    const find = async (): Promise<Resource | undefined> => {
      return (await this.#kinds.get()).byKind.get(`${apiVersion}/${kind}`);
    };
    let resource = await find();
    if (!resource) {
      // It may have been defined since.
      this.#kinds.forget();
      resource = await find();
    }
    if (!resource) throw new Error(`no matches for kind "${kind}" in group "${parseApiVersion(apiVersion).group}"`);
    const root = resource.group === '' ? '/api' : '/apis';
    return `${root}/${apiVersion}/namespaces/${namespace}/${resource.plural}/${name}/scale`;
  }

  async #write(
    autoscaler: HorizontalPodAutoscaler,
    seen: Omit<HorizontalPodAutoscalerStatus, 'conditions'> & { conditions: Verdicts },
  ): Promise<void> {
    const status = statusAfter(autoscaler, seen, this.#context.clock.now());
    if (semanticallyEqual(status, autoscaler.status)) return;
    const { client } = this.#context;
    await unlessGone(client.update(horizontalPodAutoscalers, { ...autoscaler, status }, { subresource: 'status' }));
  }

  #subject({ metadata }: HorizontalPodAutoscaler): KubeObject {
    return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata };
  }
}

const rescaled = (replicas: number): string => `the HPA controller was able to update the target scale to ${replicas}`;
