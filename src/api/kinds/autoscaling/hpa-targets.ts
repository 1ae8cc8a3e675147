import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '../../types/autoscaling-v2.ts';

const shown = 2;

/** The TARGETS column: `cpu: 12%/80%`, current over wanted, two of them and how many more. */
export function formatMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const cells = specs.map((spec, index) => formatMetric(spec, statuses[index]));
  if (cells.length <= shown) return cells.join(', ');
  return `${cells.slice(0, shown).join(', ')} + ${cells.length - shown} more...`;
}

function formatMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'Resource':
      return spec.resource
        ? `${spec.resource.name}: ${ratio(spec.resource.target, status?.resource?.current)}`
        : '<unset>';
    case 'ContainerResource':
      return spec.containerResource
        ? `${spec.containerResource.name}: ${ratio(spec.containerResource.target, status?.containerResource?.current)}`
        : '<unset>';
    case 'Pods':
      return averageRatio(spec.pods?.target, status?.pods?.current);
    case 'Object':
      return spec.object?.target.averageValue !== undefined
        ? averageRatio(spec.object.target, status?.object?.current)
        : `${known(status?.object?.current.value)}/${spec.object?.target.value ?? '<auto>'}`;
    case 'External':
      return spec.external?.target.averageValue !== undefined
        ? averageRatio(spec.external.target, status?.external?.current)
        : `${known(status?.external?.current.value)}/${spec.external?.target.value ?? '<auto>'}`;
    default:
      return '<unknown type>';
  }
}

function ratio(target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${known(current?.averageValue)}/${target.averageValue}`;
  const wanted = target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  return `${now}/${wanted}`;
}

function averageRatio(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  return `${known(current?.averageValue)}/${target?.averageValue ?? '<auto>'} (avg)`;
}

function known(value: string | undefined): string {
  return value ?? '<unknown>';
}
