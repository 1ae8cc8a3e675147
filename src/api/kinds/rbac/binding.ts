import type { KubeObject } from '../../object.ts';
import type { PrinterColumn } from '../../kind.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import type { RoleRef, Subject } from '../../types/rbac-v1.ts';
import { invalidValue } from '../../field-errors.ts';
import { ageColumn, column, nameColumn, wideColumn } from '../columns.ts';
import { deepEqual } from '../immutable.ts';

/** What role bindings and cluster role bindings have in common. */
export interface Binding extends KubeObject {
  subjects?: Subject[];
  roleRef: RoleRef;
}

const group = 'rbac.authorization.k8s.io';

export function defaultBinding({ subjects, roleRef }: Binding): void {
  if (roleRef) roleRef.apiGroup ||= group;
  for (const subject of subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group;
  }
}

export function validateRoleRefUpdate(object: Binding, old: Binding): StatusCause[] {
  return deepEqual(object.roleRef, old.roleRef)
    ? []
    : [invalidValue('roleRef', object.roleRef, 'cannot change roleRef')];
}

export const bindingColumns: readonly PrinterColumn<Binding>[] = [
  nameColumn,
  column('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wideColumn('Users', (object) => names(object, 'User')),
  wideColumn('Groups', (object) => names(object, 'Group')),
  wideColumn('ServiceAccounts', (object) => names(object, 'ServiceAccount')),
];

function names({ subjects }: Binding, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}
