import { formatTime } from '../../../base/clock.ts';
import type { ProjectContext } from './context.ts';
import { hasEnded, hasStarted } from './condition.ts';
import { endPod, removeEnded } from './ended.ts';
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
}

/** Whether a service was stopped. */
export function isStopped({ object }: LiveWorkload): boolean {
  if (isJob(object)) return object.spec?.suspend === true;
  if (isDaemonSet(object)) return stoppedSelector in (object.spec?.template.spec?.nodeSelector ?? {});
  return wantedReplicas(object) === 0;
}

/** Ends the containers of services, and keeps the services. */
export async function stopServices(
  context: ProjectContext,
  workloads: readonly LiveWorkload[],
  { graceSeconds, status }: StopOptions,
): Promise<void> {
  const watch = new ProjectWatch(context);
  await watch.synced();
  const { report } = context;
  await Promise.all(
    workloads.map(async (workload) => {
      const name = workload.service;
      report({ what: 'Container', name, status: 'Stopping', state: 'working' });
      if (!isStopped(workload)) await patchWorkload(context, workload, stopPatch(workload));
      const living = watch.pods(name).filter((pod) => !hasEnded(pod));
      await Promise.all(living.map(({ metadata }) => endPod(context, metadata.name ?? '', graceSeconds)));
      const isRunning = (): boolean => watch.pods(name).some((pod) => !hasEnded(pod));
      await watch.until(() => (isRunning() ? undefined : true), { describe: () => `${name} is still running` });
      report({ what: 'Container', name, status, state: 'done' });
    }),
  );
}

function stopPatch({ kind, object }: LiveWorkload): Record<string, unknown> {
  if (kind === 'Job') return { spec: { suspend: true } };
  if (kind === 'DaemonSet') return { spec: { template: { spec: { nodeSelector: { [stoppedSelector]: 'true' } } } } };
  const annotations = { [replicasAnnotation]: String(wantedReplicas(object) ?? 1) };
  return { metadata: { annotations }, spec: { replicas: 0 } };
}

function startPatch({ kind, object }: LiveWorkload): Record<string, unknown> {
  if (kind === 'Job') return { spec: { suspend: false } };
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
  if (isStopped(workload)) await patchWorkload(context, workload, startPatch(workload));
  else if (isDone(workload)) await runAgain(context, watch, workload);
  else await removeEnded(context, watch, name);
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
  if (isStopped(workload)) return startService(context, watch, workload);
  if (workload.kind === 'Job') {
    await runAgain(context, watch, workload);
    await waitRunning(watch, name, workload);
  } else {
    const annotations = { [restartedAtAnnotation]: formatTime(context.clock.now()) };
    const object = await patchWorkload(context, workload, { spec: { template: { metadata: { annotations } } } });
    const old = graceSeconds === undefined ? [] : watch.pods(name);
    await Promise.all(old.map(({ metadata }) => endPod(context, metadata.name ?? '', graceSeconds)));
    await waitRunning(watch, name, { ...workload, object });
  }
  context.report({ what: 'Container', name, status: 'Started', state: 'done' });
}

function isDone({ object }: LiveWorkload): boolean {
  if (!isJob(object)) return false;
  const conditions = object.status?.conditions ?? [];
  return conditions.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
}

/** A job runs once: for another time it is another job of the same name. */
async function runAgain(context: ProjectContext, watch: ProjectWatch, workload: LiveWorkload): Promise<void> {
  await deleteWorkload(context, workload);
  const isGone = (): true | undefined =>
    watch.job(workload.name) || watch.pods(workload.service).length > 0 ? undefined : true;
  await watch.until(isGone, { describe: () => `${workload.service} is still there` });
  const { object } = workload;
  if (!isJob(object)) return;
  const { metadata, spec } = object;
  const { name, namespace, labels, annotations } = metadata;
  const { selector: _, manualSelector: __, template, ...rest } = spec ?? {};
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
    const pods = watch.pods(name).filter((pod) => isOfTemplate(pod, isOurs));
    return pods.length > 0 && pods.every(hasStarted) ? true : undefined;
  };
  await watch.until(isRunning, { describe: () => `${name} has not started` });
}
