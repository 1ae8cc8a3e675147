import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from '../../api/types/autoscaling-v2.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import type { PodUsage } from '../../client/resource-usage.ts';
import { decideReplicas, type ScalingHistory, type Verdict } from './behavior.ts';
import { MetricError, type Proposal, proposeReplicas } from './replicas.ts';

export interface AutoscalerSettings {
  cpuInitializationPeriodMs: number;
  initialReadinessDelayMs: number;
  /** Share by which usage may differ from its target; a rule's own `tolerance` comes first. Upstream: 0.1. */
  tolerance: number;
}

export interface AutoscalerView {
  autoscaler: HorizontalPodAutoscaler;
  /** What the target's scale asks for. */
  specReplicas: number;
  pods: readonly Pod[];
  usages: ReadonlyMap<string, PodUsage>;
  history: ScalingHistory;
  settings: AutoscalerSettings;
  /** Epoch milliseconds. */
  now: number;
}

export type Verdicts = Record<string, [status: 'True' | 'False', reason: string, message: string]>;

export interface AutoscalerPlan {
  /** How many replicas the target is to have. */
  replicas: number;
  /** What the metrics asked for; undefined where they were not asked. */
  recommendation: number | undefined;
  /** Why, for the event, where the count changes. */
  cause: string;
  currentMetrics: MetricStatus[];
  conditions: Verdicts;
  /** A metric that gave no count. */
  failure: MetricError | undefined;
}

/** One look at a target: the largest of what the metrics ask for, steadied and kept within bounds. */
export function planAutoscaling(view: AutoscalerView): AutoscalerPlan {
  const { autoscaler, specReplicas } = view;
  const { minReplicas = 1, maxReplicas } = autoscaler.spec;
  const gotScale: Verdicts = {
    AbleToScale: ['True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale"],
  };
  const still = { recommendation: undefined, cause: '', currentMetrics: [], failure: undefined };
  if (specReplicas === 0 && minReplicas !== 0) {
    const message = 'scaling is disabled since the replica count of the target is zero';
    return { ...still, replicas: 0, conditions: { ...gotScale, ScalingActive: ['False', 'ScalingDisabled', message] } };
  }
  if (specReplicas > maxReplicas) {
    const cause = 'Current number of replicas above Spec.MaxReplicas';
    return { ...still, replicas: maxReplicas, cause, conditions: gotScale };
  }
  if (specReplicas < minReplicas) {
    const cause = 'Current number of replicas below Spec.MinReplicas';
    return { ...still, replicas: minReplicas, cause, conditions: gotScale };
  }
  return planByMetrics(view, gotScale);
}

function planByMetrics(view: AutoscalerView, gotScale: Verdicts): AutoscalerPlan {
  const { autoscaler, specReplicas, now } = view;
  const { proposals, failure } = proposalsOf(view);
  const currentMetrics = proposals.map(({ status }) => status);
  const largest = proposals.toSorted((a, b) => b.replicas - a.replicas)[0];
  // What is not known might ask for more: nothing is taken away without it.
  if (!largest || (failure && largest.replicas < specReplicas)) {
    const message = `the HPA was unable to compute the replica count: ${failure?.message ?? 'no metrics'}`;
    const conditions = { ...gotScale, ScalingActive: ['False', failure?.reason ?? 'InvalidMetrics', message] as const };
    return {
      ...{ replicas: specReplicas, recommendation: undefined, cause: '', currentMetrics, failure },
      conditions: conditions as unknown as Verdicts,
    };
  }
  const wanted = largest.replicas;
  const verdict = decideReplicas({
    ...view.history,
    ...{ spec: autoscaler.spec, currentReplicas: specReplicas, wanted, now },
  });
  const cause = verdict.replicas > specReplicas ? `${largest.name} above target` : 'All metrics below target';
  const found = `the HPA was able to successfully calculate a replica count from ${largest.name}`;
  const conditions: Verdicts = {
    AbleToScale: ableToScale(verdict),
    ScalingActive: ['True', 'ValidMetricFound', found],
    ScalingLimited: limited(verdict),
  };
  return { replicas: verdict.replicas, recommendation: wanted, cause, currentMetrics, conditions, failure };
}

function proposalsOf(view: AutoscalerView): { proposals: Proposal[]; failure: MetricError | undefined } {
  const { autoscaler, settings, specReplicas } = view;
  const { metrics = [], behavior } = autoscaler.spec;
  const toleranceOf = (text: string | undefined): number => (text === undefined ? settings.tolerance : Number(text));
  const tolerance = {
    up: toleranceOf(behavior?.scaleUp?.tolerance),
    down: toleranceOf(behavior?.scaleDown?.tolerance),
  };
  const proposals: Proposal[] = [];
  let failure: MetricError | undefined;
  for (const metric of metrics) {
    try {
      proposals.push(proposeReplicas(metric, { ...view, ...settings, tolerance, currentReplicas: specReplicas }));
    } catch (error) {
      if (!(error instanceof MetricError)) throw error;
      failure ??= error;
    }
  }
  return { proposals, failure };
}

function ableToScale({ stabilized }: Verdict): Verdicts[string] {
  if (stabilized === undefined) return ['True', 'ReadyForNewScale', 'recommended size matches current size'];
  const [past, taken] = stabilized === 'up' ? ['lower', 'lowest'] : ['higher', 'highest'];
  const reason = stabilized === 'up' ? 'ScaleUpStabilized' : 'ScaleDownStabilized';
  const message = `recent recommendations were ${past} than current one, applying the ${taken} recent recommendation`;
  return ['True', reason, message];
}

const limitMessages = {
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
};

function limited({ limit }: Verdict): Verdicts[string] {
  if (limit) return ['True', limit, limitMessages[limit]];
  return ['False', 'DesiredWithinRange', 'the desired count is within the acceptable range'];
}

/** The status after a look. Conditions that nothing was said of stay as they were. */
export function statusAfter(
  autoscaler: HorizontalPodAutoscaler,
  seen: Omit<HorizontalPodAutoscalerStatus, 'conditions'> & { conditions: Verdicts },
  now: number,
): HorizontalPodAutoscalerStatus {
  const before = autoscaler.status?.conditions ?? [];
  const { conditions, ...status } = seen;
  const said = Object.entries(conditions).map(([type, [state, reason, message]]): HorizontalPodAutoscalerCondition => {
    const old = before.find((each) => each.type === type);
    const lastTransitionTime = old?.status === state ? (old.lastTransitionTime ?? '') : formatTime(now);
    return { type, status: state, lastTransitionTime, reason, message };
  });
  const kept = before.filter(({ type }) => !(type in conditions));
  return { ...status, conditions: [...said, ...kept].toSorted((a, b) => a.type.localeCompare(b.type)) };
}
