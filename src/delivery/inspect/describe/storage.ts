import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../../api/types/core-v1.ts';
import type { StorageClass } from '../../../api/types/storage-v1.ts';
import { annotationLines, indent, labelLines, type Lines, pairs } from './fields.ts';
import { sourceLines } from './volumes.ts';
import { defaultStorageClassAnnotation } from '../../../api/well-known.ts';

export function claimLines({ metadata, spec, status }: PersistentVolumeClaim, usedBy: readonly string[]): Lines {
  const source = spec?.dataSource;
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    `StorageClass:\t${spec?.storageClassName ?? ''}`,
    `Status:\t${metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')}`,
    `Volume:\t${spec?.volumeName ?? ''}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Finalizers:\t[${(metadata.finalizers ?? []).join(' ')}]`,
    `Capacity:\t${status?.capacity?.['storage'] ?? ''}`,
    `Access Modes:\t${modes(status?.accessModes)}`,
    `VolumeMode:\t${spec?.volumeMode ?? 'Filesystem'}`,
    ...(source
      ? [
          'DataSource:',
          ...(source.apiGroup ? [`  APIGroup:\t${source.apiGroup}`] : []),
          `  Kind:\t${source.kind}`,
          `  Name:\t${source.name}`,
        ]
      : []),
    `Used By:\t${usedBy.join('\n\t') || '<none>'}`,
  ];
}

export function volumeLines({ metadata, spec, status }: PersistentVolume): Lines {
  const claim = spec?.claimRef;
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Finalizers:\t[${(metadata.finalizers ?? []).join(' ')}]`,
    `StorageClass:\t${spec?.storageClassName ?? ''}`,
    `Status:\t${metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')}`,
    `Claim:\t${claim ? `${claim.namespace}/${claim.name}` : ''}`,
    `Reclaim Policy:\t${spec?.persistentVolumeReclaimPolicy ?? ''}`,
    `Access Modes:\t${modes(spec?.accessModes)}`,
    `VolumeMode:\t${spec?.volumeMode ?? 'Filesystem'}`,
    `Capacity:\t${spec?.capacity?.['storage'] ?? ''}`,
    ...affinityLines(spec?.nodeAffinity),
    `Message:\t${status?.message ?? ''}`,
    'Source:',
    ...indent(sourceLines(spec ?? {}), 4),
  ];
}

function affinityLines(affinity: PersistentVolumeSpec['nodeAffinity']): Lines {
  const terms = affinity?.required?.nodeSelectorTerms;
  if (!affinity) return ['Node Affinity:\t<none>'];
  if (!terms?.length) return ['Node Affinity:\t', '  Required Terms:\t<none>'];
  const lines = terms.flatMap(({ matchExpressions = [] }, i) => {
    const texts = matchExpressions.map(({ key, operator, values = [] }) => {
      const word = operator === 'NotIn' ? 'not in' : operator.toLowerCase();
      return values.length > 0 ? `${key} ${word} [${values.join(', ')}]` : `${key} ${word}`;
    });
    return texts.length === 0 ? [`    Term ${i}:\t<none>`] : numbered(`    Term ${i}:`, texts);
  });
  return ['Node Affinity:\t', '  Required Terms:\t', ...lines];
}

function numbered(title: string, texts: readonly string[]): Lines {
  return texts.map((text, i) => `${i === 0 ? title : ''}\t${text}`);
}

const shortModes: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function modes(list: readonly string[] = []): string {
  return list.map((mode) => shortModes[mode] ?? mode).join(',');
}

export function storageClassLines({ metadata, ...storage }: StorageClass): Lines {
  const { mountOptions = [], allowedTopologies } = storage;
  const byDefault = metadata.annotations?.[defaultStorageClassAnnotation] === 'true';
  const terms = (allowedTopologies ?? []).flatMap(({ matchLabelExpressions = [] }, i) =>
    numbered(
      `  Term ${i}:`,
      matchLabelExpressions.map(({ key, values }) => `${key} in [${values.join(', ')}]`),
    ),
  );
  return [
    `Name:\t${metadata.name}`,
    `IsDefaultClass:\t${byDefault ? 'Yes' : 'No'}`,
    ...`Annotations:\t${pairs(metadata.annotations)}`.split('\n'),
    `Provisioner:\t${storage.provisioner}`,
    `Parameters:\t${pairs(storage.parameters)}`,
    `AllowVolumeExpansion:\t${storage.allowVolumeExpansion === undefined ? '<unset>' : storage.allowVolumeExpansion ? 'True' : 'False'}`,
    ...(mountOptions.length === 0 ? ['MountOptions:\t<none>'] : ['MountOptions:', ...indent(mountOptions, 2)]),
    ...(storage.reclaimPolicy ? [`ReclaimPolicy:\t${storage.reclaimPolicy}`] : []),
    ...(storage.volumeBindingMode ? [`VolumeBindingMode:\t${storage.volumeBindingMode}`] : []),
    ...(allowedTopologies ? ['AllowedTopologies:\t', ...terms] : []),
  ];
}
