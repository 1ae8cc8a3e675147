import type { ClusterRole } from '../../types/rbac-v1.ts';
import { required } from '../../field-errors.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { plainColumns } from '../columns.ts';
import { deprecated } from '../deprecation.ts';
import { defineKind, schemaType } from '../define-kind.ts';
import { rbacName, validateRules } from './rule-validation.ts';

export const clusterRole = defineKind<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  scope: 'Cluster',
  allowCreateOnUpdate: true,
  otherVersions: [
    {
      group: 'rbac.authorization.k8s.io',
      version: 'v1beta1',
      type: schemaType('rbac.authorization.k8s.io', 'v1beta1', 'ClusterRole'),
      deprecation: deprecated('rbac.authorization.k8s.io/v1beta1', 'ClusterRole', {
        since: 17,
        removed: 22,
        use: 'rbac.authorization.k8s.io/v1 ClusterRole',
      }),
    },
  ],
  validateName: rbacName,
  validate,
  columns: plainColumns,
});

function validate({ rules, aggregationRule }: ClusterRole): StatusCause[] {
  const causes = validateRules(rules, false);
  if (aggregationRule && !aggregationRule.clusterRoleSelectors?.length) {
    const reason = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    causes.push(required('aggregationRule.clusterRoleSelectors', reason));
  }
  return causes;
}
