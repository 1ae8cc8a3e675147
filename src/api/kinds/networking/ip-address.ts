import type { IPAddress, ParentReference } from '../../types/networking-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { immutable } from '../immutable.ts';

export const ipAddress = defineKind<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  scope: 'Cluster',
  validateName: () => undefined,
  validateUpdate: (object, old) => immutable('spec.parentRef', object.spec.parentRef, old.spec.parentRef),
  columns: [nameColumn, column('ParentRef', ({ spec }) => formatParent(spec.parentRef)), ageColumn],
  selectableFields: { 'spec.parentRef.name': ({ spec }) => spec.parentRef.name },
});

function formatParent({ group, resource, namespace, name }: ParentReference): string {
  const kind = group ? `${resource}.${group}` : resource;
  return namespace ? `${kind}/${namespace}/${name}` : `${kind}/${name}`;
}
