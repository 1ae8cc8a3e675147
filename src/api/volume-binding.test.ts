import { expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from './types/core-v1.ts';
import { bestVolume, mismatch } from './volume-binding.ts';

const claim: PersistentVolumeClaim = {
  metadata: { name: 'data', namespace: 'shop', uid: 'u1' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

function volume(name: string, storage: string, spec: PersistentVolumeSpec = {}, phase = 'Available'): PersistentVolume {
  return {
    metadata: { name },
    spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], ...spec },
    status: { phase },
  };
}

const choose = (...volumes: PersistentVolume[]) => bestVolume(claim, volumes, { waits: false })?.metadata.name;

it('takes the fewest access modes, then the smallest that is large enough', () => {
  const shared = { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] };
  expect(choose(volume('a', '5Gi'), volume('b', '2Gi'), volume('c', '1Gi', shared), volume('d', '1Mi'))).toBe('b');
  expect(choose(volume('c', '1Gi', shared))).toBe('c');
});

it('passes over what is of another class or mode, not available, or kept for others', () => {
  expect(choose(volume('a', '1Gi', { storageClassName: 'fast' }))).toBeUndefined();
  expect(choose(volume('a', '1Gi', { volumeMode: 'Block' }))).toBeUndefined();
  expect(choose(volume('a', '1Gi', { accessModes: ['ReadOnlyMany'] }))).toBeUndefined();
  expect(choose(volume('a', '1Gi', {}, 'Released'))).toBeUndefined();
  expect(choose(volume('a', '1Gi', { claimRef: { name: 'data', namespace: 'other' } }))).toBeUndefined();
  expect(choose(volume('a', '1Gi', { claimRef: { name: 'data', namespace: 'shop', uid: 'u0' } }))).toBeUndefined();
});

it('prefers what is kept for the claim, also while the claim waits for a pod', () => {
  const kept = volume('kept', '9Gi', { claimRef: { name: 'data', namespace: 'shop' } }, 'Pending');
  expect(choose(volume('a', '1Gi'), kept)).toBe('kept');
  expect(bestVolume(claim, [volume('a', '1Gi'), kept], { waits: true })?.metadata.name).toBe('kept');
  expect(bestVolume(claim, [volume('a', '1Gi')], { waits: true })).toBeUndefined();
});

it('looks for volumes within reach of a node, and not for those on their way to another claim', () => {
  const there = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['b'] }] };
  const far = volume('far', '1Gi', { nodeAffinity: { required: { nodeSelectorTerms: [there] } } });
  const node = { metadata: { name: 'n1', labels: { zone: 'a' } } };
  const taken = new Set(['near']);
  expect(bestVolume(claim, [far, volume('near', '1Gi')], { waits: true, node })?.metadata.name).toBe('near');
  expect(bestVolume(claim, [far, volume('near', '1Gi')], { waits: true, node, taken })).toBeUndefined();
});

it('says why a volume cannot serve the claim that names it', () => {
  expect(mismatch(volume('a', '1Mi'), claim)).toBe('requested PV is too small');
  expect(mismatch(volume('a', '1Gi', { storageClassName: 'x' }), claim)).toBe('storageClassName does not match');
  expect(mismatch(volume('a', '1Gi', { volumeMode: 'Block' }), claim)).toBe('incompatible volumeMode');
  expect(mismatch(volume('a', '1Gi', { accessModes: ['ReadOnlyMany'] }), claim)).toBe('incompatible accessMode');
  expect(mismatch(volume('a', '1Gi'), claim)).toBeUndefined();
});
