import type { AnyObject } from '../../object.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../types/autoscaling-v2.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue, required } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { fromV1, toV1 } from './hpa-conversion.ts';
import { formatMetrics } from './hpa-targets.ts';

export const horizontalPodAutoscaler = defineKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  scope: 'Namespaced',
  status: true,
  hasGeneration: false,
  otherVersions: [
    {
      group: 'autoscaling',
      version: 'v1',
      type: schemaType('autoscaling', 'v1', 'HorizontalPodAutoscaler'),
      toStorage: (object: AnyObject) => fromV1(object),
      fromStorage: (object: AnyObject) => toV1(object),
    },
  ],
  defaults,
  prepareForCreate: (object) => {
    object.status = { desiredReplicas: 0 };
  },
  validate,
  columns: [
    nameColumn,
    column('Reference', ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`),
    column('Targets', ({ spec, status }) => formatMetrics(spec.metrics ?? [], status?.currentMetrics ?? [])),
    column('MinPods', ({ spec }) => String(spec.minReplicas ?? '<unset>')),
    column('MaxPods', ({ spec }) => spec.maxReplicas, 'integer'),
    column('Replicas', ({ status }) => status?.currentReplicas ?? 0, 'integer'),
    ageColumn,
  ],
});

function defaults({ spec }: HorizontalPodAutoscaler): void {
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) {
    const target = { type: 'Utilization', averageUtilization: 80 };
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  }
  const { behavior } = spec;
  if (!behavior) return;
  behavior.scaleUp = withDefaults(behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  });
  behavior.scaleDown = withDefaults(behavior.scaleDown, {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  });
}

function withDefaults(rules: HPAScalingRules | undefined, defaultRules: HPAScalingRules): HPAScalingRules {
  const given = Object.entries(rules ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaultRules, ...Object.fromEntries(given) };
}

function validate({ spec }: HorizontalPodAutoscaler): StatusCause[] {
  const causes: StatusCause[] = [];
  const { minReplicas, maxReplicas, scaleTargetRef } = spec;
  if (minReplicas !== undefined && minReplicas < 1) {
    causes.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  }
  if (maxReplicas < 1) causes.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    causes.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  if (!scaleTargetRef?.kind) causes.push(required('spec.scaleTargetRef.kind', ''));
  if (!scaleTargetRef?.name) causes.push(required('spec.scaleTargetRef.name', ''));
  return causes;
}
