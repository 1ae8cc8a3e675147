import { expect, it } from 'vitest';
import { pod } from '../../test/support/objects.ts';
import { decideClaims } from './claims.ts';

const owner = { metadata: { name: 'web', uid: 'u1' } };
const ownedBy = (uid: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true }],
});
const web = (object: { metadata: { labels?: Record<string, string> } }) => object.metadata.labels?.app === 'web';
const mine = pod('mine', { metadata: ownedBy('u1') });
const strayed = pod('strayed', { metadata: { ...ownedBy('u1'), labels: { app: 'other' } } });
const foreign = pod('foreign', { metadata: ownedBy('u2') });
const orphan = pod('orphan');
const leaving = pod('leaving', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });

it('keeps its own, releases those that no longer match, adopts orphans that do', () => {
  const decision = decideClaims(owner, [mine, strayed, foreign, orphan, leaving], web);
  expect(decision).toEqual({ owned: [mine], adopt: [orphan], release: [strayed] });
});

it('neither adopts nor releases once it is being deleted', () => {
  const going = { metadata: { ...owner.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(decideClaims(going, [mine, strayed, orphan], web)).toEqual({ owned: [mine], adopt: [], release: [] });
});
