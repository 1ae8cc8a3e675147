import type { DaemonSet, Deployment } from '../../../api/types/apps-v1.ts';
import type { Job } from '../../../api/types/batch-v1.ts';
import type { PodTemplateSpec } from '../../../api/types/core-v1.ts';
import type { Project, Service, UpdateConfig } from '../model.ts';
import { agentAnnotations, restartAttempts } from './agent-annotations.ts';
import { aliasLabels } from './discovery.ts';
import { imageOf } from './container.ts';
import { endpointLabels, objectName, oneOffLabel, serviceLabels, serviceSelector } from './names.ts';
import { networkLabels } from './networks.ts';
import { podSpecOf } from './pod.ts';
import { seconds } from './probes.ts';
import { replicasOf } from './replicas.ts';
import type { ServiceScope } from './scope.ts';

export type Workload = Deployment | DaemonSet | Job;

/** What runs a service's containers. */
export type WorkloadKind = 'Deployment' | 'DaemonSet' | 'Job';

/** The order of stopping and starting that an update keeps, for whoever rolls it out. */
export const failureActionAnnotation = 'timonel.dev/update-failure-action';

/** Whether somebody waits for a service to be done. */
export function isAwaited(project: Project, name: string): boolean {
  return Object.values(project.services).some(
    ({ depends_on: all }) => all?.[name]?.condition === 'service_completed_successfully',
  );
}

/**
 * A service whose containers are not to be started again once they have ended is a Job: it says so itself (`restart: "no"`,
 * `condition: none`, a mode of jobs), or others wait for its end.
 */
function workloadKind(scope: ServiceScope): WorkloadKind {
  const { service, project, name, options, problems, at } = scope;
  const mode = service.deploy?.mode ?? 'replicated';
  if (mode === 'global-job') problems.refuse(at('deploy', 'mode'), 'a Job does not run on every node');
  if (mode.endsWith('-job') || options.runOnce?.has(name) || isAwaited(project, name)) return 'Job';
  if (mode === 'global') return 'DaemonSet';
  const policy = service.deploy?.restart_policy?.condition ?? service.restart;
  return policy === 'no' || policy === 'none' ? 'Job' : 'Deployment';
}

export function workloadOf(scope: ServiceScope, aliases: ReadonlyMap<string, ReadonlySet<string>>): Workload {
  const { service, name, project } = scope;
  const kind = workloadKind(scope);
  checkRestart(scope, kind);
  const labels = serviceLabels(project.name, name);
  const template: PodTemplateSpec = {
    metadata: {
      labels: {
        ...labels,
        ...networkLabels(scope),
        ...aliasLabels(scope, aliases),
        ...endpointLabels,
        [oneOffLabel]: 'False',
      },
      annotations: {
        ...annotationsOf(scope, 'labels'),
        ...annotationsOf(scope, 'annotations'),
        ...agentAnnotations(scope, kind),
        ...imageAnnotation(scope),
      },
    },
    spec: podSpecOf(scope),
  };
  const metadata = {
    name: objectName(name),
    labels,
    annotations: annotationsOf(scope, 'deploy'),
  };
  const selector = { matchLabels: { ...serviceSelector(project.name, name), [oneOffLabel]: 'False' } };
  if (kind === 'Job') return { apiVersion: 'batch/v1', kind, metadata, spec: jobSpec(scope, template) };
  if (kind === 'DaemonSet') {
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: daemonSetUpdate(service) };
    return {
      apiVersion: 'apps/v1',
      kind,
      metadata,
      spec: { selector, template, updateStrategy, minReadySeconds: delayOf(service.deploy?.update_config) },
    };
  }
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata,
    spec: { replicas: replicasOf(service), selector, template, ...updateOf(scope) },
  };
}

/** Containers of an image that was built anew are made anew, as docker compose does it by a label of this name. */
function imageAnnotation({ project, name, service, options }: ServiceScope): Record<string, string> {
  const version = options.imageVersion?.(imageOf(project.name, name, service));
  return version === undefined ? {} : { 'com.docker.compose.image': version };
}

/** Docker's labels may be any text: in a cluster they are annotations. */
function annotationsOf(
  { service, problems, at }: ServiceScope,
  from: 'labels' | 'annotations' | 'deploy',
): Record<string, string> | undefined {
  const given = from === 'deploy' ? service.deploy?.labels : service[from];
  const action = from === 'deploy' ? service.deploy?.update_config?.failure_action : undefined;
  const result: Record<string, string> = { ...(action && { [failureActionAnnotation]: action }) };
  for (const [key, value] of Object.entries(given ?? {})) {
    if (/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(key))
      result[key] = value;
    else
      problems.refuse(
        from === 'deploy' ? at('deploy', 'labels', key) : at(from, key),
        'cannot be the name of an annotation',
      );
  }
  return Object.keys(result).length > 0 ? result : undefined;
}

function checkRestart({ service, problems, at, options }: ServiceScope, kind: WorkloadKind): void {
  const { restart, deploy } = service;
  const policy = deploy?.restart_policy;
  if (restart !== undefined && !/^(?:no|always|unless-stopped|on-failure(?::\d+)?)$/.test(restart)) {
    problems.refuse(at('restart'), `there is no restart policy ${restart}`);
  }
  if (kind === 'Job') return;
  const isLimited = options.isLocal !== false && policy?.condition === 'on-failure';
  if (policy?.max_attempts !== undefined && !isLimited)
    problems.warn(at('deploy', 'restart_policy', 'max_attempts'), 'is of failures (on-failure): it is tried for ever');
  if (options.isLocal !== false) return;
  if (policy?.condition === 'on-failure' || (policy?.condition === undefined && restart?.startsWith('on-failure'))) {
    const path = policy?.condition ? at('deploy', 'restart_policy', 'condition') : at('restart');
    problems.warn(path, 'containers are started again also after they ended well');
  }
}

/** Where Swarm and docker try for ever: as often as the API can count. */
const forEver = 2_147_483_647;

function jobSpec({ service }: ServiceScope, template: PodTemplateSpec): Job['spec'] {
  const { restart, deploy } = service;
  const condition = deploy?.restart_policy?.condition ?? restart ?? 'no';
  const isAgain =
    condition.startsWith('on-failure') ||
    condition === 'any' ||
    condition === 'always' ||
    condition === 'unless-stopped';
  const replicas = replicasOf(service);
  const counts = { parallelism: replicas, completions: replicas };
  const retries = isAgain ? (restartAttempts(service) ?? forEver) : 0;
  // Each container is for itself: that one fails does not end the others.
  const several =
    replicas > 1 ? { completionMode: 'Indexed', backoffLimitPerIndex: retries } : { backoffLimit: retries };
  // A container that a lost node took along has not failed.
  const onDisruption = {
    rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
  };
  return {
    ...counts,
    ...several,
    podFailurePolicy: onDisruption,
    template: { ...template, spec: template.spec && { ...template.spec, restartPolicy: 'Never' } },
  };
}

function daemonSetUpdate({ deploy }: Service): Record<string, string | number> {
  const { parallelism = 1, order } = deploy?.update_config ?? {};
  const count = parallelism === 0 ? '100%' : parallelism;
  return order === 'start-first' ? { maxSurge: count, maxUnavailable: 0 } : { maxUnavailable: count };
}

function delayOf(update: UpdateConfig | undefined): number | undefined {
  const delay = seconds(update?.delay);
  return delay > 0 ? delay : undefined;
}

/**
 * How a new version takes the place of the old one. As docker compose does it, a container has ended before the next
 * one starts, so that two databases never work on one volume; Swarm's `start-first` is the other way.
 */
function updateOf({ service, problems, options, at }: ServiceScope): Partial<NonNullable<Deployment['spec']>> {
  const update = service.deploy?.update_config;
  const { parallelism = 1, order, monitor, max_failure_ratio: ratio } = update ?? {};
  if (ratio)
    problems.refuse(at('deploy', 'update_config', 'max_failure_ratio'), 'an update that fails for one container stops');
  if (update?.failure_action === 'continue') {
    problems.refuse(at('deploy', 'update_config', 'failure_action'), 'an update that fails stops: pause, or rollback');
  }
  const rest = {
    minReadySeconds: delayOf(update),
    ...(monitor && { progressDeadlineSeconds: seconds(monitor) + deadlineSeconds }),
  };
  const count = parallelism === 0 ? '100%' : parallelism;
  if (order === 'start-first') return { strategy: rolling({ maxSurge: count, maxUnavailable: 0 }), ...rest };
  // Volumes without a name are to be taken over by containers that start when all others have ended.
  const isDocker = !options.swarm && update === undefined;
  if (replicasOf(service) <= 1 || parallelism === 0 || isDocker) return { strategy: { type: 'Recreate' }, ...rest };
  return { strategy: rolling({ maxSurge: 0, maxUnavailable: count }), ...rest };
}

/** A Deployment's own deadline, which the time of monitoring adds to. */
const deadlineSeconds = 600;

function rolling(rollingUpdate: Record<string, string | number>): NonNullable<Deployment['spec']>['strategy'] {
  return { type: 'RollingUpdate', rollingUpdate };
}
