import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { PersistentVolumeClaim, Volume, VolumeMount, VolumeProjection } from '../../api/types/core-v1.ts';
import { labelValueOf, objectName, projectLabels, volumeLabel } from '../../delivery/compose/translate/names.ts';
import { parseBytes } from '../../delivery/compose/units.ts';
import { CliError } from '../errors.ts';
import { csvFields } from './csv-fields.ts';
import type { StackService } from './stacks.ts';

export interface MountFlags {
  mountAdd?: string[];
  mountRm?: string[];
  secretAdd?: string[];
  secretRm?: string[];
  configAdd?: string[];
  configRm?: string[];
}

/** The names of what can be mounted as files, and of the keys in it. */
export interface FileObjects {
  secrets: ReadonlyMap<string, readonly string[]>;
  configs: ReadonlyMap<string, readonly string[]>;
}

/** What a patch makes of a pod's volumes and of its container's mounts, and the claims of volumes that are new. */
export interface MountChanges {
  pod: Record<string, unknown>;
  container: Record<string, unknown>;
  claims: PersistentVolumeClaim[];
}

type Mounted = { volume: Omit<Volume, 'name'>; mount: Omit<VolumeMount, 'name'>; claim?: PersistentVolumeClaim };

const secretDirectory = '/run/secrets';
const defaultMode = 0o444;

/** The mounts of a service as flags change them. Throws {@link CliError}. */
export function mountChanges(service: StackService, flags: MountFlags, objects: FileObjects): MountChanges {
  const pod = service.template?.spec;
  const volumes = pod?.volumes ?? [];
  const mounts = pod?.containers[0]?.volumeMounts ?? [];
  const files = new FileMounts(service, { volumes, mounts, objects });
  for (const text of flags.secretRm ?? []) files.remove('secrets', text);
  for (const text of flags.configRm ?? []) files.remove('configs', text);
  for (const text of flags.secretAdd ?? []) files.add('secrets', text);
  for (const text of flags.configAdd ?? []) files.add('configs', text);
  const added = [...(flags.mountAdd ?? []).map((text) => mountOf(service, text)), ...files.added];
  const removed = new Set([...(flags.mountRm ?? []).map((path) => clean(path)), ...files.removed]);
  const targets = new Set(added.map(({ mount }) => mount.mountPath));
  const kept = mounts.filter(({ mountPath }) => !removed.has(clean(mountPath)) && !targets.has(mountPath));
  const made = added.map(({ volume, mount }) => ({ volume: { name: volumeName(volume, mount), ...volume }, mount }));
  const used = new Set([...kept.map(({ name }) => name), ...made.map(({ volume }) => volume.name)]);
  const isMounted = (name: string): boolean => mounts.some((mount) => mount.name === name);
  const volumeChanges = [
    ...made.map(({ volume }) => volume),
    ...files.changed,
    ...volumes.filter(({ name }) => isMounted(name) && !used.has(name)).map(({ name }) => ({ name, $patch: 'delete' })),
  ];
  const mountPatches = [
    ...mounts
      .filter((mount) => !kept.includes(mount) && !targets.has(mount.mountPath))
      .map(({ mountPath }) => ({ mountPath, $patch: 'delete' })),
    ...made.map(({ volume, mount }) => {
      const isThere = mounts.some(({ mountPath }) => mountPath === mount.mountPath);
      return { ...(isThere && nothingElse), ...mount, name: volume.name };
    }),
  ];
  return {
    pod: volumeChanges.length > 0 ? { volumes: volumeChanges } : {},
    container: mountPatches.length > 0 ? { volumeMounts: mountPatches } : {},
    claims: added.flatMap(({ claim }) => claim ?? []),
  };
}

/** A patch of a mount that is there changes what it names, and nothing is to stay of the old one. */
const nothingElse = { readOnly: null, subPath: null, subPathExpr: null, mountPropagation: null };

/** The same for the same source, so that a volume that is mounted twice is one; other names than a file's own have. */
function volumeName(volume: Omit<Volume, 'name'>, { mountPath }: Omit<VolumeMount, 'name'>): string {
  const isShared = volume.persistentVolumeClaim !== undefined || volume.hostPath !== undefined;
  const text = JSON.stringify(isShared ? volume : [volume, mountPath]);
  return `mount-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}

/** `type=volume,source=data,target=/data,readonly`. */
function mountOf(service: StackService, text: string): Mounted {
  const invalid = (why: string): CliError => new CliError(`invalid argument "${text}" for "--mount-add": ${why}`);
  const { type = 'volume', ...fields } = csvFields(text, invalid);
  const take = (...names: string[]): string | undefined => {
    const name = names.find((each) => fields[each] !== undefined);
    const value = name === undefined ? undefined : fields[name];
    if (name !== undefined) delete fields[name];
    return value;
  };
  const source = take('source', 'src');
  const target = take('target', 'destination', 'dst');
  const readOnly = take('readonly', 'ro');
  const subPath = type === 'volume' ? take('volume-subpath') : undefined;
  const size = type === 'tmpfs' ? take('tmpfs-size') : undefined;
  if (type === 'tmpfs') take('tmpfs-mode');
  if (type === 'volume') take('volume-nocopy');
  const [other] = Object.keys(fields);
  if (other !== undefined) throw invalid(`mounts of type ${type} have no field ${other} here`);
  if (target === undefined) throw invalid('target is required');
  if (!target.startsWith('/')) throw invalid(`invalid mount target, must be an absolute path: ${target}`);
  const mount = {
    mountPath: clean(target),
    ...(readOnly !== undefined && ['true', '1'].includes(readOnly) && { readOnly: true }),
    ...(subPath !== undefined && { subPath }),
  };
  if (type === 'tmpfs') {
    if (source !== undefined) throw invalid('cannot specify source for tmpfs');
    const bytes = size === undefined ? undefined : parseBytes(size);
    if (size !== undefined && bytes === undefined) throw invalid(`invalid size: ${size}`);
    return { volume: { emptyDir: { medium: 'Memory', ...(bytes && { sizeLimit: String(bytes) }) } }, mount };
  }
  if (type === 'bind') {
    if (source === undefined) throw invalid('type is bind, source is required');
    if (!source.startsWith('/')) throw invalid(`invalid bind mount source, must be an absolute path: ${source}`);
    return { volume: { hostPath: { path: source } }, mount };
  }
  if (type !== 'volume') throw invalid(`invalid mount type ${type}: it is volume, bind or tmpfs`);
  if (source === undefined) return { volume: { emptyDir: {} }, mount };
  const claim = claimOf(service, source);
  return { volume: { persistentVolumeClaim: { claimName: claim.metadata.name ?? '' } }, mount, claim };
}

function claimOf({ stack, namespace, mode, wanted }: StackService, source: string): PersistentVolumeClaim {
  const key = source.startsWith(`${stack}_`) ? source.slice(stack.length + 1) : source;
  const isShared = mode === 'global' || wanted > 1;
  return {
    metadata: {
      ...{ name: objectName(key), namespace },
      labels: { ...projectLabels(stack), [volumeLabel]: labelValueOf(key) },
    },
    spec: {
      accessModes: [isShared ? 'ReadWriteMany' : 'ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  };
}

function clean(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

interface FileState {
  volumes: readonly Volume[];
  mounts: readonly VolumeMount[];
  objects: FileObjects;
}

/** Secrets and configs as files: those of `/run/secrets` are one volume, every other one is a mount of its own. */
class FileMounts {
  readonly added: Mounted[] = [];
  /** Paths of mounts that go. */
  readonly removed = new Set<string>();
  readonly #service: StackService;
  readonly #state: FileState;
  /** The sources of the volume at `/run/secrets`. */
  #sources: VolumeProjection[];
  #hasChanged = false;

  constructor(service: StackService, state: FileState) {
    this.#service = service;
    this.#state = state;
    this.#sources = [...(this.#together?.projected?.sources ?? [])];
  }

  /** Patches of volumes that are there and stay. */
  get changed(): Record<string, unknown>[] {
    const volume = this.#together;
    if (!volume || !this.#hasChanged || this.#sources.length === 0) return [];
    return [{ name: volume.name, projected: { sources: this.#sources } }];
  }

  remove(kind: 'secrets' | 'configs', name: string): void {
    const object = this.#objectOf(kind, name, `--${kind.slice(0, -1)}-rm`);
    const isIt = (source: VolumeProjection): boolean => (source.secret ?? source.configMap)?.name === object;
    const isOfKind = (source: VolumeProjection): boolean => (kind === 'secrets') === (source.secret !== undefined);
    const left = this.#sources.filter((source) => !(isIt(source) && isOfKind(source)));
    if (left.length < this.#sources.length) this.#setSources(left);
    for (const { name: volumeName, projected } of this.#state.volumes) {
      const [only, ...others] = projected?.sources ?? [];
      if (!only || others.length > 0 || volumeName === this.#together?.name || !isIt(only) || !isOfKind(only)) continue;
      for (const mount of this.#state.mounts) if (mount.name === volumeName) this.removed.add(mount.mountPath);
    }
  }

  /** `NAME`, or `source=NAME,target=FILE,mode=0400`. */
  add(kind: 'secrets' | 'configs', text: string): void {
    const flag = `--${kind.slice(0, -1)}-add`;
    const invalid = (why: string): CliError => new CliError(`invalid argument "${text}" for "${flag}": ${why}`);
    const fields = text.includes('=') ? csvFields(text, invalid) : { source: text };
    const { source, src = source, target = src, mode, ...others } = fields as Record<string, string | undefined>;
    const [other] = Object.keys(others);
    if (other !== undefined) throw invalid(`files of pods have no ${other}: they are root's`);
    if (src === undefined || src === '') throw invalid('source is required');
    if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) throw invalid(`invalid mode specified: ${mode}`);
    const name = this.#objectOf(kind, src, flag);
    const path = posix.resolve(kind === 'secrets' ? secretDirectory : '/', target ?? src);
    const [key = ''] = this.#state.objects[kind].get(name) ?? [];
    const item = { key, path: posix.basename(path), mode: mode === undefined ? defaultMode : Number.parseInt(mode, 8) };
    const from = { name, items: [item] };
    const projection = kind === 'secrets' ? { secret: from } : { configMap: from };
    if (posix.dirname(path) !== secretDirectory) {
      const mount = { mountPath: path, subPath: item.path, readOnly: true };
      this.added.push({ volume: { projected: { sources: [projection] } }, mount });
      return;
    }
    const isThere = (each: VolumeProjection): boolean =>
      ((each.secret ?? each.configMap)?.items ?? []).some((file) => file.path === item.path);
    this.#setSources([...this.#sources.filter((each) => !isThere(each)), projection]);
  }

  get #together(): Volume | undefined {
    const mount = this.#state.mounts.find(({ mountPath }) => mountPath === secretDirectory);
    return this.#state.volumes.find(({ name, projected }) => projected !== undefined && name === mount?.name);
  }

  #setSources(sources: VolumeProjection[]): void {
    this.#sources = sources;
    this.#hasChanged = true;
    if (sources.length === 0) this.removed.add(secretDirectory);
    else this.removed.delete(secretDirectory);
    if (this.#together) return;
    const others = this.added.filter(({ mount }) => mount.mountPath !== secretDirectory);
    this.added.splice(0, Infinity, ...others, {
      volume: { projected: { sources } },
      mount: { mountPath: secretDirectory, readOnly: true },
    });
  }

  /** By its own name, by that in the file, or by Swarm's, which begins with the stack's. */
  #objectOf(kind: 'secrets' | 'configs', given: string, flag: string): string {
    const { stack } = this.#service;
    const suffix = kind === 'secrets' ? 'secret' : 'config';
    const key = given.startsWith(`${stack}_`) ? given.slice(stack.length + 1) : given;
    const names = [given, key].flatMap((name) => [objectName(`${name}-${suffix}`), objectName(name)]);
    const found = names.find((name) => this.#state.objects[kind].has(name));
    if (found !== undefined) return found;
    const kindName = kind === 'secrets' ? 'secret generic' : 'configmap';
    throw new CliError(`${suffix} not found: ${given}`, {
      hint: `${flag}: there is none of that name in namespace ${this.#service.namespace}. Make one: timonel create ${kindName} …`,
    });
  }
}
