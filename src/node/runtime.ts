import type { ContainerSettings, Healthcheck, SharedNamespace } from '../api/container-settings.ts';

/**
 * The container runtime, narrowed to what a node needs of CRI (runtime.v1). `cri.ts` speaks it to containerd over
 * gRPC, `simulated.ts` keeps pods in memory only. Methods reject with {@link RuntimeError}.
 */
export interface ContainerRuntime {
  /** Name and version as node status shows them: `containerd://1.6.20`. */
  version(): Promise<{ name: string; version: string }>;
  /** Conditions of the runtime: is it, and is its network, ready? */
  status(): Promise<{ runtimeReady: boolean; networkReady: boolean; message: string }>;

  /** `handler` is one of those that the runtime was set up with; empty: its default. Rejects when it has no such. */
  runPodSandbox(config: SandboxConfig, handler?: string): Promise<string>;
  /** Ends every process of the sandbox and takes down its network. Idempotent. */
  stopPodSandbox(sandboxId: string): Promise<void>;
  /** Stops it too, if need be, and takes its containers along. Idempotent. */
  removePodSandbox(sandboxId: string): Promise<void>;
  podSandboxStatus(sandboxId: string): Promise<SandboxStatus>;
  listPodSandboxes(): Promise<SandboxSummary[]>;

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(containerId: string): Promise<void>;
  /**
   * The signal by its number (absent: the image's, which is SIGTERM if it names none), then SIGKILL after the grace.
   * Idempotent.
   */
  stopContainer(containerId: string, graceSeconds: number, signal?: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  containerStatus(containerId: string): Promise<ContainerStatusInfo>;
  listContainers(filter?: { podUid?: string }): Promise<ContainerSummary[]>;
  updateContainerResources(containerId: string, resources: LinuxResources): Promise<void>;

  execSync(containerId: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult>;
  /** URLs on the runtime's own streaming server: SPDY and WebSocket. */
  exec(request: ExecRequest): Promise<string>;
  attach(request: AttachRequest): Promise<string>;
  portForward(sandboxId: string, ports: readonly number[]): Promise<string>;

  /** Undefined when the image (by its id) has none, or the runtime does not know. */
  imageHealthcheck(imageId: string): Promise<Healthcheck | undefined>;
  /** Where an image (by its id) wants volumes (`VOLUME`), as paths. */
  imageVolumes(imageId: string): Promise<string[]>;
  /** The directories that an image (by its id) is made of, topmost first. They stay while the image does. */
  imageLayers(imageId: string): Promise<string[]>;
  imageStatus(image: string): Promise<ImageInfo | undefined>;
  pullImage(image: string, auth?: ImageAuth): Promise<string>;
  listImages(): Promise<ImageInfo[]>;
  /** By its id: with all of its names. */
  removeImage(image: string): Promise<void>;
  /** A directory on the file system that images are kept on; undefined when the runtime does not tell. */
  imageDirectory(): Promise<string | undefined>;

  /**
   * Starts, exits and OOM kills as they happen, until `signal`. Loses none while connected; the caller lists again
   * when it throws.
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  /** CPU and memory of running containers, for stats. */
  containerStats(): Promise<ContainerStats[]>;
}

export class RuntimeError extends Error {
  readonly kind: 'notFound' | 'unavailable' | 'timeout' | 'other';

  constructor(kind: RuntimeError['kind'], message: string) {
    super(message);
    this.name = 'RuntimeError';
    this.kind = kind;
  }
}

export interface PodIdentity {
  name: string;
  namespace: string;
  uid: string;
  /** Counts sandboxes of the same pod from 0. */
  attempt: number;
}

export interface SandboxConfig extends PodIdentity {
  hostname: string;
  logDirectory: string;
  dns?: { servers: string[]; searches: string[]; options: string[] };
  portMappings: readonly {
    protocol: 'TCP' | 'UDP' | 'SCTP';
    containerPort: number;
    hostPort: number;
    hostIp: string;
  }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  cgroupParent: string;
  sysctls: Record<string, string>;
  /** `node` shares the host's namespace, `pod` is the sandbox's own, `container` gives each container its own. */
  namespaces: { network: 'pod' | 'node'; pid: 'pod' | 'container' | 'node'; ipc: 'pod' | 'node' };
  security: SecurityOptions;
}

export interface SecurityOptions {
  privileged: boolean;
  runAsUser?: number;
  runAsUserName?: string;
  runAsGroup?: number;
  supplementalGroups?: readonly number[];
  /** It is in no other groups, whatever its image says of its user (KEP-3619). */
  strictGroups?: boolean;
  readOnlyRootFilesystem?: boolean;
  addCapabilities?: readonly string[];
  dropCapabilities?: readonly string[];
  allowPrivilegeEscalation?: boolean;
  seccomp?: 'RuntimeDefault' | 'Unconfined' | { localhost: string };
  maskedPaths?: readonly string[];
  readonlyPaths?: readonly string[];
}

export interface LinuxResources {
  cpuShares?: number;
  cpuQuota?: number;
  cpuPeriod?: number;
  memoryLimitBytes?: number;
  oomScoreAdj?: number;
}

export interface ContainerConfig {
  name: string;
  attempt: number;
  /** Image reference as resolved by imageStatus or pullImage. */
  image: string;
  userSpecifiedImage: string;
  command: readonly string[];
  args: readonly string[];
  workingDir: string;
  env: readonly { key: string; value: string }[];
  mounts: readonly Mount[];
  devices: readonly Device[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Relative to the sandbox's log directory. */
  logPath: string;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  resources: LinuxResources;
  security: SecurityOptions;
  pid: 'pod' | 'container' | 'node';
  /** Its work comes to an end: it is an init container, or one of a Job. */
  isTask?: boolean;
  /** Join the process namespace of this container instead (ephemeral containers that debug another). */
  pidTargetContainerId?: string;
  /** What CRI has no field for. Runtimes that cannot pass it over. */
  settings?: ContainerSettings;
  /** Ids of the running containers whose namespaces it joins ({@link ContainerSettings.joins}). */
  joins?: Readonly<Partial<Record<SharedNamespace, string>>>;
}

export interface Device {
  /** No link. */
  hostPath: string;
  containerPath: string;
  /** Of cgroups: `mrw` or `r`. */
  permissions: string;
}

export interface Mount {
  containerPath: string;
  hostPath: string;
  readonly: boolean;
  propagation: 'private' | 'hostToContainer' | 'bidirectional';
}

export interface SandboxSummary extends PodIdentity {
  id: string;
  state: 'ready' | 'notReady';
  createdAtMs: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface SandboxStatus extends SandboxSummary {
  ip: string;
  additionalIps: readonly string[];
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerSummary {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  state: ContainerState;
  image: string;
  imageRef: string;
  createdAtMs: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** `sandboxId` is '' from runtimes that tell it in lists only (CRI). */
export interface ContainerStatusInfo extends ContainerSummary {
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `ContainerCannotRun` … */
  reason: string;
  message: string;
  logPath: string;
  /** Whom its first process ran as at its start; absent: the runtime does not tell. */
  user?: ProcessUser;
}

export interface ProcessUser {
  uid: number;
  gid: number;
  /** All groups that it is in, `gid` among them. */
  groups: readonly number[];
}

export interface ExecResult {
  stdout: Uint8Array;
  stderr: Uint8Array;
  exitCode: number;
}

export interface ExecRequest extends AttachRequest {
  command: readonly string[];
}

export interface AttachRequest {
  containerId: string;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

export interface ImageInfo {
  id: string;
  tags: readonly string[];
  digests: readonly string[];
  sizeBytes: number;
  /** The runtime itself needs it. */
  pinned: boolean;
  uid?: number;
  userName?: string;
}

export interface ImageAuth {
  username?: string;
  password?: string;
  identityToken?: string;
  registryToken?: string;
}

export type RuntimeEvent =
  | { kind: 'containerStarted'; containerId: string }
  | { kind: 'containerExited'; containerId: string; exitCode: number }
  | { kind: 'containerOom'; containerId: string }
  | { kind: 'sandboxExited'; sandboxId: string }
  | { kind: 'imagesChanged' };

export interface ContainerStats {
  containerId: string;
  podUid: string;
  name: string;
  timestampMs: number;
  cpuUsageNanoseconds: number;
  memoryWorkingSetBytes: number;
  /** What the container has written beside volumes. */
  writableLayerBytes: number;
}
