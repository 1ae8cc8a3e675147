import { expect, it } from 'vitest';
import { node, pod } from '../../test/support/objects.ts';
import { judgePod, surplusFinishedPods } from './pod-garbage.ts';

const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };

it('takes pods that nobody else will ever end', () => {
  const lost = node('n', {
    ready: 'Unknown',
    spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] },
  });
  const bound = { spec: { nodeName: 'n' } };
  expect(judgePod(pod('p'), undefined)).toBe('keep');
  expect(judgePod(pod('p', { metadata: deleted }), undefined)).toBe('unscheduled');
  expect(judgePod(pod('p', bound), undefined)).toBe('orphaned');
  expect(judgePod(pod('p', bound), node('n', { ready: 'Unknown' }))).toBe('keep');
  expect(judgePod(pod('p', bound), lost)).toBe('keep');
  expect(judgePod(pod('p', { ...bound, metadata: deleted }), lost)).toBe('out-of-service');
});

it('keeps the newest finished pods, and lets evicted ones go first', () => {
  const finished = (name: string, creationTimestamp: string, reason?: string) =>
    pod(name, { metadata: { name, creationTimestamp }, status: { phase: 'Failed', ...(reason && { reason }) } });
  const pods = [
    finished('new', '2026-01-03T00:00:00Z'),
    finished('old', '2026-01-01T00:00:00Z'),
    finished('evicted', '2026-01-02T00:00:00Z', 'Evicted'),
  ];
  const gone = (threshold: number) => surplusFinishedPods(pods, threshold).map((p) => p.metadata.name);
  expect([gone(3), gone(2), gone(1), gone(0)]).toEqual([[], ['evicted'], ['evicted', 'old'], []]);
});
