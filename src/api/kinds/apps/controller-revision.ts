import type { ControllerRevision } from '../../types/apps-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { invalidValue } from '../../field-errors.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { immutable } from '../immutable.ts';
import { oldVersion } from './old-versions.ts';

export const controllerRevision = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  scope: 'Namespaced',
  otherVersions: [oldVersion('ControllerRevision', 'apps/v1beta2'), oldVersion('ControllerRevision', 'apps/v1beta1')],
  validate: ({ revision }): StatusCause[] =>
    revision < 0 ? [invalidValue('revision', revision, 'must be greater than or equal to 0')] : [],
  validateUpdate: (object, old) => immutable('data', object.data, old.data),
  columns: [
    nameColumn,
    column('Controller', ({ metadata }) => {
      const owner = metadata.ownerReferences?.find(({ controller }) => controller);
      if (!owner) return '<none>';
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
    }),
    column('Revision', ({ revision }) => revision, 'integer'),
    ageColumn,
  ],
});
