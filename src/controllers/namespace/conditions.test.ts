import { expect, it } from 'vitest';
import { deletionConditions } from './conditions.ts';

const nothing = { discoveryFailures: [], contentFailures: [], remaining: new Map(), finalizers: new Map() };
const now = Date.parse('2026-01-01T00:00:00Z');

it('says what is left in a namespace and why', () => {
  const remaining = new Map([
    ['pods.', 2],
    ['deployments.apps', 1],
  ]);
  const leftover = { ...nothing, remaining, finalizers: new Map([['example.com/hold', 1]]) };
  const conditions = deletionConditions([], leftover, now);
  expect(conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
    ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions'],
    ['NamespaceDeletionContentFailure', 'False', 'ContentDeleted'],
    ['NamespaceContentRemaining', 'True', 'SomeResourcesRemain'],
    ['NamespaceFinalizersRemaining', 'True', 'SomeFinalizersRemain'],
  ]);
  expect(conditions?.[3]?.message).toBe(
    'Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
  );
  expect(conditions?.[4]?.message).toBe(
    'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  );
  expect(deletionConditions(conditions ?? [], leftover, now + 1000)).toBeUndefined();
});
