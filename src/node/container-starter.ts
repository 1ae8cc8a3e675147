import { normalize } from 'node:path/posix';
import type { Pod } from '../api/types/core-v1.ts';
import { hostIpsOf, memoryCapacityOf, podDirectoryOf, type AgentContext } from './agent-context.ts';
import { containerConfig } from './container-config.ts';
import { containerDevices, containerMounts } from './container-mounts.ts';
import { containerSettingsAnnotation, type ContainerSettings } from '../api/container-settings.ts';
import { quantityToMilli, quantityToNumber } from '../api/quantity.ts';
import type { NodeFacts } from './downward-api.ts';
import { containerEnvironment, ContainerConfigError, EnvFileError, envFilesOf } from './environment.ts';
import { runHook } from './handlers.ts';
import type { JoinTargets } from './joined-pods.ts';
import type { ImageResult } from './image-puller.ts';
import { containerSettingsOf } from './pod-annotations.ts';
import type { ContainerStart } from './pod-actions.ts';
import type { WaitingReason } from './pod-observation.ts';
import { containerFieldPath, type PodContainer } from './pod-spec.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { checkRunAsNonRoot } from './security-options.ts';
import { serviceEnvironment } from './service-environment.ts';
import type { ImageInfo, Mount, SandboxConfig } from './runtime.ts';

export interface StartRequest {
  pod: Pod;
  start: ContainerStart;
  image: Promise<ImageResult>;
  sandbox: { id: string; config: SandboxConfig; ips: readonly string[] };
  volumes: PodVolumes;
  /** The container may be made, but does not start before this resolves. */
  admission: Promise<void>;
  /** Id of the container that an ephemeral one targets. */
  targetId: string | undefined;
  /** Containers of other pods whose namespaces the pod's joins. */
  joins: JoinTargets;
  /** The container exists from here on: its events are the pod's. */
  created: (containerId: string) => void;
  /** The container runs; what is left is its hook. */
  running: (containerId: string) => Promise<void>;
  signal: AbortSignal;
}

export type StartResult =
  | { kind: 'started' }
  /**
   * `retryAtMs`: by the image's own back-off. `containerId`: it runs, and must be ended (its postStart hook
   * failed).
   */
  | { kind: 'failed'; waiting: WaitingReason; retryAtMs?: number; containerId?: string }
  /** The pod ends before its container began. */
  | { kind: 'aborted' };

/** Nothing tells when a container of the pod has written a file. */
const envFileRetryMs = 2000;

/** Image, configuration, creation, start, postStart: with the reasons and events of upstream's `startContainer`. */
export async function startContainer(context: AgentContext, request: StartRequest): Promise<StartResult> {
  const { pod, start } = request;
  const { container } = start;
  const record = recorderFor(context, pod, container);
  const image = await unlessAborted(request.image, request.signal);
  if (image === undefined || request.signal.aborted) return { kind: 'aborted' };
  if (image.kind === 'failed') {
    record('Warning', 'Failed', `Error: ${image.waiting.reason}`);
    return image;
  }
  let containerId: string;
  try {
    const config = await configOf(context, request, image.image);
    await context.system.files.makeDirectory(`${request.sandbox.config.logDirectory}/${container.spec.name}`);
    containerId = await createContainer(context, request, config);
  } catch (error) {
    const { message } = error as Error;
    record('Warning', 'Failed', `Error: ${message}`);
    const reason = error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
    const failed = { kind: 'failed', waiting: { reason, message } } as const;
    return error instanceof EnvFileError ? { ...failed, retryAtMs: context.clock.now() + envFileRetryMs } : failed;
  }
  record('Normal', 'Created', 'Container created');
  try {
    const admitted = await unlessAborted(
      request.admission.then(() => true),
      request.signal,
    );
    if (!admitted || request.signal.aborted) return { kind: 'aborted' };
    await context.runtime.startContainer(containerId);
  } catch (error) {
    const { message } = error as Error;
    record('Warning', 'Failed', `Error: ${message}`);
    return { kind: 'failed', waiting: { reason: 'RunContainerError', message } };
  }
  record('Normal', 'Started', 'Container started');
  await request.running(containerId);
  return postStart(context, request, containerId);
}

/** Undefined when the pod ends first: a pull that nobody waits for any more goes on by itself. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

async function createContainer(
  context: AgentContext,
  request: StartRequest,
  config: ReturnType<typeof containerConfig>,
): Promise<string> {
  const { sandbox } = request;
  const containerId = await context.runtime.createContainer(sandbox.id, config, sandbox.config);
  request.created(containerId);
  return containerId;
}

async function postStart(context: AgentContext, request: StartRequest, containerId: string): Promise<StartResult> {
  const { container } = request.start;
  const handler = container.spec.lifecycle?.postStart;
  if (!handler || request.signal.aborted) return { kind: 'started' };
  const { runtime, clock, system } = context;
  const target = { container, containerId, ip: request.sandbox.ips[0] ?? '' };
  try {
    await runHook({ runtime, clock, network: system.network }, target, handler);
    return { kind: 'started' };
  } catch (error) {
    const record = recorderFor(context, request.pod, container);
    record('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    context.log.info('postStart hook failed', { container: container.spec.name, error });
    return { kind: 'failed', waiting: { reason: 'PostStartHookError', message: 'PostStartHook failed' }, containerId };
  }
}

async function configOf(
  context: AgentContext,
  request: StartRequest,
  image: ImageInfo,
): Promise<ReturnType<typeof containerConfig>> {
  const { pod, start, sandbox, volumes } = request;
  const { container, attempt } = start;
  checkRunAsNonRoot(pod, container, image);
  const namespace = pod.metadata.namespace ?? '';
  const enableServiceLinks = pod.spec?.enableServiceLinks !== false;
  const files = await readEnvFiles(context, request);
  const env = containerEnvironment(pod, container.spec, {
    configMap: (name) => context.objects.configMap(namespace, name),
    secret: (name) => context.objects.secret(namespace, name),
    services: serviceEnvironment({ services: context.services(), namespace, enableServiceLinks }),
    facts: nodeFacts(context, sandbox.ips),
    envFile: (volume, path) => files.get(`${volume}/${path}`),
  });
  const settings = container.role === 'app' ? settingsOf(pod) : undefined;
  const declared = await containerMounts({
    pod,
    container,
    attempt,
    env,
    volumes,
    system: context.system,
    podDirectory: podDirectoryOf(context, pod),
    podIps: sandbox.ips,
    clusterDomain: context.dns.clusterDomain,
    nodeName: context.node.name,
  });
  const ofImage = settings?.anonymousVolumes ? await imageMounts(context, { image, volumes, declared }) : [];
  const memoryCapacity = memoryCapacityOf(context);
  const healthcheck = settings?.imageHealthcheck && (await context.runtime.imageHealthcheck(image.id));
  return containerConfig({
    ...{ pod, container, attempt, image, env, memoryCapacity, pidTarget: request.targetId },
    mounts: [...declared, ...ofImage],
    devices: containerDevices(container, volumes),
    settings: settings && filledWith(settings, ofImage),
    healthcheck: healthcheck && { ...healthcheck, ...settings.imageHealthcheck },
    joins: container.role === 'app' ? request.joins : undefined,
  });
}

/** Volumes of the image where nothing else is mounted: other than the runtime's own, they outlive the container. */
async function imageMounts(
  { runtime }: AgentContext,
  { image, volumes, declared }: { image: ImageInfo; volumes: PodVolumes; declared: readonly Mount[] },
): Promise<Mount[]> {
  const taken = new Set(declared.map(({ containerPath }) => normalize(`${containerPath}/`)));
  const paths = (await runtime.imageVolumes(image.id)).filter((path) => !taken.has(normalize(`${path}/`)));
  return Promise.all(
    paths.map(async (containerPath) => {
      const hostPath = await volumes.anonymous.ofImage(containerPath);
      return { containerPath, hostPath, readonly: false, propagation: 'private' } as const;
    }),
  );
}

function filledWith(settings: ContainerSettings, mounts: readonly Mount[]): ContainerSettings {
  const paths = [...(settings.filledFromImage ?? []), ...mounts.map(({ containerPath }) => containerPath)];
  return paths.length > 0 ? { ...settings, filledFromImage: paths } : settings;
}

/** By volume and path. */
async function readEnvFiles(context: AgentContext, { start, volumes }: StartRequest): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const { volumeName, path } of envFilesOf(start.container.spec)) {
    const volume = volumes.get(volumeName);
    if (!volume) throw new ContainerConfigError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
    try {
      const text = await context.system.files.readWithin(volume.hostPath, path);
      if (text !== undefined) files.set(`${volumeName}/${path}`, text);
    } catch (error) {
      throw new EnvFileError(`couldn't parse env file: ${(error as Error).message}`, { cause: error });
    }
  }
  return files;
}

function settingsOf(pod: Pod): ContainerSettings | undefined {
  try {
    return containerSettingsOf(pod);
  } catch (error) {
    throw new ContainerConfigError(`annotation ${containerSettingsAnnotation}: ${(error as Error).message}`);
  }
}

/** What the downward API tells of the node. */
export function nodeFacts(context: AgentContext, podIps: readonly string[]): NodeFacts {
  const { allocatable, name } = context.node;
  return {
    nodeName: name,
    hostIps: hostIpsOf(context.node),
    podIps,
    allocatable: {
      cpu: quantityToMilli(allocatable['cpu'] ?? '0'),
      memory: quantityToNumber(allocatable['memory'] ?? '0'),
      ephemeralStorage: quantityToNumber(allocatable['ephemeral-storage'] ?? '0'),
    },
  };
}

/** Events about one container of a pod. */
export function recorderFor(
  context: AgentContext,
  pod: Pod,
  container: PodContainer,
): (type: 'Normal' | 'Warning', reason: string, message: string) => void {
  const fieldPath = containerFieldPath(container);
  return (type, reason, message) => context.recorder.record(pod, type, reason, message, fieldPath);
}
