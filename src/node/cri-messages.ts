/**
 * The messages of CRI (package runtime.v1) and of containerd's events service that the node speaks: their fields, by
 * the numbers of the published API. Fields that nothing here reads or sends are left out.
 */
import { bool, bytes, int, ints, list, message, nested, string, stringMap, strings } from './protobuf.ts';

const none = message({});
const int64Value = message({ value: int(1) });
const imageSpec = message({ image: string(1) });
const podMetadata = message({ name: string(1), uid: string(2), namespace: string(3), attempt: int(4) });
const containerMetadata = message({ name: string(1), attempt: int(2) });
const namespaceOptions = message({ network: int(1), pid: int(2), ipc: int(3), targetId: string(4) });
const securityProfile = message({ profileType: int(1), localhostRef: string(2) });

const sandboxSecurity = message({
  namespaceOptions: nested(1, namespaceOptions),
  runAsUser: nested(3, int64Value),
  readonlyRootfs: bool(4),
  supplementalGroups: ints(5),
  privileged: bool(6),
  runAsGroup: nested(8, int64Value),
  seccomp: nested(9, securityProfile),
});
export const podSandboxConfig = message({
  metadata: nested(1, podMetadata),
  hostname: string(2),
  logDirectory: string(3),
  dnsConfig: nested(4, message({ servers: strings(1), searches: strings(2), options: strings(3) })),
  portMappings: list(5, message({ protocol: int(1), containerPort: int(2), hostPort: int(3), hostIp: string(4) })),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: nested(
    8,
    message({ cgroupParent: string(1), securityContext: nested(2, sandboxSecurity), sysctls: stringMap(3) }),
  ),
});

const linuxResources = message({
  cpuPeriod: int(1),
  cpuQuota: int(2),
  cpuShares: int(3),
  memoryLimit: int(4),
  oomScoreAdj: int(5),
});
export const containerSecurity = message({
  capabilities: nested(1, message({ add: strings(1), drop: strings(2) })),
  privileged: bool(2),
  namespaceOptions: nested(3, namespaceOptions),
  runAsUser: nested(5, int64Value),
  runAsUsername: string(6),
  readonlyRootfs: bool(7),
  supplementalGroups: ints(8),
  noNewPrivs: bool(11),
  runAsGroup: nested(12, int64Value),
  maskedPaths: strings(13),
  readonlyPaths: strings(14),
  seccomp: nested(15, securityProfile),
});
export const containerConfig = message({
  metadata: nested(1, containerMetadata),
  image: nested(2, imageSpec),
  command: strings(3),
  args: strings(4),
  workingDir: string(5),
  envs: list(6, message({ key: string(1), value: string(2) })),
  mounts: list(7, message({ containerPath: string(1), hostPath: string(2), readonly: bool(3), propagation: int(5) })),
  devices: list(8, message({ containerPath: string(1), hostPath: string(2), permissions: string(3) })),
  labels: stringMap(9),
  annotations: stringMap(10),
  logPath: string(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(15, message({ resources: nested(1, linuxResources), securityContext: nested(2, containerSecurity) })),
});

const podSandbox = message({
  id: string(1),
  metadata: nested(2, podMetadata),
  state: int(3),
  createdAt: int(4),
  labels: stringMap(5),
  annotations: stringMap(6),
});
const podSandboxStatus = message({
  id: string(1),
  metadata: nested(2, podMetadata),
  state: int(3),
  createdAt: int(4),
  network: nested(5, message({ ip: string(1), additionalIps: list(2, message({ ip: string(1) })) })),
  labels: stringMap(7),
  annotations: stringMap(8),
});
const container = message({
  id: string(1),
  podSandboxId: string(2),
  metadata: nested(3, containerMetadata),
  image: nested(4, imageSpec),
  imageRef: string(5),
  state: int(6),
  createdAt: int(7),
  labels: stringMap(8),
  annotations: stringMap(9),
});
const containerStatus = message({
  id: string(1),
  metadata: nested(2, containerMetadata),
  state: int(3),
  createdAt: int(4),
  startedAt: int(5),
  finishedAt: int(6),
  exitCode: int(7),
  image: nested(8, imageSpec),
  imageRef: string(9),
  reason: string(10),
  message: string(11),
  labels: stringMap(12),
  annotations: stringMap(13),
  logPath: string(15),
});
const image = message({
  id: string(1),
  repoTags: strings(2),
  repoDigests: strings(3),
  size: int(4),
  uid: nested(5, int64Value),
  username: string(6),
  pinned: bool(8),
});
const containerStats = message({
  attributes: nested(1, message({ id: string(1), metadata: nested(2, containerMetadata), labels: stringMap(3) })),
  cpu: nested(2, message({ timestamp: int(1), usageCoreNanoSeconds: nested(2, int64Value) })),
  memory: nested(3, message({ timestamp: int(1), workingSetBytes: nested(2, int64Value) })),
  writableLayer: nested(4, message({ usedBytes: nested(3, int64Value) })),
});

const containerId = message({ containerId: string(1) });
const podSandboxId = message({ podSandboxId: string(1) });
const url = message({ url: string(1) });
const method = <Q, A>(service: 'RuntimeService' | 'ImageService', name: string, request: Q, answer: A) => ({
  path: `runtime.v1.${service}/${name}`,
  request,
  answer,
});
const runtime = <Q, A>(name: string, request: Q, answer: A) => method('RuntimeService', name, request, answer);
const images = <Q, A>(name: string, request: Q, answer: A) => method('ImageService', name, request, answer);

/** Every method the node calls: path, request, answer. */
export const cri = {
  version: runtime(
    'Version',
    message({ version: string(1) }),
    message({ runtimeName: string(2), runtimeVersion: string(3) }),
  ),
  status: runtime(
    'Status',
    none,
    message({
      status: nested(
        1,
        message({
          conditions: list(1, message({ type: string(1), status: bool(2), reason: string(3), message: string(4) })),
        }),
      ),
    }),
  ),
  runPodSandbox: runtime(
    'RunPodSandbox',
    message({ config: nested(1, podSandboxConfig), runtimeHandler: string(2) }),
    podSandboxId,
  ),
  stopPodSandbox: runtime('StopPodSandbox', podSandboxId, none),
  removePodSandbox: runtime('RemovePodSandbox', podSandboxId, none),
  podSandboxStatus: runtime('PodSandboxStatus', podSandboxId, message({ status: nested(1, podSandboxStatus) })),
  listPodSandbox: runtime('ListPodSandbox', none, message({ items: list(1, podSandbox) })),
  createContainer: runtime(
    'CreateContainer',
    message({
      podSandboxId: string(1),
      config: nested(2, containerConfig),
      sandboxConfig: nested(3, podSandboxConfig),
    }),
    containerId,
  ),
  startContainer: runtime('StartContainer', containerId, none),
  stopContainer: runtime('StopContainer', message({ containerId: string(1), timeout: int(2) }), none),
  removeContainer: runtime('RemoveContainer', containerId, none),
  containerStatus: runtime('ContainerStatus', containerId, message({ status: nested(1, containerStatus) })),
  listContainers: runtime(
    'ListContainers',
    message({ filter: nested(1, message({ labelSelector: stringMap(4) })) }),
    message({ containers: list(1, container) }),
  ),
  updateContainerResources: runtime(
    'UpdateContainerResources',
    message({ containerId: string(1), linux: nested(2, linuxResources) }),
    none,
  ),
  execSync: runtime(
    'ExecSync',
    message({ containerId: string(1), cmd: strings(2), timeout: int(3) }),
    message({ stdout: bytes(1), stderr: bytes(2), exitCode: int(3) }),
  ),
  exec: runtime(
    'Exec',
    message({
      containerId: string(1),
      cmd: strings(2),
      tty: bool(3),
      stdin: bool(4),
      stdout: bool(5),
      stderr: bool(6),
    }),
    url,
  ),
  attach: runtime(
    'Attach',
    message({ containerId: string(1), stdin: bool(2), tty: bool(3), stdout: bool(4), stderr: bool(5) }),
    url,
  ),
  portForward: runtime('PortForward', message({ podSandboxId: string(1), port: ints(2) }), url),
  listContainerStats: runtime('ListContainerStats', none, message({ stats: list(1, containerStats) })),
  imageStatus: images('ImageStatus', message({ image: nested(1, imageSpec) }), message({ image: nested(1, image) })),
  listImages: images('ListImages', none, message({ images: list(1, image) })),
  pullImage: images(
    'PullImage',
    message({
      image: nested(1, imageSpec),
      auth: nested(
        2,
        message({ username: string(1), password: string(2), identityToken: string(5), registryToken: string(6) }),
      ),
    }),
    message({ imageRef: string(1) }),
  ),
  imageFsInfo: images(
    'ImageFsInfo',
    none,
    message({ imageFilesystems: list(1, message({ fsId: nested(2, message({ mountpoint: string(1) })) })) }),
  ),
  removeImage: images('RemoveImage', message({ image: nested(1, imageSpec) }), none),
};

/** CRI's own event stream (containerd 1.7, CRI-O): created 0, started 1, stopped 2, deleted 3. */
export const criEvents = {
  path: 'runtime.v1.RuntimeService/GetContainerEvents',
  request: none,
  event: message({ containerId: string(1), type: int(2) }),
};

/** containerd's event stream, in every version: an envelope with a typed payload. */
export const containerdEvents = {
  path: 'containerd.services.events.v1.Events/Subscribe',
  request: message({ filters: strings(1) }),
  event: message({
    namespace: string(2),
    topic: string(3),
    event: nested(4, message({ typeUrl: string(1), value: bytes(2) })),
  }),
  taskStart: message({ containerId: string(1), pid: int(2) }),
  taskOom: message({ containerId: string(1) }),
  /** `id` names an exec'd process; it is empty or the container's own for the container. */
  taskDelete: message({ containerId: string(1), exitStatus: int(3), id: string(5) }),
};
