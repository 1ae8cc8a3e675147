import { createHash } from 'node:crypto';
import { leavesVolumesAnnotation } from '../api/agent-requests.ts';
import type { ContainerSettings } from '../api/container-settings.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { containerSettingsOf } from './pod-annotations.ts';
import type { VolumeFiles } from './volume-files.ts';

export interface AnonymousVolumesOptions {
  files: Pick<VolumeFiles, 'list' | 'makeDirectory' | 'move' | 'remove'>;
  /** Where volumes lie between two containers: nodes that share it take them from each other. */
  directory: string;
  /** `<root>/pods/<uid>`. */
  podDirectory: string;
  /** Where the pod's emptyDir of this name lies. */
  emptyDir: (volume: string) => string;
}

/**
 * Volumes of a Compose service that have no name: those that the file declares (emptyDirs of the pod) and those that
 * the image does (`VOLUME`). They are the pod's, and go with it; a pod that {@link leavesVolumesAnnotation} tells to leave
 * them, or whose containers are done, leaves them for the next one of its service, by the paths where they are mounted.
 */
export interface AnonymousVolumes {
  /** Takes what an earlier container has left; once for each pod. */
  take(pod: Pod): Promise<void>;
  /** Where the image's volume at a path lies. */
  ofImage(path: string): Promise<string>;
  /** The pod's containers have ended for good. */
  leave(pod: Pod): Promise<void>;
  /** The pod is gone: what nobody is to take goes too. */
  forget(pod: Pod): Promise<void>;
}

export function createAnonymousVolumes(options: AnonymousVolumesOptions): AnonymousVolumes {
  const { files, directory, podDirectory } = options;
  const own = `${podDirectory}/volumes/${plugin}`;
  const leftOf = (pod: Pod, owner: string): string => `${directory}/${digest(`${pod.metadata.namespace}/${owner}`)}`;

  return {
    async take(pod) {
      const settings = settingsOf(pod);
      if (!settings || (await files.list(`${podDirectory}/volumes`)).includes(plugin)) return;
      if (!(await takeOne(files, leftOf(pod, settings.owner), own))) await files.makeDirectory(own, 0o711);
      for (const [volume, path] of ownVolumes(pod, settings)) {
        await files.move(`${own}/${digest(path)}`, options.emptyDir(volume));
      }
    },
    async ofImage(path) {
      const place = `${own}/${digest(path)}`;
      await files.makeDirectory(place);
      return place;
    },
    async leave(pod) {
      const settings = settingsOf(pod);
      if (!settings || (pod.metadata.deletionTimestamp !== undefined && !leaves(pod))) return;
      for (const [volume, path] of ownVolumes(pod, settings)) {
        await files.move(options.emptyDir(volume), `${own}/${digest(path)}`);
      }
      if ((await files.list(own)).length > 0)
        await files.move(own, `${leftOf(pod, settings.owner)}/${pod.metadata.uid}`);
    },
    async forget(pod) {
      const settings = settingsOf(pod);
      if (settings && !leaves(pod)) await files.remove(leftOf(pod, settings.owner));
    },
  };
}

const plugin = 'timonel.dev~anonymous';

/** A name of fixed length that leads nowhere else, whatever the text is. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Several containers of a service may start at once: what was moved away by one is not there for the next. */
async function takeOne(files: AnonymousVolumesOptions['files'], left: string, own: string): Promise<boolean> {
  for (const name of (await files.list(left)).toSorted()) {
    if (await files.move(`${left}/${name}`, own)) return true;
  }
  return false;
}

function leaves({ metadata }: Pod): boolean {
  return metadata.annotations?.[leavesVolumesAnnotation] === 'true';
}

type Settings = NonNullable<ContainerSettings['anonymousVolumes']>;

/** Only what is on the pod's own disk may be moved. */
function ownVolumes({ spec }: Pod, { volumes = {} }: Settings): [string, string][] {
  const names = (spec?.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory');
  return Object.entries(volumes).filter(([volume]) => names.some(({ name }) => name === volume));
}

function settingsOf(pod: Pod): Settings | undefined {
  try {
    return containerSettingsOf(pod)?.anonymousVolumes;
  } catch {
    // What cannot be read is told of when a container is made.
    return undefined;
  }
}
