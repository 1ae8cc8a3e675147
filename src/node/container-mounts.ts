import type { Pod } from '../api/types/core-v1.ts';
import { ContainerConfigError } from './environment.ts';
import { expand } from './expansion.ts';
import { hostIdentity, hostNetworkHostsFile, hostsFile } from './host-identity.ts';
import type { NodeSystem } from './node-system.ts';
import type { PodContainer } from './pod-spec.ts';
import type { PodVolumes } from './pod-volumes.ts';
import type { Device, Mount } from './runtime.ts';

export interface MountOptions {
  pod: Pod;
  container: PodContainer;
  attempt: number;
  env: ReadonlyMap<string, string>;
  volumes: PodVolumes;
  system: NodeSystem;
  podDirectory: string;
  podIps: readonly string[];
  clusterDomain: string;
  nodeName: string;
}

const propagations = {
  None: 'private',
  HostToContainer: 'hostToContainer',
  Bidirectional: 'bidirectional',
} as const;

/** The mounts of a container: its volumes, /etc/hosts and the file for its last words. Makes the files it mounts. */
export async function containerMounts(options: MountOptions): Promise<Mount[]> {
  const { container, podDirectory, attempt, system } = options;
  const { spec } = container;
  const mounts = await Promise.all((spec.volumeMounts ?? []).map((mount) => volumeMount(options, mount)));
  const taken = new Set(mounts.map((mount) => mount.containerPath));
  if (!taken.has('/etc/hosts')) mounts.push(await hostsMount(options));
  const message = terminationFile(podDirectory, spec.name, attempt);
  const messagePath = spec.terminationMessagePath || '/dev/termination-log';
  await system.files.writeFile(message, '', 0o666);
  return [...mounts, { containerPath: messagePath, hostPath: message, readonly: false, propagation: 'private' }];
}

/** The block devices of a container. Throws {@link ContainerConfigError} in upstream's words. */
export function containerDevices({ spec }: PodContainer, volumes: PodVolumes): Device[] {
  return (spec.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (!volume) {
      throw new ContainerConfigError(`cannot find volume "${name}" to pass into container "${spec.name}"`);
    }
    return { hostPath: volume.hostPath, containerPath: devicePath, permissions: volume.readOnly ? 'r' : 'mrw' };
  });
}

/** Where a container's termination message lands on the node. */
export function terminationFile(podDirectory: string, container: string, attempt: number): string {
  return `${podDirectory}/containers/${container}/${attempt}`;
}

async function volumeMount(
  options: MountOptions,
  mount: NonNullable<PodContainer['spec']['volumeMounts']>[number],
): Promise<Mount> {
  const { container, volumes, env, system } = options;
  const volume = volumes.get(mount.name);
  if (!volume) {
    throw new ContainerConfigError(
      `cannot find volume "${mount.name}" to mount into container "${container.spec.name}"`,
    );
  }
  const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, env) : mount.subPath;
  let { hostPath } = volume;
  if (subPath) {
    checkSubPath(subPath);
    try {
      hostPath = await system.files.resolveSubPath(volume.hostPath, subPath);
    } catch (error) {
      const where = `volumeMount "${mount.name}" of container "${container.spec.name}"`;
      throw new ContainerConfigError(`failed to prepare subPath for ${where}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return {
    containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
    hostPath,
    readonly: mount.readOnly === true || volume.readOnly,
    propagation: propagations[(mount.mountPropagation ?? 'None') as keyof typeof propagations] ?? 'private',
  };
}

/** What an expression came to was not there when the API looked at it. */
function checkSubPath(subPath: string): void {
  if (subPath.startsWith('/')) {
    throw new ContainerConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  }
  if (subPath.split('/').includes('..')) {
    throw new ContainerConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  }
}

/** Unlike elsewhere, an unknown name is an error here (API docs of `subPathExpr`). */
function expandStrictly(expression: string, env: ReadonlyMap<string, string>): string {
  const missing = [...expression.matchAll(/\$\(([^)]*)\)/g)].find((match) => !env.has(match[1] ?? ''));
  if (missing) {
    throw new ContainerConfigError(`missing value for ${JSON.stringify(missing[1])} in subPathExpr "${expression}"`);
  }
  return expand(expression, env);
}

async function hostsMount(options: MountOptions): Promise<Mount> {
  const { pod, system, podDirectory, podIps, clusterDomain, nodeName } = options;
  const path = `${podDirectory}/etc-hosts`;
  const text = pod.spec?.hostNetwork
    ? hostNetworkHostsFile(pod, (await system.files.readFile('/etc/hosts')) ?? '')
    : hostsFile(pod, { identity: hostIdentity(pod, clusterDomain, nodeName), podIps });
  await system.files.writeFile(path, text);
  return { containerPath: '/etc/hosts', hostPath: path, readonly: false, propagation: 'private' };
}
