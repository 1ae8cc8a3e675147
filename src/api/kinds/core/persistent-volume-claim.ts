import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../types/core-v1.ts';
import type { StatusCause } from '../../types/meta-v1.ts';
import { compareQuantities } from '../../quantity.ts';
import { forbidden, required } from '../../field-errors.ts';
import { ageColumn, column, nameColumn, wideColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';
import { deepEqual } from '../immutable.ts';
import { formatAccessModes } from './access-modes.ts';
import { validateAccessModes } from './persistent-volume-validation.ts';
import { defaultClaimSpec } from './volume-defaults.ts';
import { storageClassAnnotation } from '../../well-known.ts';

export const persistentVolumeClaim = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  scope: 'Namespaced',
  status: true,
  hasGeneration: false,
  defaults: ({ spec }) => {
    if (!spec) return;
    defaultClaimSpec(spec);
    mirrorDataSource(spec);
  },
  prepareForCreate: (object) => {
    object.status = { phase: 'Pending' };
  },
  validate,
  validateUpdate,
  columns: [
    nameColumn,
    column('Status', ({ metadata, status }) => {
      return metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating';
    }),
    column('Volume', ({ spec }) => spec?.volumeName ?? ''),
    column('Capacity', ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.storage ?? '') : '')),
    column('Access Modes', ({ spec, status }) => (spec?.volumeName ? formatAccessModes(status?.accessModes) : '')),
    column(
      'StorageClass',
      ({ metadata, spec }) => metadata.annotations?.[storageClassAnnotation] ?? spec?.storageClassName ?? '',
    ),
    column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName || '<unset>'),
    ageColumn,
    wideColumn('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
  selectableFields: { name: ({ metadata }) => metadata.name ?? '' },
});

/** `dataSource` and `dataSourceRef` tell the same thing unless the reference leaves the namespace. */
function mirrorDataSource(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && dataSourceRef.namespace === undefined)
    spec.dataSource = { ...dataSourceRef };
}

function validate({ spec }: PersistentVolumeClaim): StatusCause[] {
  const causes = validateAccessModes(spec?.accessModes, 'spec.accessModes');
  if (spec?.resources?.requests?.storage === undefined) causes.push(required('spec.resources[storage]', ''));
  return causes;
}

const updateRule =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

function validateUpdate(object: PersistentVolumeClaim, old: PersistentVolumeClaim, subresource: string): StatusCause[] {
  if (subresource !== '') return [];
  const isFixed = deepEqual(fixed(object.spec, old.spec), fixed(old.spec, old.spec));
  const [size, before] = [sizeOf(object), sizeOf(old)];
  const isResized = compareQuantities(size, before) !== 0;
  if (!isFixed || (isResized && old.status?.phase !== 'Bound')) return [forbidden('spec', updateRule)];
  if (compareQuantities(size, before) >= 0 || compareQuantities(size, old.status?.capacity?.storage ?? '0') >= 0)
    return [];
  return [forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity')];
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return spec?.resources?.requests?.storage ?? '0';
}

/** The part that may not change. A claim without a volume or a class may still be given one. */
function fixed(spec: PersistentVolumeClaimSpec = {}, old: PersistentVolumeClaimSpec = {}): PersistentVolumeClaimSpec {
  const { resources: _, volumeAttributesClassName: __, ...rest } = spec;
  if (!old.volumeName) delete rest.volumeName;
  if (old.storageClassName === undefined) delete rest.storageClassName;
  return rest;
}
