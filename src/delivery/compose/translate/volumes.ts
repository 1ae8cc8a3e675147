import type { ContainerSettings } from '../../../api/container-settings.ts';
import type { PersistentVolumeClaim, Volume as PodVolume, VolumeMount } from '../../../api/types/core-v1.ts';
import type { Mount, Project, Volume } from '../model.ts';
import { isWindowsPath } from '../short-syntax.ts';
import type { Path } from '../tree.ts';
import { parseBytes } from '../units.ts';
import { labelValueOf, objectName, projectLabels, volumeLabel } from './names.ts';
import type { Scope, ServiceScope } from './scope.ts';

export interface Mounted {
  volumes: PodVolume[];
  mounts: VolumeMount[];
}

/** A claim must ask for something; where sizes are enforced, `x-size` or the option `size` says how much. */
const defaultSize = '1Gi';
const dockerSockets = new Set(['/var/run/docker.sock', '/run/docker.sock']);

/** The mounts of a service: its own, tmpfs, shared memory, devices, and those it takes from others. */
export function mountsOf(scope: ServiceScope): Mounted {
  const { service, at } = scope;
  const builder = new MountBuilder(scope);
  for (const [index, mount] of (service.volumes ?? []).entries()) builder.add(mount, at('volumes', index));
  for (const [index, text] of (service.tmpfs ?? []).entries()) builder.addTmpfs(text, at('tmpfs', index));
  for (const [index, source] of (service.volumes_from ?? []).entries()) {
    for (const mount of mountsFrom(scope, source, at('volumes_from', index)))
      builder.add(mount, at('volumes_from', index));
  }
  if (service.shm_size) builder.addMemory('/dev/shm', service.shm_size);
  for (const [index, { source = '', target = source }] of (service.devices ?? []).entries()) {
    builder.addDevice(source, target, at('devices', index));
  }
  return { volumes: builder.volumes, mounts: builder.mounts };
}

/**
 * The volumes of a service that have no name: its next container has them again, as docker compose does it. By the
 * names that they have in the pod: where they are mounted.
 */
export function anonymousVolumesOf(scope: ServiceScope): NonNullable<ContainerSettings['anonymousVolumes']> {
  const { volumes, mounts } = mountsOf(scope);
  const found = volumes.filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory');
  const paths = found.map(({ name }) => [name, mounts.find((mount) => mount.name === name)?.mountPath ?? ''] as const);
  return { owner: scope.name, ...(paths.length > 0 && { volumes: Object.fromEntries(paths) }) };
}

/** `service[:ro]` */
function mountsFrom({ project, problems }: Scope, text: string, path: Path): Mount[] {
  const [first = '', second, third] = text.split(':');
  if (first === 'container') {
    problems.refuse(path, `container ${second ?? ''} is of no service of this file`);
    return [];
  }
  const isReadOnly = (third ?? second) === 'ro';
  const { volumes = [] } = project.services[first] ?? {};
  const nameless = volumes.find(({ type, source }) => type === 'volume' && !source);
  if (nameless)
    problems.refuse(path, `the volume ${nameless.target} of ${first} has no name, and is its alone: give it one`);
  return volumes.map((mount) => (isReadOnly ? { ...mount, read_only: true } : mount));
}

class MountBuilder {
  readonly volumes: PodVolume[] = [];
  readonly mounts: VolumeMount[] = [];
  readonly #scope: ServiceScope;

  constructor(scope: ServiceScope) {
    this.#scope = scope;
  }

  add(mount: Mount, path: Path): void {
    const { problems } = this.#scope;
    if (!mount.target.startsWith('/')) {
      return problems.refuse(path, `${mount.target} is no absolute path of a container, which runs Linux`);
    }
    if (mount.type === 'tmpfs') return this.addMemory(mount.target, mount.tmpfs?.size);
    if (mount.type === 'bind') return this.#addBind(mount, path);
    if (mount.type === 'volume') return this.#addVolume(mount, path);
    if (mount.type === 'image') return this.#addImage(mount);
    problems.refuse(path, `there are no mounts of type ${mount.type} in a pod here`);
  }

  /** `/run[:size=64m,mode=1777]` */
  addTmpfs(text: string, path: Path): void {
    const [target = '', options = ''] = text.split(':');
    const settings = options.split(',').filter((option) => option !== '');
    const size = settings.find((option) => option.startsWith('size='))?.slice('size='.length);
    const other = settings.filter((option) => !/^(?:size=|mode=|rw$|exec$|suid$|dev$|nosuid$|nodev$)/.test(option));
    if (other.length > 0) this.#scope.problems.refuse(path, `memory volumes have no options ${other.join(', ')}`);
    this.addMemory(target, size === undefined ? undefined : String(parseBytes(size) ?? size));
  }

  addMemory(target: string, size: string | undefined): void {
    this.#mount({ emptyDir: { medium: 'Memory', ...(size && Number(size) > 0 && { sizeLimit: size }) } }, target, {});
  }

  addDevice(source: string, target: string, path: Path): void {
    const { service, problems } = this.#scope;
    if (!source.startsWith('/')) return problems.refuse(path, `${source} is a device of the CDI, not a path`);
    if (!service.privileged)
      return problems.refuse(path, 'a container gets devices of the node only with `privileged: true`');
    this.#mount({ hostPath: { path: source } }, target, {});
  }

  #addBind(mount: Mount, path: Path): void {
    const { problems, options } = this.#scope;
    const { source = '', target, bind } = mount;
    if (isWindowsPath(source)) return problems.refuse(path, `${source} is a path of Windows, and nodes run Linux`);
    if (dockerSockets.has(source)) return problems.refuse(path, 'nodes have no Docker daemon to talk to');
    if (options.isLocal === false) problems.refuse(path, `${source} is on this machine, not on the cluster's nodes`);
    if (bind?.selinux) problems.warn(path, `files of the node keep their SELinux label (${bind.selinux})`);
    const isThere = options.files.exists(source);
    const isFile = isThere && !options.files.isDirectory(source);
    // Docker makes what is missing a directory, unless it is told not to.
    const type = isThere
      ? isFile
        ? ''
        : 'Directory'
      : bind?.create_host_path === false
        ? 'Directory'
        : 'DirectoryOrCreate';
    this.#mount({ hostPath: { path: source, type } }, target, {
      readOnly: mount.read_only,
      mountPropagation: propagation(bind?.propagation),
    });
  }

  #addVolume(mount: Mount, path: Path): void {
    const { project } = this.#scope;
    const { source, target, read_only: readOnly, volume } = mount;
    // An anonymous volume lives as long as its container.
    if (!source) return this.#mount({ emptyDir: {} }, target, { readOnly, subPath: volume?.subpath });
    const definition = project.volumes[source];
    if (!definition) return this.#scope.problems.refuse(path, `there is no volume ${source}`);
    this.#mount(sourceOf(source, definition), target, { readOnly, subPath: volume?.subpath });
  }

  /** An image's files, to be read. */
  #addImage({ source = '', target, image }: Mount): void {
    this.#mount({ image: { reference: source } }, target, { readOnly: true, subPath: image?.subpath });
  }

  /** One volume for each source, however often it is mounted. */
  #mount(source: Omit<PodVolume, 'name'>, target: string, options: Partial<VolumeMount>): void {
    const text = JSON.stringify(source);
    const isShared = !('emptyDir' in source);
    let volume = isShared ? this.volumes.find(({ name: _name, ...rest }) => JSON.stringify(rest) === text) : undefined;
    if (!volume) {
      volume = { name: `volume-${this.volumes.length + 1}`, ...source };
      this.volumes.push(volume);
    }
    this.mounts.push({ name: volume.name, mountPath: target, ...options });
  }
}

function propagation(mode: string | undefined): string | undefined {
  if (mode === 'shared' || mode === 'rshared') return 'Bidirectional';
  return mode === 'slave' || mode === 'rslave' ? 'HostToContainer' : undefined;
}

/** The claim of a named volume, or what its `local` driver's options make of it: a directory, memory, or NFS. */
function sourceOf(key: string, volume: Volume): Omit<PodVolume, 'name'> {
  const { type = '', o = '', device = '', size } = volume.driver_opts ?? {};
  if (isLocal(volume) && isBind(o)) return { hostPath: { path: device } };
  if (isLocal(volume) && type === 'tmpfs') {
    const sizeLimit = size ?? /(?:^|,)size=([^,]+)/.exec(o)?.[1];
    return {
      emptyDir: { medium: 'Memory', ...(sizeLimit && { sizeLimit: String(parseBytes(sizeLimit) ?? sizeLimit) }) },
    };
  }
  if (isLocal(volume) && type.startsWith('nfs')) {
    return { nfs: { server: /(?:^|,)addr=([^,]+)/.exec(o)?.[1] ?? '', path: device.replace(/^:/, '') } };
  }
  return { persistentVolumeClaim: { claimName: claimName(key, volume) } };
}

function isLocal({ driver, external }: Volume): boolean {
  return !external && (driver === undefined || driver === 'local');
}

function isBind(options: string): boolean {
  return /(?:^|,)r?bind(?:,|$)/.test(options);
}

/** Claims live in the project's namespace: the project's name is not part of theirs. */
function claimName(key: string, volume: Volume): string {
  return objectName(volume.external ? volume.name : key);
}

/** Claims for the named volumes that are to keep data. */
export function claimsOf(scope: Scope): PersistentVolumeClaim[] {
  const { project, problems } = scope;
  const keys = new Map<string, string>();
  return Object.entries(project.volumes).flatMap(([key, volume]) => {
    if (volume.external) return [];
    const at = (...path: string[]): Path => ['volumes', key, ...path];
    const name = claimName(key, volume);
    const other = keys.get(name);
    if (other !== undefined) problems.refuse(at(), `has the same name in a cluster as ${other}: ${name}`);
    keys.set(name, key);
    if (volume.name && volume.name !== `${project.name}_${key}`) {
      problems.warn(at('name'), 'a volume is of its project alone: others do not find it by this name');
    }
    if ('x-cluster-spec' in volume) {
      problems.warn(at('x-cluster-spec'), "there are no cluster volumes of Swarm's: the storage class makes this one");
    }
    const { type, o, device: _device, size, ...others } = volume.driver_opts ?? {};
    if (volume.driver && volume.driver !== 'local') {
      problems.refuse(
        at('driver'),
        `${volume.driver} is a plugin of Docker's; the cluster's storage class makes volumes`,
      );
    } else if (Object.keys(others).length > 0) {
      problems.refuse(at('driver_opts'), `volumes have no options ${Object.keys(others).join(', ')}`);
    }
    if ('persistentVolumeClaim' in sourceOf(key, volume) === false) return [];
    if (type || o)
      problems.refuse(at('driver_opts'), `volumes of type ${type ?? ''} with ${o ?? 'no options'} cannot be made`);
    return [claim(project, { key, volume, size: size === undefined ? defaultSize : String(parseBytes(size) ?? size) })];
  });
}

function claim(
  project: Project,
  { key, volume, size }: { key: string; volume: Volume; size: string },
): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(key, volume),
      labels: { ...projectLabels(project.name), [volumeLabel]: labelValueOf(key) },
      annotations: volume.labels,
    },
    spec: {
      accessModes: [isShared(project, key) ? 'ReadWriteMany' : 'ReadWriteOnce'],
      resources: { requests: { storage: size } },
    },
  };
}

/** Whether pods of several nodes may need the volume at once. */
function isShared(project: Project, key: string): boolean {
  const users = Object.values(project.services).filter(({ volumes = [] }) =>
    volumes.some(({ source }) => source === key),
  );
  return (
    users.length > 1 ||
    users.some(({ scale, deploy }) => (scale ?? deploy?.replicas ?? 1) > 1 || deploy?.mode === 'global')
  );
}
