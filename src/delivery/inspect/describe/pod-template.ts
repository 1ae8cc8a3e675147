import type { PodTemplateSpec, Toleration, TopologySpreadConstraint } from '../../../api/types/core-v1.ts';
import { formatLabelSelector } from '../../../api/label-selector.ts';
import { containerLines } from './containers.ts';
import { annotationLines, labelLines, type Lines, listed } from './fields.ts';
import { volumeLines } from './volumes.ts';

/** `Pod Template:` of a workload's description. */
export function templateLines({ metadata, spec }: PodTemplateSpec): Lines {
  const { serviceAccountName, initContainers = [], containers = [], volumes, nodeSelector, tolerations } = spec ?? {};
  const { topologySpreadConstraints, priorityClassName } = spec ?? {};
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
    ...spreadLines('  Topology Spread Constraints', topologySpreadConstraints),
    ...(priorityClassName ? [`  Priority Class Name:\t${priorityClassName}`] : []),
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

export function spreadLines(title: string, constraints: readonly TopologySpreadConstraint[] = []): Lines {
  const texts = constraints.map(({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) => {
    const selector = labelSelector ? ` for selector ${formatLabelSelector(labelSelector)}` : '';
    return `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${selector}`;
  });
  return texts.length === 0 ? [] : listed(title, texts.toSorted());
}
