import type { Pod } from '../api/types/core-v1.ts';
import { expand } from './expansion.ts';
import type { ContainerSettings, Healthcheck } from '../api/container-settings.ts';
import { joinedAnnotation, type JoinTargets } from './joined-pods.ts';
import { hashAnnotation } from './pod-actions.ts';
import { containerResources } from './pod-cgroup.ts';
import { resourcesAnnotation } from './pod-resize.ts';
import { containerHash, type PodContainer } from './pod-spec.ts';
import { podLabels } from './sandbox-config.ts';
import type { ContainerConfig, ContainerSummary, Device, ImageInfo, Mount } from './runtime.ts';
import { containerSecurity } from './security-options.ts';

export interface ContainerOptions {
  pod: Pod;
  container: PodContainer;
  attempt: number;
  image: ImageInfo;
  env: ReadonlyMap<string, string>;
  mounts: readonly Mount[];
  devices: readonly Device[];
  /** Bytes of memory the node has. */
  memoryCapacity: number;
  /** Id of the container whose processes an ephemeral container is to see. */
  pidTarget?: string | undefined;
  settings?: ContainerSettings | undefined;
  /** The image's, where the pod goes by it. */
  healthcheck?: Healthcheck | undefined;
  /** Containers of other pods whose namespaces it joins. */
  joins?: JoinTargets | undefined;
}

const annotationPrefix = 'io.kubernetes.container';
/** The healthcheck (JSON) that a container of the runtime goes by. */
const healthcheckAnnotation = 'timonel.dev/healthcheck';

/** A container as the runtime is to make it: pure. */
export function containerConfig(options: ContainerOptions): ContainerConfig {
  const { pod, container, attempt, image, env, mounts, devices, memoryCapacity } = options;
  const { spec } = container;
  const { metadata } = pod;
  const joins = Object.entries(options.joins ?? {});
  return {
    name: spec.name,
    attempt,
    image: image.id,
    userSpecifiedImage: spec.image ?? '',
    command: (spec.command ?? []).map((text) => expand(text, env)),
    args: (spec.args ?? []).map((text) => expand(text, env)),
    workingDir: spec.workingDir ?? '',
    env: [...env].map(([key, value]) => ({ key, value })),
    mounts,
    devices,
    labels: {
      [podLabels.container]: spec.name,
      [podLabels.name]: metadata.name ?? '',
      [podLabels.namespace]: metadata.namespace ?? '',
      [podLabels.uid]: metadata.uid ?? '',
    },
    annotations: {
      [hashAnnotation]: containerHash(spec),
      [resourcesAnnotation]: JSON.stringify(('resources' in spec && spec.resources) || {}),
      [`${annotationPrefix}.restartCount`]: String(attempt),
      [`${annotationPrefix}.terminationMessagePath`]: spec.terminationMessagePath ?? '/dev/termination-log',
      [`${annotationPrefix}.terminationMessagePolicy`]: spec.terminationMessagePolicy ?? 'File',
      'io.kubernetes.pod.terminationGracePeriod': String(pod.spec?.terminationGracePeriodSeconds ?? 30),
      ...(options.healthcheck && { [healthcheckAnnotation]: JSON.stringify(options.healthcheck) }),
      ...(joins.length > 0 && { [joinedAnnotation]: joins.map(([, { sandboxId }]) => sandboxId).join(',') }),
    },
    logPath: `${spec.name}/${attempt}.log`,
    stdin: spec.stdin === true,
    stdinOnce: spec.stdinOnce === true,
    tty: spec.tty === true,
    resources: containerResources(pod, container, memoryCapacity),
    security: containerSecurity(pod, container),
    pid: pidNamespace(pod),
    ...((container.role === 'init' || isOfJob(pod)) && { isTask: true }),
    ...(options.pidTarget && { pidTargetContainerId: options.pidTarget }),
    ...(options.settings && { settings: options.settings }),
    ...(joins.length > 0 && { joins: Object.fromEntries(joins.map(([kind, { containerId }]) => [kind, containerId])) }),
  };
}

/** The healthcheck of its image that a container was made with. */
export function healthcheckOf({ annotations }: Pick<ContainerSummary, 'annotations'>): Healthcheck | undefined {
  const text = annotations[healthcheckAnnotation];
  return text === undefined ? undefined : (JSON.parse(text) as Healthcheck);
}

function isOfJob({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ kind, controller }) => controller && kind === 'Job') ?? false;
}

function pidNamespace(pod: Pod): ContainerConfig['pid'] {
  if (pod.spec?.hostPID) return 'node';
  if (pod.spec?.shareProcessNamespace) return 'pod';
  return 'container';
}
