import type { AnyObject } from '../../object.ts';
import type { Namespace } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue } from '../../field-errors.ts';
import { dnsLabel } from '../../names.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind, keep } from '../define-kind.ts';

const nameLabel = 'kubernetes.io/metadata.name';

export const namespace = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  scope: 'Cluster',
  // Upstream has no deletecollection here: too much would go with one request.
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  status: true,
  hasGeneration: false,
  subresources: [{ name: 'finalize', verbs: ['update'] }],
  validateName: (name) => dnsLabel(name)[0],
  defaults: ({ metadata }) => {
    if (metadata.name) (metadata.labels ??= {})[nameLabel] = metadata.name;
  },
  prepareForCreate: (object) => {
    object.status = { phase: 'Active' };
    const finalizers = object.spec?.finalizers ?? [];
    object.spec = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
  },
  prepareForUpdate: (object, old, subresource) => {
    // The namespace's own finalizers are given back through `finalize` only.
    if (subresource === 'finalize') keep(object as AnyObject & Namespace, old as AnyObject & Namespace, 'status');
    else if (subresource === '') keep(object as AnyObject & Namespace, old as AnyObject & Namespace, 'spec');
  },
  validate: ({ spec }): StatusCause[] =>
    (spec?.finalizers ?? []).flatMap((name, index) => {
      if (name === 'kubernetes' || name.includes('/')) return [];
      const rule = 'name is neither a standard finalizer name nor is it fully qualified';
      return [invalidValue(`spec.finalizers[${index}]`, name, rule)];
    }),
  columns: [nameColumn, column('Status', ({ status }) => status?.phase ?? ''), ageColumn],
  selectableFields: {
    'status.phase': ({ status }) => status?.phase ?? '',
    name: ({ metadata }) => metadata.name ?? '',
  },
});
