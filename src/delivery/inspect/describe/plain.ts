import type { AnyObject } from '../../../api/object.ts';
import type {
  ConfigMap,
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
  ServiceAccount,
} from '../../../api/types/core-v1.ts';
import { isJsonObject } from '../../../api/plain-json.ts';
import { annotationLines, indent, labelLines, type Lines, sorted } from './fields.ts';

/** Kinds that are described by little more than their fields. */

export function configMapLines({ metadata, data = {}, binaryData = {} }: ConfigMap): Lines {
  return [
    ...headLines(metadata),
    '',
    'Data',
    '====',
    ...sorted(data).flatMap(([key, value]) => [`${key}:`, '----', ...value.split('\n'), '']),
    '',
    'BinaryData',
    '====',
    ...sorted(binaryData).flatMap(([key, value]) => [`${key}: ${Buffer.from(value, 'base64').length} bytes`, '']),
    '',
  ];
}

/** Values of secrets are never shown: only how long they are. */
export function secretLines({ metadata, type, data = {} }: Secret): Lines {
  return [
    ...headLines(metadata),
    '',
    `Type:\t${type ?? 'Opaque'}`,
    '',
    'Data',
    '====',
    ...sorted(data).map(([key, value]) => `${key}:\t${Buffer.from(value, 'base64').length} bytes`),
  ];
}

export function namespaceLines({ metadata, status }: Namespace): Lines {
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Status:\t${status?.phase ?? ''}`,
  ];
}

export function serviceAccountLines({ metadata, imagePullSecrets = [], secrets = [] }: ServiceAccount): Lines {
  const names = (list: readonly { name?: string }[]): string => list.map(({ name }) => name).join(', ') || '<none>';
  return [
    ...headLines(metadata),
    `Image pull secrets:\t${names(imagePullSecrets)}`,
    `Mountable secrets:\t${names(secrets)}`,
    'Tokens:\t<none>',
  ];
}

export function claimLines({ metadata, spec, status }: PersistentVolumeClaim, usedBy: readonly string[]): Lines {
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
    `Used By:\t${usedBy.join('\n\t') || '<none>'}`,
  ];
}

export function volumeLines({ metadata, spec, status }: PersistentVolume): Lines {
  const claim = spec?.claimRef;
  const source = Object.entries(spec ?? {}).find(([key]) =>
    ['hostPath', 'local', 'nfs', 'csi', 'iscsi', 'fc'].includes(key),
  );
  return [
    `Name:\t${metadata.name}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    `Finalizers:\t[${(metadata.finalizers ?? []).join(' ')}]`,
    `StorageClass:\t${spec?.storageClassName ?? ''}`,
    `Status:\t${status?.phase ?? ''}`,
    `Claim:\t${claim ? `${claim.namespace}/${claim.name}` : ''}`,
    `Reclaim Policy:\t${spec?.persistentVolumeReclaimPolicy ?? ''}`,
    `Access Modes:\t${modes(spec?.accessModes)}`,
    `VolumeMode:\t${spec?.volumeMode ?? 'Filesystem'}`,
    `Capacity:\t${spec?.capacity?.['storage'] ?? ''}`,
    'Source:',
    ...(source ? indent([`Type:\t${source[0]}`, ...valueLines(source[1])], 4) : []),
  ];
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

/** Any other kind: its fields, with titles made of their names. */
export function genericLines({ apiVersion, kind, metadata, ...rest }: AnyObject): Lines {
  const { name, namespace, labels, annotations, managedFields, ...more } = metadata;
  void managedFields;
  return [
    `Name:\t${name}`,
    `Namespace:\t${namespace ?? ''}`,
    ...labelLines('Labels', labels),
    ...annotationLines('Annotations', annotations),
    `API Version:\t${apiVersion}`,
    `Kind:\t${kind}`,
    'Metadata:',
    ...indent(valueLines(more), 2),
    ...valueLines(rest),
  ];
}

function valueLines(value: unknown): Lines {
  if (!isJsonObject(value)) return [];
  return sorted(value).flatMap(([key, inner]) => {
    const title = titleOf(key);
    if (isJsonObject(inner)) return [`${title}:`, ...indent(valueLines(inner), 2)];
    if (!Array.isArray(inner)) return [`${title}:\t${String(inner)}`];
    const items = inner.flatMap((item) => (isJsonObject(item) ? valueLines(item) : [String(item)]));
    return [`${title}:`, ...indent(items, 2)];
  });
}

/** `clusterIP` → `Cluster IP`. */
function titleOf(key: string): string {
  const spaced = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2');
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function headLines(metadata: AnyObject['metadata']): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
  ];
}
