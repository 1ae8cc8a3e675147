import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../object.ts';
import { clusterRoleBinding } from './cluster-role-binding.ts';
import { clusterRole } from './cluster-role.ts';
import { roleBinding } from './role-binding.ts';
import { role } from './role.ts';

function messages(found: { field?: string; message?: string }[] | undefined): string[] {
  return (found ?? []).map(({ field, message }) => `${field}: ${message}`);
}

const rbacGroup = 'rbac.authorization.k8s.io';

describe('roles', () => {
  it('name verbs, groups and resources', () => {
    expect(messages(role.validate?.({ metadata: {}, rules: [{}] }))).toEqual([
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ]);
  });

  it('grant URLs cluster-wide only', () => {
    const rules = [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }];
    expect(messages(clusterRole.validate?.({ metadata: {}, rules }))).toEqual([]);
    expect(messages(role.validate?.({ metadata: {}, rules }))).toEqual([
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs',
    ]);
  });

  it('may have names with colons but no slashes', () => {
    expect(clusterRole.validateName?.('system:node')).toBeUndefined();
    expect(clusterRole.validateName?.('a/b')).toBe("may not contain '/'");
  });
});

describe('role bindings', () => {
  const subjects = [
    { kind: 'User', name: 'jane' },
    { kind: 'ServiceAccount', name: 'robot', namespace: 'default' },
  ];

  function make(fields: object = {}): AnyObject {
    const object: AnyObject = { metadata: {}, subjects, roleRef: { kind: 'Role', name: 'reader' }, ...fields };
    roleBinding.defaults?.(object);
    return object;
  }

  it('complete the API groups', () => {
    expect(make()).toMatchObject({
      subjects: [{ kind: 'User', apiGroup: rbacGroup }, { kind: 'ServiceAccount' }],
      roleRef: { apiGroup: rbacGroup },
    });
    expect(messages(roleBinding.validate?.(make()))).toEqual([]);
  });

  it('never point to another role', () => {
    const changed = make({ roleRef: { kind: 'Role', name: 'writer' } });
    expect(messages(roleBinding.validateUpdate?.(changed, make(), ''))[0]).toMatch(
      /^roleRef: .*cannot change roleRef$/,
    );
  });

  it('of the cluster bind cluster roles, and accounts of a namespace', () => {
    const object = make({ subjects: [{ kind: 'ServiceAccount', name: 'robot' }] });
    expect(messages(clusterRoleBinding.validate?.(object))).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'subjects[0].namespace: Required value',
    ]);
  });

  it('print role and subjects', () => {
    const row = roleBinding.columns?.map(({ value }) => value(make(), 0));
    expect(row?.slice(1)).toEqual(['Role/reader', '<unknown>', 'jane', '', 'default/robot']);
  });
});
