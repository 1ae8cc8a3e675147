import type { RoleBinding } from '../../types/rbac-v1.ts';
import { deprecated } from '../deprecation.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { bindingColumns, defaultBinding, validateRoleRefUpdate } from './binding.ts';
import { rbacName, validateRoleRef, validateSubject } from './rule-validation.ts';

export const roleBinding = defineKind<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  otherVersions: [
    {
      group: 'rbac.authorization.k8s.io',
      version: 'v1beta1',
      type: schemaType('rbac.authorization.k8s.io', 'v1beta1', 'RoleBinding'),
      deprecation: deprecated('rbac.authorization.k8s.io/v1beta1', 'RoleBinding', {
        since: 17,
        removed: 22,
        use: 'rbac.authorization.k8s.io/v1 RoleBinding',
      }),
    },
  ],
  defaults: defaultBinding,
  validateName: rbacName,
  validate: ({ subjects, roleRef }) => [
    ...validateRoleRef(roleRef, ['Role', 'ClusterRole']),
    ...(subjects ?? []).flatMap((subject, index) => validateSubject(subject, `subjects[${index}]`, true)),
  ],
  validateUpdate: validateRoleRefUpdate,
  columns: bindingColumns,
});
