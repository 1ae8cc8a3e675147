import type { Client } from '../client/client.ts';
import { quantityToNumber } from '../api/quantity.ts';
import type { ImageVolumeSource, Pod, Volume } from '../api/types/core-v1.ts';
import { createAnonymousVolumes, type AnonymousVolumes } from './anonymous-volumes.ts';
import type { NodeSystem } from './node-system.ts';
import type { ImageResult } from './image-puller.ts';
import { claimedVolume } from './persistent-claims.ts';
import type { ServiceTokens } from './service-tokens.ts';
import { hasPayload, tokenProjections, volumePayload, type PayloadSources } from './volume-payload.ts';

/** A volume as containers mount it, or get it as a device. */
export interface ReadyVolume {
  hostPath: string;
  /** Whatever the mount says. */
  readOnly: boolean;
}

export interface VolumeFailure {
  volume: string;
  message: string;
  /** It is the volume's image that is not there. */
  image?: Extract<ImageResult, { kind: 'failed' }>;
}

export interface PodVolumes {
  /** Brings every volume up; those that are up already only follow changes of their objects. Answers what failed. */
  setUp(pod: Pod): Promise<VolumeFailure[]>;
  get(name: string): ReadyVolume | undefined;
  readonly anonymous: AnonymousVolumes;
  /** Unmounts and removes everything of the pod on disk. */
  tearDown(): Promise<void>;
}

export interface PodVolumesOptions {
  client: Client;
  system: NodeSystem;
  tokens: ServiceTokens;
  sources: (pod: Pod) => Omit<PayloadSources, 'tokens'>;
  /** `<root>/pods/<uid>`. */
  podDirectory: string;
  /** Where volumes without a name lie between two pods. */
  anonymousDirectory: string;
  images: {
    ensure(pod: Pod, image: ImageVolumeSource): Promise<ImageResult>;
    layers(imageId: string): Promise<string[]>;
  };
}

class ImageMissing extends Error {
  readonly image: NonNullable<VolumeFailure['image']>;

  constructor(image: NonNullable<VolumeFailure['image']>) {
    super(image.waiting.message);
    this.image = image;
  }
}

export function createPodVolumes(options: PodVolumesOptions): PodVolumes {
  const { system, podDirectory } = options;
  const ready = new Map<string, ReadyVolume>();
  const anonymous = createAnonymousVolumes({
    ...{ files: system.files, directory: options.anonymousDirectory, podDirectory },
    emptyDir: (volume) => emptyDirPath(podDirectory, volume),
  });

  async function setUpOne(pod: Pod, volume: Volume): Promise<VolumeFailure | undefined> {
    if (ready.has(volume.name) && !hasPayload(volume)) return undefined;
    try {
      ready.set(volume.name, await prepare(options, pod, volume));
      return undefined;
    } catch (error) {
      const failure = { volume: volume.name, message: (error as Error).message };
      return error instanceof ImageMissing ? { ...failure, image: error.image } : failure;
    }
  }

  return {
    anonymous,
    async setUp(pod) {
      try {
        await anonymous.take(pod);
      } catch (error) {
        return [{ volume: 'anonymous', message: (error as Error).message }];
      }
      const results = await Promise.all((pod.spec?.volumes ?? []).map((volume) => setUpOne(pod, volume)));
      return results.filter((failure) => failure !== undefined);
    },
    get: (name) => ready.get(name),
    async tearDown() {
      options.tokens.stop();
      ready.clear();
      await system.mounts.unmountAll(podDirectory);
      await system.files.remove(podDirectory);
    },
  };
}

async function prepare(options: PodVolumesOptions, pod: Pod, volume: Volume): Promise<ReadyVolume> {
  const { system, podDirectory } = options;
  const directory = (plugin: string): string => `${podDirectory}/volumes/kubernetes.io~${plugin}/${volume.name}`;
  if (volume.hostPath) {
    await system.files.prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
    return { hostPath: volume.hostPath.path, readOnly: false };
  }
  if (volume.persistentVolumeClaim || volume.ephemeral) {
    return prepareClaimed(options, pod, { volume, mountPoint: directory('local-volume') });
  }
  if (volume.image) return prepareImage(options, pod, volume.image, directory('image'));
  if (volume.emptyDir) return prepareEmptyDir(options, pod, volume, emptyDirPath(podDirectory, volume.name));
  if (hasPayload(volume)) return preparePayload(options, pod, volume, directory(pluginOf(volume)));
  throw new Error(`no volume plugin matched name: ${volume.name}`);
}

/** A device that holds no file system gets one, as upstream's nodes do it; `mountPoint` is where it is mounted. */
async function prepareClaimed(
  options: PodVolumesOptions,
  pod: Pod,
  { volume, mountPoint }: { volume: Volume; mountPoint: string },
): Promise<ReadyVolume> {
  const { files, mounts } = options.system;
  const claimed = await claimedVolume(options.client, pod, volume);
  const { path, readOnly } = claimed;
  if (claimed.kind === 'hostPath') {
    await files.prepareHostPath(path, claimed.type);
    return { hostPath: path, readOnly };
  }
  const found = await files.lookAt(path);
  if (!found) throw new Error(`path ${JSON.stringify(path)} does not exist`);
  if (claimed.kind === 'block') {
    if (!found.isBlockDevice) throw new Error(`${path} is not a block device`);
    return { hostPath: found.path, readOnly };
  }
  // A link would be given to the group, and not what it leads to.
  const hostPath = found.isBlockDevice ? mountPoint : found.path;
  if (found.isBlockDevice) {
    const { fileSystem, options: mountOptions } = claimed;
    await files.makeDirectory(mountPoint);
    await mounts.mountDevice(mountPoint, { device: found.path, fileSystem, options: mountOptions });
  }
  if (!readOnly) await giveToGroup(options, pod, hostPath);
  return { hostPath, readOnly };
}

/** An image's files, to be read (KEP-4639). Groups of the pod are not given them. */
async function prepareImage(
  { system, images }: PodVolumesOptions,
  pod: Pod,
  source: ImageVolumeSource,
  path: string,
): Promise<ReadyVolume> {
  const found = await images.ensure(pod, source);
  if (found.kind === 'failed') throw new ImageMissing(found);
  await system.files.makeDirectory(path);
  await system.mounts.mountLayers(path, await images.layers(found.image.id));
  return { hostPath: path, readOnly: true };
}

/** Where a volume of this kind lies; `podDirectory`: `<root>/pods/<uid>`. */
export function emptyDirPath(podDirectory: string, volume: string): string {
  return `${podDirectory}/volumes/kubernetes.io~empty-dir/${volume}`;
}

async function prepareEmptyDir(
  options: PodVolumesOptions,
  pod: Pod,
  volume: Volume,
  path: string,
): Promise<ReadyVolume> {
  const { files, mounts } = options.system;
  const { medium, sizeLimit } = volume.emptyDir ?? {};
  await files.makeDirectory(path, 0o777);
  if (medium === 'Memory') {
    await mounts.mountTmpfs(path, sizeLimit && sizeLimit !== '0' ? quantityToNumber(sizeLimit) : undefined);
  }
  await giveToGroup(options, pod, path);
  return { hostPath: path, readOnly: false };
}

async function giveToGroup({ system }: PodVolumesOptions, pod: Pod, path: string): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
  if (fsGroup !== undefined) await system.files.setGroup(path, fsGroup, fsGroupChangePolicy === 'OnRootMismatch');
}

async function preparePayload(
  options: PodVolumesOptions,
  pod: Pod,
  volume: Volume,
  path: string,
): Promise<ReadyVolume> {
  const tokens = await options.tokens.get(pod, tokenProjections(volume));
  const payload = volumePayload(pod, volume, { ...options.sources(pod), tokens });
  await options.system.files.replacePayload(path, payload, pod.spec?.securityContext?.fsGroup);
  return { hostPath: path, readOnly: true };
}

function pluginOf(volume: Volume): string {
  if (volume.configMap) return 'configmap';
  if (volume.secret) return 'secret';
  return volume.downwardAPI ? 'downward-api' : 'projected';
}
