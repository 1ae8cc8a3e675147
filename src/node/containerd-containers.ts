import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rmdir } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Healthcheck } from '../api/container-settings.ts';
import type { ContainerdServices } from './containerd-services.ts';
import { deviceNumbers } from './device-numbers.ts';
import { findInImage, readFromImage } from './image-tree.ts';
import { longOptions } from './mounts.ts';
import { chainIds } from './oci-image.ts';
import { changedSpec, type JoinedContainer, type SpecChanges } from './oci-spec.ts';
import type { ContainerConfig } from './runtime.ts';

const run = promisify(execFile);

/** Settings that are none of the runtime's specification. */
const besideSpec: ReadonlySet<string> = new Set([
  'anonymousVolumes',
  'filledFromImage',
  'fileOwners',
  'imageHealthcheck',
  'healthStartPeriod',
  'joins',
]);

/**
 * Gives a container, which has been made and not started, what CRI has no field for: through containerd's own
 * services, and its layers on disk.
 */
export async function settleContainer(
  services: ContainerdServices,
  containerId: string,
  { settings = {}, mounts, joins = {}, security }: Pick<ContainerConfig, 'settings' | 'mounts' | 'joins' | 'security'>,
): Promise<void> {
  const { groups = [], filledFromImage = [] } = settings;
  const strictGroups = security.strictGroups ? (security.supplementalGroups ?? []) : undefined;
  const isOfSpec =
    strictGroups !== undefined ||
    Object.keys(settings).some((key) => !besideSpec.has(key)) ||
    Object.keys(joins).length > 0;
  const layers = groups.length + filledFromImage.length > 0 ? await services.layersOf(containerId) : [];
  if (isOfSpec) {
    const [gids, joined] = await Promise.all([groupNumbers(layers, groups), joinedContainers(services, joins)]);
    await services.changeSpec(containerId, (json) =>
      changedSpec(json, { settings, gids, strictGroups, deviceOf, joins: joined }),
    );
  }
  for (const path of filledFromImage) {
    const mount = mounts.find(({ containerPath }) => containerPath === path);
    if (mount && !mount.readonly) await fillVolume(layers, path, mount.hostPath);
  }
}

async function joinedContainers(
  services: ContainerdServices,
  joins: NonNullable<ContainerConfig['joins']>,
): Promise<SpecChanges['joins']> {
  const found = Object.entries(joins).map(async ([kind, id]): Promise<[string, JoinedContainer]> => {
    const [pid, spec] = await Promise.all([services.pidOf(id), services.specOf(id)]);
    return [kind, { pid, spec }];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** The healthcheck that an image (by its id) has, as Docker keeps it in the image's configuration. */
export async function imageHealthcheck(
  services: ContainerdServices,
  imageId: string,
): Promise<Healthcheck | undefined> {
  const config = await imageConfig(services, imageId);
  return config && healthcheckOf(config);
}

/**
 * Number of the signal that ends containers of an image (by its id) in peace: SIGTERM if the image names none.
 * Undefined when only the runtime can tell.
 */
export async function imageStopSignal(services: ContentPlace, imageId: string): Promise<number | undefined> {
  const config = await imageConfig(services, imageId);
  if (!config) return undefined;
  const text = config.config?.StopSignal ?? '';
  if (text === '') return constants.signals.SIGTERM;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return /^\d+$/.test(text) ? Number(text) : numbers[`SIG${text.toUpperCase().replace(/^SIG/, '')}`];
}

/** Where the image (by its id) wants volumes. */
export async function imageVolumes(services: ContentPlace, imageId: string): Promise<string[]> {
  const config = await imageConfig(services, imageId);
  return Object.keys(config?.config?.Volumes ?? {});
}

type ContentPlace = Pick<ContainerdServices, 'contentRoot'>;

/** The image's configuration as it lies in the store; undefined when it does not. */
async function imageConfig(services: ContentPlace, imageId: string): Promise<ImageConfig | undefined> {
  const file = join(await services.contentRoot(), 'blobs', imageId.replace(':', '/'));
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ImageConfig);
}

/** The directories that an image (by its id) is made of, topmost first. Rejects when it is not there, or not unpacked. */
export async function imageLayers(services: ContainerdServices, imageId: string): Promise<string[]> {
  const config = await imageConfig(services, imageId);
  if (!config) throw new Error(`image ${imageId} is not on this node`);
  const top = chainIds(config.rootfs?.diff_ids ?? []).at(-1);
  const layers = top === undefined ? [] : await services.snapshotLayers(top);
  if (!layers) throw new Error(`image ${imageId} is not unpacked on this node`);
  return layers;
}

interface ImageConfig {
  rootfs?: { diff_ids?: string[] };
  config?: {
    StopSignal?: string;
    Volumes?: Record<string, unknown> | null;
    Healthcheck?: {
      Test?: string[];
      Interval?: number;
      Timeout?: number;
      Retries?: number;
      StartPeriod?: number;
      StartInterval?: number;
    };
  };
}

function healthcheckOf({ config }: ImageConfig): Healthcheck | undefined {
  const check = config?.Healthcheck;
  const [how, ...words] = check?.Test ?? [];
  if (!check || words.length === 0 || (how !== 'CMD' && how !== 'CMD-SHELL')) return undefined;
  const seconds = (nanoseconds = 0): number => Math.ceil(nanoseconds / 1e9);
  return {
    command: how === 'CMD' ? words : ['/bin/sh', '-c', words.join(' ')],
    interval: seconds(check.Interval),
    timeout: seconds(check.Timeout),
    retries: check.Retries ?? 0,
    startPeriod: seconds(check.StartPeriod),
    startInterval: seconds(check.StartInterval),
  };
}

async function groupNumbers(layers: readonly string[], names: readonly string[]): Promise<number[]> {
  if (names.length === 0) return [];
  const lines = ((await readFromImage(layers, '/etc/group')) ?? '').split('\n').map((line) => line.split(':'));
  return names.map((name) => {
    const gid = lines.find(([known]) => known === name)?.[2];
    if (gid === undefined || !/^\d+$/.test(gid)) {
      throw new Error(`unable to find group ${name}: no matching entries in group file`);
    }
    return Number(gid);
  });
}

function deviceOf(path: string): { major: number; minor: number } {
  return deviceNumbers(statSync(path).rdev);
}

/** As Docker does it: an empty volume gets what the image has at its place, with owners and modes. */
async function fillVolume(layers: readonly string[], path: string, directory: string): Promise<void> {
  if ((await readdir(directory)).length > 0) return;
  const entry = await findInImage(layers, path);
  if (!entry?.isDirectory) return;
  if (layers.length === 1) {
    await run('cp', ['-a', `${join(entry.layer, entry.path)}/.`, `${directory}/`]);
    return;
  }
  const root = await mkdtemp(join(tmpdir(), 'timonel-image-'));
  try {
    // The mount is in a mount namespace of its own, and gone with it.
    const script = 'mount -t overlay overlay -o "ro,lowerdir=$1" "$2" && exec cp -a "$2/$3/." "$4/"';
    const words = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
    await run('unshare', [...words, layers.join(':'), root, entry.path, directory], { env: longOptions() });
  } finally {
    await rmdir(root);
  }
}
