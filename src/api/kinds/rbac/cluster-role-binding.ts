import type { ClusterRoleBinding } from '../../types/rbac-v1.ts';
import { deprecated } from '../deprecation.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { bindingColumns, defaultBinding, validateRoleRefUpdate } from './binding.ts';
import { rbacName, validateRoleRef, validateSubject } from './rule-validation.ts';

export const clusterRoleBinding = defineKind<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
  allowCreateOnUpdate: true,
  otherVersions: [
    {
      group: 'rbac.authorization.k8s.io',
      version: 'v1beta1',
      type: schemaType('rbac.authorization.k8s.io', 'v1beta1', 'ClusterRoleBinding'),
      deprecation: deprecated('rbac.authorization.k8s.io/v1beta1', 'ClusterRoleBinding', {
        since: 17,
        removed: 22,
        use: 'rbac.authorization.k8s.io/v1 ClusterRoleBinding',
      }),
    },
  ],
  defaults: defaultBinding,
  validateName: rbacName,
  validate: ({ subjects, roleRef }) => [
    ...validateRoleRef(roleRef, ['ClusterRole']),
    ...(subjects ?? []).flatMap((subject, index) => validateSubject(subject, `subjects[${index}]`, false)),
  ],
  validateUpdate: validateRoleRefUpdate,
  columns: bindingColumns,
});
