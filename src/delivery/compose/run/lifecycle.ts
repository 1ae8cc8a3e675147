import { isApiError } from '../../../api/status.ts';
import { formatTime } from '../../../base/clock.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import { pods } from '../../../client/resources.ts';
import type { ProjectContext } from './context.ts';
import { hasEnded, hasStarted } from './condition.ts';
import { holdPods, keepVolumes, leaveVolumes, restartHeld, startEnded } from './held-pods.ts';
import { ProjectWatch } from './project-watch.ts';
import { restartedAtAnnotation } from './up.ts';
import {
  createWorkload,
  deleteWorkload,
  isDaemonSet,
  isJob,
  isOfTemplate,
  type LiveWorkload,
  patchWorkload,
  stoppedSelector,
  templateOf,
  wantedReplicas,
} from './workloads.ts';

/** How many there were before they were stopped. */
const replicasAnnotation = 'timonel.dev/replicas-before-stop';

export interface StopOptions {
  graceSeconds?: number | undefined;
  /** What is told of a container that has ended: Stopped, Killed. */
  status: string;
  /** Also what `run` has started beside the services. */
  withOneOffs?: boolean;
}

/** Whether all containers of a service have ended, by themselves or by a command. */
export function isStopped(watch: ProjectWatch, workload: LiveWorkload): boolean {
  const containers = watch.containers(workload.service);
  const isOver = containers.length > 0 && containers.every(hasEnded);
  return isSuspended(workload) || isOver || hasFinished(watch, workload);
}

/** Whether a service was stopped by taking its containers away. */
function isSuspended({ object }: LiveWorkload): boolean {
  if (isJob(object)) return object.spec?.suspend === true;
  if (isDaemonSet(object)) return stoppedSelector in (object.spec?.template.spec?.nodeSelector ?? {});
  return wantedReplicas(object) === 0;
}

/** Ends the containers of services, and keeps the services. */
export async function stopServices(
  context: ProjectContext,
  workloads: readonly LiveWorkload[],
  { graceSeconds, status, withOneOffs = false }: StopOptions,
): Promise<void> {
  const watch = new ProjectWatch(context);
  await watch.synced();
  const { report } = context;
  await Promise.all(
    workloads.map(async (workload) => {
      const name = workload.service;
      report({ what: 'Container', name, status: 'Stopping', state: 'working' });
      await endContainers(context, watch, { workload, graceSeconds, withOneOffs });
      report({ what: 'Container', name, status, state: 'done' });
    }),
  );
}

/**
 * Ends the containers of a service. On a local cluster they stay as they ended, until they are started or removed; on
 * another their pods go, and the workload wants none.
 */
async function endContainers(
  context: ProjectContext,
  watch: ProjectWatch,
  {
    workload,
    graceSeconds,
    withOneOffs,
  }: { workload: LiveWorkload; graceSeconds: number | undefined; withOneOffs: boolean },
): Promise<void> {
  const { service: name, kind } = workload;
  const all = (): Pod[] => (withOneOffs ? watch.pods(name) : watch.containers(name));
  const living = all().filter((pod) => !hasEnded(pod));
  if (context.isLocal) await holdPods(context, living, graceSeconds);
  else {
    if (!isSuspended(workload)) await patchWorkload(context, workload, stopPatch(workload));
    await Promise.all(living.map(({ metadata }) => endPod(context, metadata.name ?? '', graceSeconds)));
  }
  const isRunning = (): boolean => all().some((pod) => !hasEnded(pod));
  await watch.until(() => (isRunning() ? undefined : true), { describe: () => `${name} is still running` });
  // A job would try again with another pod.
  if (context.isLocal && kind === 'Job' && !hasFinished(watch, workload))
    await patchWorkload(context, workload, stopPatch(workload));
}

/** Removes a service whose containers have ended, and what `run` has left beside it, and waits until they are gone. */
export async function removeService(
  context: ProjectContext,
  watch: ProjectWatch,
  workload: LiveWorkload,
): Promise<void> {
  const { service: name } = workload;
  await keepVolumes(context, watch.containers(name));
  await deleteWorkload(context, workload);
  const ended = watch.pods(name).filter(hasEnded);
  await Promise.all(ended.map(({ metadata }) => endPod(context, metadata.name ?? '', 0)));
  const uids = new Set(ended.map(({ metadata }) => metadata.uid));
  const isLeft = ({ metadata }: Pod): boolean => uids.has(metadata.uid);
  const isGone = (): true | undefined => !watch.pods(name).some(isLeft) || undefined;
  await watch.until(isGone, { describe: () => `${name} is still there` });
  context.report({ what: 'Container', name, status: 'Removed', state: 'done' });
}

/** Ends a pod; one that has gone already is as well. */
async function endPod(
  { client, namespace }: ProjectContext,
  name: string,
  graceSeconds: number | undefined,
): Promise<void> {
  const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
  await client.delete(pods, { name, namespace }, options).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
  });
}

function stopPatch({ kind, object }: LiveWorkload): Record<string, unknown> {
  if (kind === 'Job') return { spec: { suspend: true } };
  if (kind === 'DaemonSet') return { spec: { template: { spec: { nodeSelector: { [stoppedSelector]: 'true' } } } } };
  const annotations = { [replicasAnnotation]: String(wantedReplicas(object) ?? 1) };
  return { metadata: { annotations }, spec: { replicas: 0 } };
}

function startPatch({ kind, object }: LiveWorkload): Record<string, unknown> {
  if (kind === 'DaemonSet') return { spec: { template: { spec: { nodeSelector: { [stoppedSelector]: null } } } } };
  const replicas = Number(object.metadata.annotations?.[replicasAnnotation] ?? 1);
  return { metadata: { annotations: { [replicasAnnotation]: null } }, spec: { replicas } };
}

/** Starts a service that was stopped, and waits until its containers run. A job that is done runs again. */
export async function startService(
  context: ProjectContext,
  watch: ProjectWatch,
  workload: LiveWorkload,
): Promise<void> {
  const { service: name } = workload;
  if (isJob(workload.object) && isStopped(watch, workload)) await runAgain(context, watch, workload);
  else if (!context.isLocal && isSuspended(workload)) await patchWorkload(context, workload, startPatch(workload));
  else if (wantedReplicas(workload.object) === 0) return;
  else await startEnded(context, watch, name);
  await waitRunning(watch, name, { ...workload, object: workload.object });
  context.report({ what: 'Container', name, status: 'Started', state: 'done' });
}

/** Ends a service's containers and starts them anew. */
export async function restartService(
  context: ProjectContext,
  watch: ProjectWatch,
  { workload, graceSeconds }: { workload: LiveWorkload; graceSeconds: number | undefined },
): Promise<void> {
  const { service: name } = workload;
  context.report({ what: 'Container', name, status: 'Restarting', state: 'working' });
  if (isStopped(watch, workload)) return startService(context, watch, workload);
  if (workload.kind === 'Job') {
    await runAgain(context, watch, workload);
    await waitRunning(watch, name, workload);
  } else if (context.isLocal) {
    await restartHeld(context, watch, { name, graceSeconds });
    await waitRunning(watch, name, workload);
  } else {
    const annotations = { [restartedAtAnnotation]: formatTime(context.clock.now()) };
    const object = await patchWorkload(context, workload, { spec: { template: { metadata: { annotations } } } });
    const old = graceSeconds === undefined ? [] : watch.containers(name);
    await Promise.all(old.map(({ metadata }) => endPod(context, metadata.name ?? '', graceSeconds)));
    await waitRunning(watch, name, { ...workload, object });
  }
  context.report({ what: 'Container', name, status: 'Started', state: 'done' });
}

/** Whether a job is through, as it is seen now. */
function hasFinished(watch: ProjectWatch, workload: LiveWorkload): boolean {
  const object = watch.job(workload.name) ?? workload.object;
  if (!isJob(object)) return false;
  const conditions = object.status?.conditions ?? [];
  return conditions.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
}

/** A job runs once: for another time it is another job of the same name. */
async function runAgain(context: ProjectContext, watch: ProjectWatch, workload: LiveWorkload): Promise<void> {
  await leaveVolumes(context, watch.containers(workload.service));
  await deleteWorkload(context, workload);
  const isGone = (): true | undefined =>
    watch.job(workload.name) || watch.containers(workload.service).length > 0 ? undefined : true;
  await watch.until(isGone, { describe: () => `${workload.service} is still there` });
  const { object } = workload;
  if (!isJob(object)) return;
  const { metadata, spec } = object;
  const { name, namespace, labels, annotations } = metadata;
  const { selector: _, manualSelector: __, suspend: ___, template, ...rest } = spec ?? {};
  const own = Object.entries(template?.metadata?.labels ?? {}).filter(
    ([key]) => !/(?:^|\/)(?:controller-uid|job-name)$/.test(key),
  );
  await createWorkload(context, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels, annotations },
    spec: { ...rest, template: { ...template, metadata: { ...template?.metadata, labels: Object.fromEntries(own) } } },
  });
}

async function waitRunning(watch: ProjectWatch, name: string, workload: LiveWorkload): Promise<void> {
  const template = workload.kind === 'Job' ? undefined : templateOf(workload);
  // A stopped DaemonSet's template is another one once it is started.
  const isOurs = workload.kind === 'DaemonSet' ? undefined : template;
  const isRunning = (): true | undefined => {
    const pods = watch.containers(name).filter((pod) => isOfTemplate(pod, isOurs));
    return pods.length > 0 && pods.every(hasStarted) ? true : undefined;
  };
  await watch.until(isRunning, { describe: () => `${name} has not started` });
}
