import { expect, it } from 'vitest';
import { pod } from '../../../test/support/objects.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { podsToDelete } from './pod-order.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const on = (nodeName: string) => ({ spec: { nodeName }, ready: true });

function order(pods: Pod[], related = pods): (string | undefined)[] {
  // One survivor too many to ask for would keep the sort from running.
  const extra = pod('zz-last', { ...on('far'), metadata: { annotations: cost('2147483647') } });
  return podsToDelete({ pods: [...pods, extra], related, count: pods.length, now }).map((p) => p.metadata.name);
}

function cost(value: string): Record<string, string> {
  return { 'controller.kubernetes.io/pod-deletion-cost': value };
}

it('deletes unassigned before assigned, pending before running, not ready before ready', () => {
  const ready = pod('ready', on('n'));
  const notReady = pod('not-ready', { spec: { nodeName: 'n' }, ready: false, status: { phase: 'Running' } });
  const pending = pod('pending', { spec: { nodeName: 'n' }, status: { phase: 'Pending' } });
  const unassigned = pod('unassigned');
  expect(order([ready, notReady, pending, unassigned], [])).toEqual(['unassigned', 'pending', 'not-ready', 'ready']);
});

it('honours the deletion cost before anything about nodes', () => {
  const cheap = pod('cheap', { ...on('a'), metadata: { annotations: cost('-5') } });
  const dear = pod('dear', { ...on('b'), metadata: { annotations: cost('5') } });
  const plain = pod('plain', on('b'));
  expect(order([dear, plain, cheap])).toEqual(['cheap', 'plain', 'dear']);
});

it('thins out the node that has most pods, those of sibling sets included', () => {
  const a = pod('a', on('one'));
  const b = pod('b', on('two'));
  expect(order([a, b], [a, b, pod('sibling', on('two'))])).toEqual(['b', 'a']);
});

it('prefers those ready for the shorter time, then restarted often, then young', () => {
  const since = (lastTransitionTime: string) => ({
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }],
  });
  const old = pod('old', { spec: { nodeName: 'n' }, status: since('2025-01-01T00:00:00Z') });
  const fresh = pod('fresh', { spec: { nodeName: 'n' }, status: since('2026-01-01T23:59:59Z') });
  expect(order([old, fresh])).toEqual(['fresh', 'old']);
  const restarts = (name: string, restartCount: number) =>
    pod(name, {
      spec: { nodeName: 'n' },
      status: {
        phase: 'Running',
        containerStatuses: [{ name: 'main', image: '', imageID: '', ready: true, restartCount }],
      },
    });
  expect(order([restarts('calm', 0), restarts('restless', 4)])).toEqual(['restless', 'calm']);
  const born = (name: string, creationTimestamp: string) =>
    pod(name, { spec: { nodeName: 'n' }, metadata: { creationTimestamp } });
  expect(order([born('elder', '2025-06-01T00:00:00Z'), born('younger', '2026-01-01T23:00:00Z')])).toEqual([
    'younger',
    'elder',
  ]);
});
