import type { VolumeAttachment } from '../../types/storage-v1.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { defineKind } from '../define-kind.ts';

export const volumeAttachment = defineKind<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  status: true,
  hasGeneration: false,
  prepareForCreate: (object) => {
    object.status = { attached: false };
  },
  columns: [
    nameColumn,
    column('Attacher', ({ spec }) => spec.attacher),
    column('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''),
    column('Node', ({ spec }) => spec.nodeName),
    column('Attached', ({ status }) => status?.attached ?? false, 'boolean'),
    ageColumn,
  ],
});
