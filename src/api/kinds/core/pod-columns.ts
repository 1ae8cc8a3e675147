import type { PrinterColumn } from '../../kind.ts';
import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../../types/core-v1.ts';
import { ageColumn, column, nameColumn, since, wideColumn } from '../columns.ts';

/** What READY, STATUS and RESTARTS say of a pod: read off the states of its containers, as upstream's printer does. */
interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** When the container that restarted last had ended: epoch milliseconds, 0 when none has. */
  lastRestart: number;
}

export const podColumns: readonly PrinterColumn<Pod>[] = [
  nameColumn,
  column('Ready', (pod) => {
    const { ready, total } = summarize(pod);
    return `${ready}/${total}`;
  }),
  column('Status', (pod) => summarize(pod).reason),
  column('Restarts', (pod, now) => {
    const { restarts, lastRestart } = summarize(pod);
    if (restarts === 0 || lastRestart === 0) return String(restarts);
    return `${restarts} (${since(new Date(lastRestart).toISOString(), now)} ago)`;
  }),
  ageColumn,
  wideColumn('IP', ({ status }) => status?.podIPs?.[0]?.ip || status?.podIP || '<none>'),
  wideColumn('Node', ({ spec }) => spec?.nodeName || '<none>'),
  wideColumn('Nominated Node', ({ status }) => status?.nominatedNodeName || '<none>'),
  wideColumn('Readiness Gates', readinessGates),
];

function summarize(pod: Pod): Summary {
  const { spec, status = {}, metadata } = pod;
  const sidecars = sidecarNames(pod);
  const summary: Summary = {
    ready: 0,
    total: (spec?.containers?.length ?? 0) + sidecars.size,
    reason: firstReason(status),
    restarts: 0,
    lastRestart: 0,
  };
  const initializing = addInitContainers(summary, pod, sidecars);
  if (!initializing || conditionTrue(status, 'Initialized')) {
    if (initializing) countSidecarsOnly(summary, status, sidecars);
    addContainers(summary, status);
  }
  if (metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

function sidecarNames({ spec }: Pod): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name, restartPolicy } of spec?.initContainers ?? []) if (restartPolicy === 'Always') names.add(name);
  return names;
}

function firstReason({ phase, reason, conditions }: PodStatus): string {
  const gated = conditions?.some(
    (condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated',
  );
  return gated ? 'SchedulingGated' : reason || phase || '';
}

/** Adds the init containers up to the one that runs; true while there is one. */
function addInitContainers(summary: Summary, { spec, status }: Pod, sidecars: ReadonlySet<string>): boolean {
  const statuses = status?.initContainerStatuses ?? [];
  for (let index = 0; index < statuses.length; index++) {
    const container = statuses[index]!;
    addRestarts(summary, container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) summary.ready++;
      continue;
    }
    summary.reason = initReason(container.state ?? {}) ?? `Init:${index}/${spec?.initContainers?.length ?? 0}`;
    return true;
  }
  // Restarts of init containers that are through no longer count.
  countSidecarsOnly(summary, status ?? {}, sidecars);
  return false;
}

function initReason({ terminated, waiting }: ContainerState): string | undefined {
  if (terminated) return `Init:${terminationReason(terminated)}`;
  return waiting?.reason && waiting.reason !== 'PodInitializing' ? `Init:${waiting.reason}` : undefined;
}

function terminationReason({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function countSidecarsOnly(summary: Summary, status: PodStatus, sidecars: ReadonlySet<string>): void {
  summary.restarts = 0;
  summary.lastRestart = 0;
  for (const container of status.initContainerStatuses ?? []) {
    if (sidecars.has(container.name)) addRestarts(summary, container);
  }
}

function addContainers(summary: Summary, status: PodStatus): void {
  let running = false;
  for (const container of (status.containerStatuses ?? []).toReversed()) {
    addRestarts(summary, container);
    const { waiting, terminated, running: runs } = container.state ?? {};
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated) summary.reason = terminationReason(terminated);
    else if (container.ready && runs) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason === 'Completed' && running) {
    summary.reason = conditionTrue(status, 'Ready') ? 'Running' : 'NotReady';
  }
}

function addRestarts(summary: Summary, { restartCount, lastState }: ContainerStatus): void {
  summary.restarts += restartCount ?? 0;
  const finished = lastState?.terminated?.finishedAt;
  if (finished !== undefined) summary.lastRestart = Math.max(summary.lastRestart, Date.parse(finished));
}

function conditionTrue({ conditions }: PodStatus, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

function readinessGates({ spec, status = {} }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter(({ conditionType }) => conditionTrue(status, conditionType)).length}/${gates.length}`;
}
