import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/types/core-v1.ts';
import { splitChanges } from './change-objects.ts';
import { sortOut } from './drain-filters.ts';

describe('words of label, annotate and set', () => {
  it('are what is changed, then the changes', () => {
    expect(splitChanges(['pod', 'web', 'a=b=c', 'd='], 'label')).toEqual({
      rest: ['pod', 'web'],
      set: [
        ['a', 'b=c'],
        ['d', ''],
      ],
      removed: [],
    });
    expect(splitChanges(['pod/web', 'a-'], 'label')).toEqual({ rest: ['pod/web'], set: [], removed: ['a'] });
  });

  it('cannot set and remove the same, nor name objects after changes', () => {
    expect(() => splitChanges(['pod/web', 'a=b', 'a-'], 'label')).toThrow('can not both modify and remove a label');
    expect(() => splitChanges(['pod', 'a=b', 'web'], 'label')).toThrow(
      'all resources must be specified before label changes: web',
    );
  });
});

describe('pods of a node that is drained', () => {
  const pod = (
    name: string,
    changes: { owner?: string; emptyDir?: boolean; phase?: string; mirror?: boolean },
  ): Pod => ({
    metadata: {
      name,
      namespace: 'shop',
      ...(changes.owner && {
        ownerReferences: [{ apiVersion: 'v1', kind: changes.owner, name: 'o', uid: 'u', controller: true }],
      }),
      ...(changes.mirror && { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
    },
    spec: { containers: [], ...(changes.emptyDir && { volumes: [{ name: 'v', emptyDir: {} }] }) },
    status: { phase: changes.phase ?? 'Running' },
  });
  const all = [
    pod('plain', { owner: 'ReplicaSet' }),
    pod('daemon', { owner: 'DaemonSet' }),
    pod('data', { owner: 'ReplicaSet', emptyDir: true }),
    pod('alone', {}),
    pod('done', { phase: 'Succeeded' }),
    pod('static', { mirror: true }),
  ];
  const names = (pods: readonly Pod[]): (string | undefined)[] => pods.map(({ metadata }) => metadata.name);

  it('are refused where something would be lost that no flag gives up', () => {
    expect(sortOut(all, {}).refused).toEqual([
      'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): shop/daemon',
      'cannot delete Pods with local storage (use --delete-emptydir-data to override): shop/data',
      'cannot delete Pods that declare no controller (use --force to override): shop/alone',
    ]);
  });

  it('go with the flags, but for those of daemon sets and the node’s own', () => {
    const { leaving, refused } = sortOut(all, { force: true, ignoreDaemonsets: true, deleteEmptydirData: true });
    expect([names(leaving), refused]).toEqual([['plain', 'done', 'data', 'alone'], []]);
  });
});
