import type { HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerSpec } from '../../api/types/autoscaling-v2.ts';

/** What was done and found before. Times are epoch milliseconds; the oldest come first. */
export interface ScalingHistory {
  recommendations: readonly { at: number; replicas: number }[];
  /** By how much the count was changed: positive, or negative. */
  events: readonly { at: number; change: number }[];
}

export interface BehaviorView extends ScalingHistory {
  spec: HorizontalPodAutoscalerSpec;
  currentReplicas: number;
  /** What the metrics ask for. */
  wanted: number;
  now: number;
}

export interface Verdict {
  replicas: number;
  /** For the condition AbleToScale: the stabilization that held the count back. */
  stabilized?: 'up' | 'down';
  /** For the condition ScalingLimited. */
  limit: 'TooManyReplicas' | 'TooFewReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit' | undefined;
}

type Direction = 'up' | 'down';

/** Where `behavior` is silent: its documented defaults, and five minutes of stabilization downwards. */
const defaultRules: Record<Direction, Required<Omit<HPAScalingRules, 'tolerance'>>> = {
  up: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  },
  down: {
    stabilizationWindowSeconds: 300,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
};

function scalingRules(spec: HorizontalPodAutoscalerSpec, direction: Direction): (typeof defaultRules)[Direction] {
  const given = direction === 'up' ? spec.behavior?.scaleUp : spec.behavior?.scaleDown;
  return { ...defaultRules[direction], ...given };
}

/**
 * What becomes of the count that the metrics ask for: steadied by the windows of stabilization, slowed by policies,
 * kept within bounds. (Kubernetes documentation, "Configurable scaling behavior"; KEP-853.)
 */
export function decideReplicas(view: BehaviorView): Verdict {
  const { currentReplicas, wanted } = view;
  const steady = stabilize(view);
  const verdict = limitOf(view, steady);
  if (steady === wanted) return verdict;
  return { ...verdict, stabilized: wanted >= currentReplicas ? 'up' : 'down' };
}

function stabilize({ spec, recommendations, currentReplicas, wanted, now }: BehaviorView): number {
  const within = (direction: Direction): number[] => {
    const since = now - scalingRules(spec, direction).stabilizationWindowSeconds * 1000;
    return [wanted, ...recommendations.filter(({ at }) => at > since).map(({ replicas }) => replicas)];
  };
  const lowest = Math.min(...within('up'));
  const highest = Math.max(...within('down'));
  if (currentReplicas < lowest) return lowest;
  return currentReplicas > highest ? highest : currentReplicas;
}

function limitOf(view: BehaviorView, steady: number): Verdict {
  const { spec, currentReplicas } = view;
  const { maxReplicas, minReplicas = 1 } = spec;
  if (steady > currentReplicas) {
    const limit = Math.max(currentReplicas, rateLimit(view, 'up'));
    if (steady <= Math.min(limit, maxReplicas)) return { replicas: steady, limit: undefined };
    return limit < maxReplicas
      ? { replicas: limit, limit: 'ScaleUpLimit' }
      : { replicas: maxReplicas, limit: 'TooManyReplicas' };
  }
  if (steady < currentReplicas) {
    const limit = Math.min(currentReplicas, rateLimit(view, 'down'));
    if (steady >= Math.max(limit, minReplicas)) return { replicas: steady, limit: undefined };
    return limit > minReplicas
      ? { replicas: limit, limit: 'ScaleDownLimit' }
      : { replicas: minReplicas, limit: 'TooFewReplicas' };
  }
  if (view.wanted > maxReplicas) return { replicas: maxReplicas, limit: 'TooManyReplicas' };
  if (view.wanted < minReplicas) return { replicas: minReplicas, limit: 'TooFewReplicas' };
  return { replicas: steady, limit: undefined };
}

/** The count that the policies of a direction lead to at most. */
function rateLimit({ spec, events, currentReplicas, now }: BehaviorView, direction: Direction): number {
  const { policies, selectPolicy } = scalingRules(spec, direction);
  if (selectPolicy === 'Disabled') return currentReplicas;
  const limits = policies.map((policy) => {
    const recent = events.filter(({ at }) => at > now - policy.periodSeconds * 1000);
    const before = currentReplicas - recent.reduce((total, { change }) => total + change, 0);
    return limitFrom(before, policy, direction);
  });
  // "Max" is the policy that allows the most change: of removals that is the lowest count.
  const isHighest = (selectPolicy === 'Max') === (direction === 'up');
  return isHighest ? Math.max(...limits) : Math.min(...limits);
}

function limitFrom(before: number, { type, value }: HPAScalingPolicy, direction: Direction): number {
  const sign = direction === 'up' ? 1 : -1;
  if (type === 'Pods') return before + sign * value;
  const count = (before * (100 + sign * value)) / 100;
  return direction === 'up' ? Math.ceil(count) : Math.trunc(count);
}

/** Keeps of the history what any rule may still ask for. */
export function forgetOld(history: ScalingHistory, spec: HorizontalPodAutoscalerSpec, now: number): ScalingHistory {
  const rules = [scalingRules(spec, 'up'), scalingRules(spec, 'down')];
  const window = Math.max(...rules.map(({ stabilizationWindowSeconds }) => stabilizationWindowSeconds)) * 1000;
  const period = Math.max(...rules.flatMap(({ policies }) => policies.map((each) => each.periodSeconds))) * 1000;
  return {
    recommendations: history.recommendations.filter(({ at }) => at > now - window),
    events: history.events.filter(({ at }) => at > now - period),
  };
}
