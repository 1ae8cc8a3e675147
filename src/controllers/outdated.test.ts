import { expect, it } from 'vitest';
import { ApiError } from '../api/status.ts';
import { Outdated } from './outdated.ts';

const set = { kind: 'ReplicaSet', metadata: { name: 'web' } };

it.each(['NotFound', 'Conflict'] as const)('knows of an object whose write was answered with %s', async (reason) => {
  const outdated = new Outdated();
  const refused = Promise.reject(ApiError.of(reason, 'replicasets.apps "web" has gone or changed'));
  await expect(outdated.unless(set, refused)).rejects.toThrow('has gone or changed');
  expect(outdated.has(set)).toBe(true);
  // What the watch brings in its place is another object.
  expect(outdated.has({ ...set })).toBe(false);
});

it('does not take other failures, or success, for it', async () => {
  const outdated = new Outdated();
  await expect(outdated.unless(set, Promise.resolve('written'))).resolves.toBe('written');
  await expect(outdated.unless(set, Promise.reject(ApiError.of('Timeout', 'slow')))).rejects.toThrow('slow');
  expect(outdated.has(set)).toBe(false);
});
