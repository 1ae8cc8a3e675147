import type { AnyObject } from '../../object.ts';
import type { HorizontalPodAutoscalerSpec as OldSpec } from '../../types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler, MetricSpec } from '../../types/autoscaling-v2.ts';
import { metricFromV1, metricToV1, statusFromV1, statusToV1 } from './hpa-metrics.ts';

/** v1 knows one CPU target; what more v2 says is carried in these annotations, as JSON in v1's own shapes. */
const annotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

export function fromV1(object: AnyObject): void {
  const hpa = object as unknown as HorizontalPodAutoscaler;
  const spec = hpa.spec as HorizontalPodAutoscaler['spec'] & Partial<OldSpec>;
  const metrics = (takeAnnotation(hpa, annotations.metrics) ?? []).map(metricFromV1);
  if (spec.targetCPUUtilizationPercentage !== undefined) {
    metrics.unshift(cpuUtilization(spec.targetCPUUtilizationPercentage));
    delete spec.targetCPUUtilizationPercentage;
  }
  if (metrics.length > 0) spec.metrics = metrics;
  const behavior = takeAnnotation(hpa, annotations.behavior);
  if (behavior !== undefined) spec.behavior = behavior as unknown as NonNullable<typeof spec.behavior>;
  const conditions = takeAnnotation(hpa, annotations.conditions);
  const current = takeAnnotation(hpa, annotations.currentMetrics);
  if (!hpa.status) return;
  const status = hpa.status as typeof hpa.status & { currentCPUUtilizationPercentage?: number };
  const cpu = status.currentCPUUtilizationPercentage;
  delete status.currentCPUUtilizationPercentage;
  if (conditions) status.conditions = conditions as unknown as NonNullable<typeof status.conditions>;
  const currentMetrics = (current ?? []).map(statusFromV1);
  if (cpu !== undefined) {
    currentMetrics.unshift({ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpu } } });
  }
  if (currentMetrics.length > 0) status.currentMetrics = currentMetrics;
}

export function toV1(object: AnyObject): void {
  const hpa = object as unknown as HorizontalPodAutoscaler;
  const spec = hpa.spec as HorizontalPodAutoscaler['spec'] & Partial<OldSpec>;
  const { metrics = [], behavior } = spec;
  const cpu = metrics.findIndex(isCpuUtilization);
  if (cpu >= 0) spec.targetCPUUtilizationPercentage = metrics[cpu]!.resource!.target.averageUtilization!;
  const others = metrics.filter((_, index) => index !== cpu);
  if (others.length > 0) putAnnotation(hpa, annotations.metrics, others.map(metricToV1));
  if (behavior) putAnnotation(hpa, annotations.behavior, behavior);
  delete spec.metrics;
  delete spec.behavior;
  if (!hpa.status) return;
  const status = hpa.status as typeof hpa.status & { currentCPUUtilizationPercentage?: number };
  const { currentMetrics = [], conditions } = status;
  const now = currentMetrics.find(
    ({ resource }) => resource?.name === 'cpu' && resource.current.averageUtilization !== undefined,
  );
  if (now) status.currentCPUUtilizationPercentage = now.resource!.current.averageUtilization!;
  if (currentMetrics.length > 0) putAnnotation(hpa, annotations.currentMetrics, currentMetrics.map(statusToV1));
  if (conditions?.length) putAnnotation(hpa, annotations.conditions, conditions);
  delete status.currentMetrics;
  delete status.conditions;
}

function cpuUtilization(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;
}

function putAnnotation(hpa: HorizontalPodAutoscaler, key: string, value: unknown): void {
  (hpa.metadata.annotations ??= {})[key] = JSON.stringify(value);
}

/** Removes the annotation; its value, or undefined when it is missing or not JSON: v1 clients may write anything there. */
function takeAnnotation(hpa: HorizontalPodAutoscaler, key: string): Record<string, unknown>[] | undefined {
  const text = hpa.metadata.annotations?.[key];
  if (text === undefined) return undefined;
  delete hpa.metadata.annotations![key];
  if (Object.keys(hpa.metadata.annotations!).length === 0) delete hpa.metadata.annotations;
  try {
    return JSON.parse(text) as Record<string, unknown>[];
  } catch {
    return undefined;
  }
}
