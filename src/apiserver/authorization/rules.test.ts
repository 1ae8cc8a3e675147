import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { compact, describeRule, uncovered } from './rules.ts';

const pods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };

describe('uncovered', () => {
  it('finds exactly what would be gained', () => {
    expect(uncovered([pods], [pods])).toEqual([]);
    expect(uncovered([pods], [{ ...pods, verbs: ['get', 'delete'] }])).toEqual([{ ...pods, verbs: ['delete'] }]);
    expect(uncovered([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], [pods])).toEqual([]);
    expect(uncovered([], [])).toEqual([]);
  });

  it('takes a permission for some names as less than one for all', () => {
    const one = { ...pods, resourceNames: ['web'] };
    expect(uncovered([one], [pods])).toHaveLength(2);
    expect(uncovered([pods], [one])).toEqual([]);
    expect(uncovered([one], [{ ...one, resourceNames: ['web', 'db'] }])).toHaveLength(2);
  });

  it('covers subresources by name and by star', () => {
    const logs: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] };
    expect(uncovered([pods], [logs])).toEqual([logs]);
    expect(uncovered([{ ...logs, resources: ['*/log'] }], [logs])).toEqual([]);
  });

  it('covers paths by prefix', () => {
    const all: PolicyRule = { verbs: ['get'], nonResourceURLs: ['/healthz/*'] };
    expect(uncovered([all], [{ verbs: ['get'], nonResourceURLs: ['/healthz/etcd'] }])).toEqual([]);
    expect(uncovered([all], [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }])).toHaveLength(1);
  });
});

describe('describeRule', () => {
  it('prints as upstream does, verbs joined', () => {
    const parts = uncovered([], [pods]);
    expect(compact(parts).map(describeRule)).toEqual(['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']);
  });
});
