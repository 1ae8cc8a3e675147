import type { PodTemplateSpec, Toleration, Volume } from '../../../api/types/core-v1.ts';
import { containerLines } from './containers.ts';
import { annotationLines, indent, labelLines, type Lines, listed } from './fields.ts';

/** `Pod Template:` of a workload's description. */
export function templateLines({ metadata, spec }: PodTemplateSpec): Lines {
  const { serviceAccountName, initContainers = [], containers = [], volumes, nodeSelector, tolerations } = spec ?? {};
  return [
    'Pod Template:',
    ...labelLines('  Labels', metadata?.labels),
    ...(metadata?.annotations && Object.keys(metadata.annotations).length > 0
      ? annotationLines('  Annotations', metadata.annotations)
      : []),
    ...(serviceAccountName ? [`  Service Account:\t${serviceAccountName}`] : []),
    ...(initContainers.length > 0 ? containerLines('Init Containers', initContainers, { margin: 2 }) : []),
    ...containerLines('Containers', containers, { margin: 2 }),
    ...volumeLines(volumes, 2),
    ...labelLines('  Node-Selectors', nodeSelector),
    ...tolerationLines('  Tolerations', tolerations),
  ];
}

export function tolerationLines(title: string, tolerations: readonly Toleration[] = []): Lines {
  const texts = tolerations.map(({ key = '', operator, value = '', effect, tolerationSeconds }) => {
    const what = `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`;
    const exists = operator === 'Exists' && value === '' ? (key !== '' || effect ? ' op=Exists' : 'op=Exists') : '';
    return `${what}${exists}${tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`}`;
  });
  return listed(title, texts.toSorted());
}

export function volumeLines(volumes: readonly Volume[] = [], margin = 0): Lines {
  const space = ' '.repeat(margin);
  if (volumes.length === 0) return [`${space}Volumes:\t<none>`];
  const lines = volumes.flatMap((volume) => [
    `  ${margin > 0 ? ' ' : ''}${volume.name}:`,
    ...indent(sourceLines(volume), 4),
  ]);
  return [`${space}Volumes:`, ...lines];
}

function sourceLines(volume: Volume): Lines {
  const { hostPath, emptyDir, configMap, secret, persistentVolumeClaim, projected, downwardAPI } = volume;
  if (hostPath) {
    return [
      'Type:\tHostPath (bare host directory volume)',
      `Path:\t${hostPath.path}`,
      `HostPathType:\t${hostPath.type ?? ''}`,
    ];
  }
  if (emptyDir) {
    const what = "EmptyDir (a temporary directory that shares a pod's lifetime)";
    return [`Type:\t${what}`, `Medium:\t${emptyDir.medium ?? ''}`, `SizeLimit:\t${emptyDir.sizeLimit ?? '<unset>'}`];
  }
  if (configMap) {
    return [
      'Type:\tConfigMap (a volume populated by a ConfigMap)',
      `Name:\t${configMap.name}`,
      `Optional:\t${configMap.optional ?? false}`,
    ];
  }
  if (secret) {
    return [
      'Type:\tSecret (a volume populated by a Secret)',
      `SecretName:\t${secret.secretName}`,
      `Optional:\t${secret.optional ?? false}`,
    ];
  }
  if (persistentVolumeClaim) {
    const { claimName, readOnly = false } = persistentVolumeClaim;
    return [
      'Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
      `ClaimName:\t${claimName}`,
      `ReadOnly:\t${readOnly}`,
    ];
  }
  if (downwardAPI) {
    const items = (downwardAPI.items ?? []).map(({ fieldRef, path }) => `  ${fieldRef?.fieldPath} -> ${path}`);
    return ['Type:\tDownwardAPI (a volume populated by information about the pod)', 'Items:', ...items];
  }
  if (projected) {
    const sources = (projected.sources ?? []).flatMap((source) => [
      ...(source.secret
        ? [`SecretName:\t${source.secret.name}`, `SecretOptionalName:\t${source.secret.optional ?? '<nil>'}`]
        : []),
      ...(source.downwardAPI ? ['DownwardAPI:\ttrue'] : []),
      ...(source.configMap
        ? [`ConfigMapName:\t${source.configMap.name}`, `ConfigMapOptional:\t${source.configMap.optional ?? '<nil>'}`]
        : []),
      ...(source.serviceAccountToken
        ? [`TokenExpirationSeconds:\t${source.serviceAccountToken.expirationSeconds ?? 3600}`]
        : []),
    ]);
    return ['Type:\tProjected (a volume that contains injected data from multiple sources)', ...sources];
  }
  const type = Object.keys(volume).find((key) => key !== 'name');
  return [`Type:\t${type ?? '<unknown>'}`];
}
