import { describe, expect, it } from 'vitest';
import { readiness } from './readiness.ts';

const metadata = { name: 'x', generation: 2 };
function say(kind: string, fields: Record<string, unknown>): string {
  const found = readiness({ kind, metadata, ...fields });
  return found.state === 'ready' ? 'ready' : `${found.state}: ${found.reason}`;
}
const condition = (type: string, status: string, more: object = {}): object => ({
  conditions: [{ type, status, ...more }],
});
const seen = { observedGeneration: 2 };

describe('readiness', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['Deployment', { spec: { replicas: 2 } }, 'progressing: its rollout has not begun yet'],
    [
      'Deployment',
      { status: { observedGeneration: 1 } },
      'progressing: its controller has not seen the newest spec yet',
    ],
    [
      'Deployment',
      { spec: { replicas: 2 }, status: { ...seen, updatedReplicas: 1 } },
      'progressing: 1 of 2 replicas are of the newest version',
    ],
    [
      'Deployment',
      { spec: { replicas: 1 }, status: { ...seen, replicas: 2, updatedReplicas: 1 } },
      'progressing: 1 old replicas are still there',
    ],
    [
      'Deployment',
      { spec: { replicas: 1 }, status: { ...seen, replicas: 1, updatedReplicas: 1 } },
      'progressing: 0 of 1 replicas are available',
    ],
    [
      'Deployment',
      { spec: { replicas: 1 }, status: { ...seen, replicas: 1, updatedReplicas: 1, availableReplicas: 1 } },
      'ready',
    ],
    ['Deployment', { spec: { replicas: 0 }, status: seen }, 'ready'],
    [
      'Deployment',
      {
        status: {
          ...seen,
          ...condition('Progressing', 'False', { reason: 'ProgressDeadlineExceeded', message: 'too late' }),
        },
      },
      'failed: too late',
    ],
    [
      'StatefulSet',
      { spec: { replicas: 2 }, status: { ...seen, readyReplicas: 1 } },
      'progressing: 1 of 2 replicas are ready',
    ],
    [
      'StatefulSet',
      { spec: { replicas: 1 }, status: { ...seen, readyReplicas: 1, currentRevision: 'a', updateRevision: 'b' } },
      'progressing: 0 of 1 replicas are of the newest version',
    ],
    [
      'StatefulSet',
      {
        spec: { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
        status: { ...seen, readyReplicas: 3, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      },
      'ready',
    ],
    [
      'DaemonSet',
      { status: { ...seen, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 } },
      'progressing: 1 of 2 pods are available',
    ],
    ['DaemonSet', { status: { ...seen, desiredNumberScheduled: 0 } }, 'ready'],
    ['ReplicaSet', { spec: { replicas: 1 }, status: { ...seen, availableReplicas: 1 } }, 'ready'],
    [
      'ReplicaSet',
      { spec: {}, status: { ...seen, ...condition('ReplicaFailure', 'True', { message: 'quota' }) } },
      'progressing: 0 of 1 replicas are available: quota',
    ],
    ['Job', { spec: { completions: 3 }, status: { succeeded: 1 } }, 'progressing: 1 of 3 pods have completed'],
    ['Job', { status: condition('Complete', 'True') }, 'ready'],
    [
      'Job',
      { status: condition('Failed', 'True', { message: 'BackoffLimitExceeded' }) },
      'failed: the job failed: BackoffLimitExceeded',
    ],
    ['Pod', { status: { phase: 'Running', ...condition('Ready', 'True') } }, 'ready'],
    ['Pod', { status: { phase: 'Succeeded' } }, 'ready'],
    ['Pod', { status: { phase: 'Failed', reason: 'Evicted' } }, 'failed: Evicted'],
    [
      'Pod',
      { status: { phase: 'Pending', ...condition('PodScheduled', 'False', { message: 'no nodes' }) } },
      'progressing: it has no node yet: no nodes',
    ],
    [
      'Pod',
      { status: { containerStatuses: [{ name: 'c', state: { waiting: { reason: 'CrashLoopBackOff' } } }] } },
      'progressing: c: CrashLoopBackOff',
    ],
    ['PersistentVolumeClaim', { status: { phase: 'Pending' } }, 'progressing: it has no volume yet'],
    ['PersistentVolumeClaim', { status: { phase: 'Bound' } }, 'ready'],
    [
      'Service',
      { spec: { clusterIP: '10.0.0.1', type: 'LoadBalancer' } },
      'progressing: it has no load balancer address yet',
    ],
    [
      'Service',
      {
        spec: { clusterIP: '10.0.0.1', type: 'LoadBalancer' },
        status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
      },
      'ready',
    ],
    ['Service', { spec: { clusterIP: 'None' } }, 'ready'],
    ['CustomResourceDefinition', { status: {} }, 'progressing: it is not established yet'],
    ['CustomResourceDefinition', { status: condition('Established', 'True') }, 'ready'],
    [
      'CustomResourceDefinition',
      { status: condition('NamesAccepted', 'False', { reason: 'ListKindConflict' }) },
      'failed: its names are taken: ListKindConflict',
    ],
    ['Ingress', {}, 'ready'],
    ['ConfigMap', {}, 'ready'],
    [
      'Certificate',
      { status: condition('Ready', 'False', { message: 'issuing' }) },
      'progressing: it is not ready: issuing',
    ],
    [
      'Certificate',
      { status: condition('Stalled', 'True', { reason: 'NoIssuer' }) },
      'failed: it is stalled: NoIssuer',
    ],
    ['Certificate', { status: condition('Reconciling', 'True') }, 'progressing: it is being reconciled'],
    ['Pod', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'progressing: it is being deleted'],
  ])('of a %s %j is %s', (kind, fields, expected) => {
    expect(say(kind, fields)).toBe(expected);
  });
});
