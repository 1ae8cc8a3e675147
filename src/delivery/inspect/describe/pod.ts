import type { Pod, PodStatus } from '../../../api/types/core-v1.ts';
import { containerLines } from './containers.ts';
import { annotationLines, labelLines, type Lines, longTime } from './fields.ts';
import { spreadLines, tolerationLines } from './pod-template.ts';
import { volumeLines } from './volumes.ts';

export function podLines(pod: Pod): Lines {
  const { metadata, spec, status = {} } = pod;
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec ?? {};
  const { podIPs = [], qosClass } = status;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return [
    ...headLines(pod),
    ...labelLines('Labels', metadata.labels),
    ...annotationLines('Annotations', metadata.annotations),
    ...stateLines(pod, status),
    `IP:\t${status.podIP ?? ''}`,
    ...(podIPs.length === 0 ? ['IPs:\t<none>'] : ['IPs:', ...podIPs.map(({ ip }) => `  IP:\t${ip}`)]),
    ...(owner ? [`Controlled By:\t${owner.kind}/${owner.name}`] : []),
    ...(initContainers.length > 0
      ? containerLines('Init Containers', initContainers, { statuses: status.initContainerStatuses ?? [] })
      : []),
    ...containerLines('Containers', containers, { statuses: status.containerStatuses ?? [] }),
    ...(ephemeralContainers.length > 0
      ? containerLines('Ephemeral Containers', ephemeralContainers, {
          statuses: status.ephemeralContainerStatuses ?? [],
        })
      : []),
    ...conditionLines(status),
    ...volumeLines(spec?.volumes),
    ...(qosClass ? [`QoS Class:\t${qosClass}`] : []),
    ...labelLines('Node-Selectors', spec?.nodeSelector),
    ...tolerationLines('Tolerations', spec?.tolerations),
    ...spreadLines('Topology Spread Constraints', spec?.topologySpreadConstraints),
  ];
}

function headLines({ metadata, spec, status }: Pod): Lines {
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    `Priority:\t${spec?.priority ?? 0}`,
    ...(spec?.priorityClassName ? [`Priority Class Name:\t${spec.priorityClassName}`] : []),
    ...(spec?.runtimeClassName ? [`Runtime Class Name:\t${spec.runtimeClassName}`] : []),
    `Service Account:\t${spec?.serviceAccountName ?? ''}`,
    `Node:\t${spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ''}` : '<none>'}`,
    ...(status?.startTime ? [`Start Time:\t${longTime(status.startTime)}`] : []),
  ];
}

function stateLines({ metadata }: Pod, { phase, reason, message }: PodStatus): Lines {
  const isEnding = metadata.deletionTimestamp !== undefined;
  return [
    `Status:\t${isEnding ? 'Terminating' : (phase ?? '')}`,
    ...(isEnding ? [`Termination Grace Period:\t${metadata.deletionGracePeriodSeconds ?? 0}s`] : []),
    ...(reason ? [`Reason:\t${reason}`] : []),
    ...(message ? [`Message:\t${message}`] : []),
  ];
}

function conditionLines({ conditions = [] }: PodStatus): Lines {
  if (conditions.length === 0) return [];
  return ['Conditions:', '  Type\tStatus', ...conditions.map(({ type, status }) => `  ${type} \t${status} `)];
}
