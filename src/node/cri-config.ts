import type { containerConfig, containerSecurity, podSandboxConfig } from './cri-messages.ts';
import type { Encodable } from './protobuf.ts';
import type { ContainerConfig, SandboxConfig, SecurityOptions } from './runtime.ts';

const protocols = { TCP: 0, UDP: 1, SCTP: 2 };
const namespaceModes = { pod: 0, container: 1, node: 2 };
/** The process namespace of the container that `targetId` names. */
const targetNamespace = 3;
const propagations = { private: 0, hostToContainer: 1, bidirectional: 2 };

/** A sandbox in CRI's terms, with the labels by which every tool for CRI knows a pod. */
export function toSandboxConfig(config: SandboxConfig): Encodable<typeof podSandboxConfig> {
  const { name, namespace, uid, attempt, namespaces, security } = config;
  const mode = (namespace: keyof typeof namespaceModes): number => namespaceModes[namespace];
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: config.hostname,
    logDirectory: config.logDirectory,
    dnsConfig: config.dns,
    portMappings: config.portMappings.map((port) => ({ ...port, protocol: protocols[port.protocol] })),
    labels: { ...config.labels, ...podLabels(config) },
    annotations: config.annotations,
    linux: {
      cgroupParent: config.cgroupParent,
      sysctls: config.sysctls,
      securityContext: {
        namespaceOptions: {
          network: mode(namespaces.network),
          pid: mode(namespaces.pid),
          ipc: mode(namespaces.ipc),
        },
        ...commonSecurity(security),
        seccomp: toSeccomp(security.seccomp),
      },
    },
  };
}

/** A container in CRI's terms. `sandbox` is the configuration of the sandbox that it goes into. */
export function toContainerConfig(config: ContainerConfig, sandbox: SandboxConfig): Encodable<typeof containerConfig> {
  const { name, attempt, image, command, args, workingDir, devices, logPath, stdin, stdinOnce, tty } = config;
  const { memoryLimitBytes: memoryLimit, ...resources } = config.resources;
  return {
    command,
    args,
    workingDir,
    devices,
    logPath,
    stdin,
    stdinOnce,
    tty,
    metadata: {
      name,
      attempt,
    },
    image: { image },
    envs: config.env,
    mounts: config.mounts.map((mount) => ({
      ...mount,
      propagation: propagations[mount.propagation],
    })),
    labels: {
      ...config.labels,
      ...podLabels(sandbox),
      'io.kubernetes.container.name': name,
    },
    annotations: config.annotations,
    linux: {
      resources: {
        ...resources,
        memoryLimit,
      },
      securityContext: toSecurity(config, sandbox),
    },
  };
}

function toSecurity(config: ContainerConfig, sandbox: SandboxConfig): Encodable<typeof containerSecurity> {
  const { security } = config;
  const { network, ipc } = sandbox.namespaces;
  return {
    ...commonSecurity(security),
    capabilities: { add: security.addCapabilities, drop: security.dropCapabilities },
    namespaceOptions: {
      network: namespaceModes[network],
      pid: config.pidTargetContainerId === undefined ? namespaceModes[config.pid] : targetNamespace,
      targetId: config.pidTargetContainerId,
      ipc: namespaceModes[ipc],
    },
    runAsUsername: security.runAsUserName,
    noNewPrivs: security.allowPrivilegeEscalation === false,
    maskedPaths: security.maskedPaths,
    readonlyPaths: security.readonlyPaths,
    seccomp: toSeccomp(security.seccomp),
  };
}

function commonSecurity(security: SecurityOptions) {
  const { privileged, readOnlyRootFilesystem, supplementalGroups, runAsUser, runAsGroup } = security;
  return {
    privileged,
    readonlyRootfs: readOnlyRootFilesystem,
    supplementalGroups,
    runAsUser: runAsUser === undefined ? undefined : { value: runAsUser },
    runAsGroup: runAsGroup === undefined ? undefined : { value: runAsGroup },
  };
}

/** Without a profile a pod is unconfined: upstream's default as long as a node does not set `seccompDefault`. */
function toSeccomp(profile: SecurityOptions['seccomp'] = 'Unconfined'): { profileType: number; localhostRef?: string } {
  if (typeof profile === 'object') return { profileType: 2, localhostRef: profile.localhost };
  return { profileType: profile === 'RuntimeDefault' ? 0 : 1 };
}

function podLabels({ name, namespace, uid }: SandboxConfig): Record<string, string> {
  return { 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': namespace, 'io.kubernetes.pod.uid': uid };
}
