import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/types/core-v1.ts';
import { isPodOf } from './wait-for-rollout.ts';

const owner = (kind: string, name: string) => ({ kind, name, namespace: 'shop' });
const pod = (kind: string, name: string, hash?: string): Pod => ({
  metadata: {
    ...{ name: 'p', namespace: 'shop', ...(hash !== undefined && { labels: { 'pod-template-hash': hash } }) },
    ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: 'u' }],
  },
});

describe('a pod of a workload that is gone', () => {
  it('is known by the name of its owner', () => {
    expect(isPodOf(pod('ReplicaSet', 'web-6c8f', '6c8f'), owner('Deployment', 'web'))).toBe(true);
    expect(isPodOf(pod('StatefulSet', 'db'), owner('StatefulSet', 'db'))).toBe(true);
  });

  it('is none of a workload whose name begins alike, nor of another kind or namespace', () => {
    expect(isPodOf(pod('ReplicaSet', 'web-1f2e-6c8f', '6c8f'), owner('Deployment', 'web'))).toBe(false);
    expect(isPodOf(pod('DaemonSet', 'db'), owner('StatefulSet', 'db'))).toBe(false);
    const elsewhere = { ...owner('StatefulSet', 'db'), namespace: 'other' };
    expect(isPodOf(pod('StatefulSet', 'db'), elsewhere)).toBe(false);
  });
});
