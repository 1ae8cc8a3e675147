import type { Container, ContainerStatus, Pod } from '../../api/types/core-v1.ts';
import { isPodReady } from './facts.ts';

/** Why a pod gets no connections, in words; what its status says first that explains it. */
export function notReadyReason(pod: Pod): string {
  const { status = {}, metadata, spec } = pod;
  const condition = (type: string) => status.conditions?.find((each) => each.type === type);
  if (metadata.deletionTimestamp !== undefined) {
    const why = condition('DisruptionTarget')?.message;
    return `it is being deleted${why === undefined ? '' : ` (${why})`}`;
  }
  const scheduled = condition('PodScheduled');
  if (scheduled?.status === 'False') return `no node takes it: ${scheduled.message ?? scheduled.reason ?? ''}`;
  if (!spec?.nodeName) return 'it has no node yet';
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const each of statuses) {
    const reason = containerReason(each);
    if (reason) return reason;
  }
  if (status.phase === 'Pending') return 'its containers are being started';
  const unready = (status.containerStatuses ?? []).find(({ ready }) => !ready);
  const container = spec.containers.find(({ name }) => name === unready?.name);
  if (container?.startupProbe && unready?.started === false) {
    return `container ${container.name} has not passed its startup probe (${probeText(container.startupProbe)})`;
  }
  if (container?.readinessProbe) {
    return `container ${container.name} does not pass its readiness probe (${probeText(container.readinessProbe)})`;
  }
  // The cluster says so of all pods of a node that fell silent, and leaves what the node said last as it was.
  const isFine = status.containerStatuses?.every(({ ready }) => ready) ?? false;
  if (isFine && condition('ContainersReady')?.status === 'True' && !isPodReady(pod) && !spec.readinessGates?.length) {
    return `its node ${spec.nodeName} does not report: \`timonel node list\` shows whether it is up`;
  }
  const gate = (spec.readinessGates ?? []).find(({ conditionType }) => condition(conditionType)?.status !== 'True');
  if (gate) return `its readiness gate ${gate.conditionType} is not open`;
  return isPodReady(pod) ? 'it is ready' : (condition('Ready')?.message ?? 'it is not ready');
}

function containerReason({ name, state = {}, lastState = {} }: ContainerStatus): string | undefined {
  const { waiting, terminated } = state;
  if (waiting && waiting.reason !== 'PodInitializing' && waiting.reason !== 'ContainerCreating') {
    const code = lastState.terminated ? `, last exit code ${lastState.terminated.exitCode}` : '';
    return `container ${name} waits: ${waiting.reason ?? 'no reason'}${code}${waiting.message ? ` (${waiting.message})` : ''}`;
  }
  return terminated && terminated.exitCode !== 0
    ? `container ${name} ended with code ${terminated.exitCode}`
    : undefined;
}

function probeText({ httpGet, tcpSocket, grpc, exec }: NonNullable<Container['readinessProbe']>): string {
  if (httpGet) return `GET :${httpGet.port}${httpGet.path ?? '/'}`;
  if (tcpSocket) return `TCP :${tcpSocket.port}`;
  if (grpc) return `gRPC :${grpc.port}`;
  return `command ${(exec?.command ?? []).join(' ')}`;
}
