import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const v1 = horizontalPodAutoscaler.versions.find(({ version }) => version === 'v1')!;

describe('horizontal pod autoscalers', () => {
  it('of v1 become a CPU target of v2, and back', () => {
    const object: AnyObject = {
      metadata: { name: 'web' },
      spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 60 },
      status: { currentReplicas: 1, desiredReplicas: 1, currentCPUUtilizationPercentage: 20 },
    };
    const before = structuredClone(object);
    v1.toStorage?.(object);
    expect(object.spec).toMatchObject({
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      ],
    });
    v1.fromStorage?.(object);
    expect(object).toMatchObject(before);
  });

  it('keep for v1 clients what v1 cannot say', () => {
    const object: AnyObject = {
      metadata: { name: 'web' },
      spec: {
        scaleTargetRef,
        maxReplicas: 5,
        metrics: [
          {
            type: 'Pods',
            pods: { metric: { name: 'requests' }, target: { type: 'AverageValue', averageValue: '10' } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
      },
    };
    const before = structuredClone(object);
    v1.fromStorage?.(object);
    expect(object.spec).toEqual({ scaleTargetRef, maxReplicas: 5 });
    v1.toStorage?.(object);
    expect(object).toEqual(before);
  });

  it('aim at 80 % CPU and at least one pod when they name nothing', () => {
    const object: AnyObject = { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 5 } };
    horizontalPodAutoscaler.defaults?.(object);
    expect(object.spec).toMatchObject({
      minReplicas: 1,
      metrics: [{ resource: { target: { averageUtilization: 80 } } }],
    });
    const row = horizontalPodAutoscaler.columns?.map(({ value }) => value(object, 0));
    expect(row?.slice(1, 6)).toEqual(['Deployment/web', 'cpu: <unknown>/80%', '1', 5, 0]);
  });
});
