import { describe, expect, it } from 'vitest';
import type { ReleaseStatus } from './release.ts';
import { type ReleaseSelection, selectReleases } from './select-releases.ts';

/** Oldest first, as the storage gives them. */
const revisions = (
  [
    ['web', 1, 'superseded', 'default'],
    ['web', 2, 'superseded', 'default'],
    ['web', 3, 'deployed', 'default'],
    ['web', 1, 'failed', 'other'],
    ['db', 1, 'uninstalled', 'default'],
    ['cart', 1, 'pending-install', 'default'],
    ['old', 1, 'superseded', 'default'],
    ['gone', 1, 'uninstalling', 'default'],
  ] as const
).map(([name, version, status, namespace]) => ({ name, version, status, namespace, labels: { of: namespace } }));

function selected(selection: Partial<ReleaseSelection>): string[] {
  return selectReleases(revisions, { states: [], ...selection }).map(({ name, version }) => `${name} ${version}`);
}

describe('the releases that are listed', () => {
  it.each<[string, Partial<ReleaseSelection>, string[]]>([
    ['usually', {}, ['web 3', 'web 1', 'cart 1']],
    ['all', { all: true }, ['web 3', 'web 1', 'db 1', 'cart 1', 'old 1', 'gone 1']],
    [
      'all, though a state is named',
      { all: true, states: ['superseded'] },
      ['web 3', 'web 1', 'db 1', 'cart 1', 'old 1', 'gone 1'],
    ],
    ['superseded ones alone: every revision', { states: ['superseded'] }, ['web 1', 'web 2', 'old 1']],
    [
      'superseded ones among others: only where they are the newest',
      { states: ['superseded', 'deployed'] },
      ['web 3', 'old 1'],
    ],
    ['uninstalled ones', { states: ['uninstalled'] }, ['db 1']],
    ['by name', { matchesName: (name) => name.startsWith('c') }, ['cart 1']],
    ['by labels', { matchesLabels: ({ of }) => of === 'other' }, ['web 1']],
    [
      'by those of the storage',
      { matchesLabels: (all) => all['owner'] === 'helm' && all['version'] === '3' },
      ['web 3'],
    ],
  ])('are %s', (_, selection, expected) => {
    expect(selected(selection)).toEqual(expected);
  });

  it('are known by each state', () => {
    const states: ReleaseStatus[] = ['deployed', 'failed', 'uninstalled', 'uninstalling', 'pending-install'];
    expect(states.map((state) => selected({ states: [state] }).length)).toEqual([1, 1, 1, 1, 1]);
  });
});
