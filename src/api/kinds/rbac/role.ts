import type { Role } from '../../types/rbac-v1.ts';
import { plainColumns } from '../columns.ts';
import { deprecated } from '../deprecation.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { rbacName, validateRules } from './rule-validation.ts';

export const role = defineKind<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
  allowCreateOnUpdate: true,
  otherVersions: [
    {
      group: 'rbac.authorization.k8s.io',
      version: 'v1beta1',
      type: schemaType('rbac.authorization.k8s.io', 'v1beta1', 'Role'),
      deprecation: deprecated('rbac.authorization.k8s.io/v1beta1', 'Role', {
        since: 17,
        removed: 22,
        use: 'rbac.authorization.k8s.io/v1 Role',
      }),
    },
  ],
  validateName: rbacName,
  validate: ({ rules }) => validateRules(rules, true),
  columns: plainColumns,
});
