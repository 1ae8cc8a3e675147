import { formatQuantity, quantityToMilli, quantityToNumber } from '../../api/quantity.ts';
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../../api/types/autoscaling-v2.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { isPodActive, parseTime, podCondition } from '../pod-state.ts';
import type { PodUsage } from '../../client/resource-usage.ts';

/** Why a metric gives no count: `reason` is that of the condition ScalingActive. */
export class MetricError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'MetricError';
    this.reason = reason;
  }
}

export interface MetricView {
  /** The target's pods, as its selector finds them. */
  pods: readonly Pod[];
  /** By the pods' names. */
  usages: ReadonlyMap<string, PodUsage>;
  /** What the target's status says it has. */
  currentReplicas: number;
  /** Epoch milliseconds. */
  now: number;
  /** So long after its start a pod's CPU only counts once it is ready. */
  cpuInitializationPeriodMs: number;
  /** A pod that has not been ready since this long after its start is still starting. */
  initialReadinessDelayMs: number;
  /** How far the usage may be from its target with nothing done, as a share: up and down. */
  tolerance: { up: number; down: number };
}

export interface Proposal {
  replicas: number;
  status: MetricStatus;
  /** Of what, for the condition. */
  name: string;
}

type ResourceName = 'cpu' | 'memory';

/**
 * How many replicas one metric asks for. (Kubernetes documentation, "Horizontal Pod Autoscaling: Algorithm details".)
 * Throws {@link MetricError} when it cannot be told.
 */
export function proposeReplicas(spec: MetricSpec, view: MetricView): Proposal {
  const source = spec.resource ?? spec.containerResource;
  if (!source)
    throw new MetricError(`FailedGet${spec.type}Metric`, `no metrics API serves metrics of type ${spec.type}`);
  const container = spec.containerResource?.container;
  const { name, target } = source;
  const reason = `FailedGet${spec.type}Metric`;
  if (name !== 'cpu' && name !== 'memory') {
    throw new MetricError(reason, `failed to get ${name} usage: nodes measure cpu and memory`);
  }
  const groups = groupPods(name, { ...view, container });
  if (groups.values.size === 0) {
    const none = view.pods.length === 0 ? 'no pods returned by selector while calculating replica count' : noMetrics;
    throw new MetricError(reason, `failed to get ${name} utilization: ${none}`);
  }
  const goal = goalOf(target, name, { view, container, reason });
  const values = [...groups.values];
  const total = sum(values.map(([, value]) => value));
  const ratio = total / sum(values.map(([pod]) => goal.of(pod)));
  const replicas = replicasFor(ratio, groups, { goal, view });
  const average = quantityOf(name, Math.floor(total / values.length));
  const current: MetricValueStatus = {
    averageValue: average,
    ...(goal.utilization && {
      averageUtilization: Math.floor((total * 100) / sum(values.map(([pod]) => goal.utilization?.(pod) ?? 0))),
    }),
  };
  const shape = { name, current };
  return {
    replicas,
    status:
      container === undefined
        ? { type: spec.type, resource: shape }
        : { type: spec.type, containerResource: { ...shape, container } },
    name: describe(name, { container, isUtilization: goal.utilization !== undefined }),
  };
}

const noMetrics = 'did not receive metrics for targeted pods (pods might be unready)';

interface Groups {
  /** What ready pods use. */
  values: Map<Pod, number>;
  /** Pods that have no measure, and those that are still starting. */
  missing: Pod[];
  unready: Pod[];
}

function groupPods(name: ResourceName, view: MetricView & { container: string | undefined }): Groups {
  const groups: Groups = { values: new Map(), missing: [], unready: [] };
  for (const pod of view.pods.filter(isPodActive)) {
    const value = valueOf(name, view.usages.get(pod.metadata.name ?? ''), view.container);
    if (pod.status?.phase === 'Pending') groups.unready.push(pod);
    else if (value === undefined) groups.missing.push(pod);
    else if (name === 'cpu' && isStarting(pod, view)) groups.unready.push(pod);
    else groups.values.set(pod, value);
  }
  return groups;
}

/** The CPU that a pod burns while it starts says nothing of its load. */
function isStarting(pod: Pod, { now, cpuInitializationPeriodMs, initialReadinessDelayMs }: MetricView): boolean {
  const ready = podCondition(pod, 'Ready');
  const start = parseTime(pod.status?.startTime);
  if (!ready || start === 0) return true;
  if (ready.status === 'True') return false;
  const isYoung = start + cpuInitializationPeriodMs > now;
  return isYoung || start + initialReadinessDelayMs > parseTime(ready.lastTransitionTime);
}

function valueOf(name: ResourceName, usage: PodUsage | undefined, container: string | undefined): number | undefined {
  const of = container === undefined ? usage : usage?.containers.find((each) => each.name === container);
  if (!of) return undefined;
  return name === 'cpu' ? of.milliCpu : of.bytes;
}

interface Goal {
  /** What one pod should use. */
  of(pod: Pod): number;
  /** What a pod requests, where the target is a share of that. */
  utilization?: (pod: Pod) => number;
}

function goalOf(
  target: MetricTarget,
  name: ResourceName,
  { view, container, reason }: { view: MetricView; container: string | undefined; reason: string },
): Goal {
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined) {
    const amount = amountOf(name, averageValue ?? '0');
    return { of: () => amount };
  }
  const requests = new Map(view.pods.map((pod) => [pod, requestOf(pod, name, { container, reason })]));
  const utilization = (pod: Pod): number => requests.get(pod) ?? 0;
  return { of: (pod) => (utilization(pod) * averageUtilization) / 100, utilization };
}

function requestOf(
  pod: Pod,
  name: ResourceName,
  { container, reason }: { container: string | undefined; reason: string },
): number {
  const isMeant = (each: Container): boolean => container === undefined || each.name === container;
  const meant = (pod.spec?.containers ?? []).filter(isMeant);
  const sidecars = (pod.spec?.initContainers ?? []).filter((each) => each.restartPolicy === 'Always' && isMeant(each));
  return sum(
    [...meant, ...sidecars].map((each) => {
      const request = each.resources?.requests?.[name];
      if (request !== undefined) return amountOf(name, request);
      const where = `container ${each.name} of Pod ${pod.metadata.name}`;
      throw new MetricError(reason, `failed to get ${name} utilization: missing request for ${name} in ${where}`);
    }),
  );
}

/**
 * With pods that are not measured or not ready, the ratio is reckoned again as if these damped the change; where it
 * then points the other way, nothing is done.
 */
function replicasFor(ratio: number, groups: Groups, { goal, view }: { goal: Goal; view: MetricView }): number {
  const { currentReplicas, tolerance } = view;
  const { values, missing, unready } = groups;
  const withUnready = ratio > 1 ? unready : [];
  if (missing.length === 0 && withUnready.length === 0) {
    return isTolerable(ratio, tolerance) ? currentReplicas : Math.ceil(rounded(ratio * values.size));
  }
  // A pod that is not measured is taken to use what it requests, or its goal where that is more: upstream's fallback.
  const cautious = (pod: Pod): number => Math.max(goal.of(pod), goal.utilization?.(pod) ?? 0);
  const counted: [Pod, number][] = [
    ...values,
    ...missing.map((pod): [Pod, number] => [pod, ratio < 1 ? cautious(pod) : 0]),
    ...withUnready.map((pod): [Pod, number] => [pod, 0]),
  ];
  const damped = sum(counted.map(([, value]) => value)) / sum(counted.map(([pod]) => goal.of(pod)));
  if (isTolerable(damped, tolerance) || damped < 1 !== ratio < 1) return currentReplicas;
  const replicas = Math.ceil(rounded(damped * counted.length));
  return damped > 1 ? Math.max(replicas, currentReplicas) : Math.min(replicas, currentReplicas);
}

function isTolerable(ratio: number, { up, down }: MetricView['tolerance']): boolean {
  return ratio >= 1 - down - 1e-9 && ratio <= 1 + up + 1e-9;
}

/** 3.0000000000000004 pods are three. */
const rounded = (count: number): number => Math.round(count * 1e9) / 1e9;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const amountOf = (name: ResourceName, text: string): number =>
  name === 'cpu' ? quantityToMilli(text) : quantityToNumber(text);

function quantityOf(name: ResourceName, amount: number): string {
  if (name === 'cpu') return formatQuantity({ nano: BigInt(Math.floor(amount)) * 1_000_000n, format: 'DecimalSI' });
  return formatQuantity({ nano: BigInt(Math.floor(amount)) * 1_000_000_000n, format: 'BinarySI' });
}

function describe(
  name: ResourceName,
  { container, isUtilization }: { container: string | undefined; isUtilization: boolean },
): string {
  const what = `${name} ${container === undefined ? '' : 'container '}resource`;
  return isUtilization ? `${what} utilization (percentage of request)` : what;
}
