import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../../api/types/autoscaling-v2.ts';
import { annotationLines, labelLines, type Lines, longTime } from './fields.ts';

export function autoscalerLines({ metadata, spec, status }: HorizontalPodAutoscaler): Lines {
  const { scaleTargetRef: target, minReplicas, maxReplicas, metrics = [], behavior } = spec ?? {};
  const current = status?.currentMetrics ?? [];
  const conditions = status?.conditions ?? [];
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `CreationTimestamp:\t${longTime(metadata.creationTimestamp)}`,
    `Reference:\t${target?.kind}/${target?.name}`,
    'Metrics:\t( current / target )',
    ...metrics.map((metric, i) => `  ${metricText(metric, current[i])}`),
    `Min replicas:\t${minReplicas ?? '<unset>'}`,
    `Max replicas:\t${maxReplicas ?? 0}`,
    ...(behavior
      ? [
          'Behavior:',
          ...directionLines('Scale Up', behavior.scaleUp),
          ...directionLines('Scale Down', behavior.scaleDown),
        ]
      : []),
    `${target?.kind} pods:\t${status?.currentReplicas ?? 0} current / ${status?.desiredReplicas ?? 0} desired`,
    ...(conditions.length > 0
      ? ['Conditions:', '  Type\tStatus\tReason\tMessage', '  ----\t------\t------\t-------']
      : []),
    ...conditions.map(
      ({ type, status: state, reason = '', message = '' }) => `  ${type}\t${state}\t${reason}\t${message}`,
    ),
  ];
}

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  const { resource, containerResource, pods, object, external } = metric;
  if (external) {
    return `"${external.metric.name}" ${byTarget(external.target)}\t${values(external.target, status?.external?.current)}`;
  }
  if (object) {
    const { kind, name } = object.describedObject;
    return `"${object.metric.name}" on ${kind}/${name} ${byTarget(object.target)}\t${values(object.target, status?.object?.current)}`;
  }
  if (pods) return `"${pods.metric.name}" on pods:\t${values(pods.target, status?.pods?.current)}`;
  if (containerResource) {
    const { name, container, target } = containerResource;
    return ofResource(
      `resource ${name} of container "${container}" on pods`,
      target,
      status?.containerResource?.current,
    );
  }
  if (resource) return ofResource(`resource ${resource.name} on pods`, resource.target, status?.resource?.current);
  return `<unknown metric type "${metric.type}">\t`;
}

function byTarget({ averageValue }: MetricTarget): string {
  return averageValue === undefined ? '(target value):' : '(target average value):';
}

function values({ averageValue, value }: MetricTarget, current: MetricValueStatus | undefined): string {
  return averageValue === undefined
    ? `${current?.value ?? '<unknown>'} / ${value ?? ''}`
    : `${current?.averageValue ?? '<unknown>'} / ${averageValue}`;
}

function ofResource(what: string, target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${what}:\t${values(target, current)}`;
  const used = current?.averageUtilization;
  const now = used === undefined ? '<unknown>' : `${used}% (${current?.averageValue ?? ''})`;
  const wanted = target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  return `${what}  (as a percentage of request):\t${now} / ${wanted}`;
}

function directionLines(title: string, rules: HPAScalingRules | undefined): Lines {
  if (!rules) return [];
  const { stabilizationWindowSeconds: window, selectPolicy = 'Max', policies = [] } = rules;
  const rows = policies.map(
    ({ type, value, periodSeconds }) => `      - Type: ${type}\tValue: ${value}\tPeriod: ${periodSeconds} seconds`,
  );
  return [
    `  ${title}:`,
    ...(window === undefined ? [] : [`    Stabilization Window: ${window} seconds`]),
    `    Select Policy: ${selectPolicy}`,
    ...(rows.length > 0 ? ['    Policies:', ...rows] : []),
  ];
}
