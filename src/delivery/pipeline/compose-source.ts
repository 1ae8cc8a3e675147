import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { KubeObject } from '../../api/object.ts';
import { cloneJson } from '../../api/plain-json.ts';
import { ComposeError } from '../compose/compose-error.ts';
import { diskFiles } from '../compose/disk-files.ts';
import type { ProjectFiles } from '../compose/files.ts';
import { loadProject } from '../compose/load-project.ts';
import { findProject } from '../compose/project-options.ts';
import { translate } from '../compose/translate/translate.ts';
import { ShipError } from './ship-error.ts';
import type { ImageReference, Variables } from './variables.ts';

export interface ComposeSource {
  path: string;
  /** Where `timonel.yaml` lies. */
  directory: string;
  /** Of the release: the project's name too. */
  name: string;
  environment: Variables['environment'];
  /** What was built, by the name of a service or of its image's repository. */
  images: ReadonlyMap<string, ImageReference>;
  warn: (message: string) => void;
  onRead?: ((path: string) => void) | undefined;
}

/**
 * The objects of a compose file, for the namespace of the release. Services that are built run the image of
 * `timonel.yaml` that has their name. Bind mounts are refused: what lies on this machine lies on no other. Rejects with
 * a sentence that names file, line and key.
 */
export function composeObjects({
  path,
  directory,
  name,
  environment,
  images,
  warn,
  onRead,
}: ComposeSource): KubeObject[] {
  const files = recording(onRead);
  const place = findProject(
    { file: [path], projectName: name },
    { files, cwd: directory, processEnvironment: { ...environment } },
  );
  const { project, tree } = loadProject({
    sources: [{ path: resolve(directory, path) }],
    ...{ directory: place.directory, name: place.name, environment: place.environment, profiles: place.profiles },
    ...{ files, workingDirectory: directory, home: homedir(), interpolate: true, resolvePaths: true, warn },
  });
  for (const [service, { build }] of Object.entries(project.services)) {
    const image = images.get(service);
    if (image) Object.assign(project.services[service] as object, { image: image.reference, build: undefined });
    else if (build) {
      throw new ShipError(`${path}: services.${service}.build: there is no image of that name`, {
        hint: `Name it in timonel.yaml: images: {${service}: {context: …}}`,
      });
    }
  }
  const waiting = Object.entries(project.services).filter(([, { depends_on: needs }]) => needs !== undefined);
  if (waiting.length > 0) {
    warn(`depends_on is an order of commands: ${waiting.map(([each]) => each).join(', ')} start with all others`);
  }
  const translation = translate(project, tree, { files, isLocal: false });
  translation.warnings.forEach(warn);
  return [...translation.base, ...Object.values(translation.workloads)].flatMap((object): KubeObject[] => {
    // The release has its own namespace, which is made for it.
    if (object.kind === 'Namespace') return [];
    const { namespace, ...metadata } = object.metadata;
    const isInside = namespace === undefined || namespace === translation.namespace;
    return [cloneJson(isInside ? { ...object, metadata } : object)];
  });
}

function recording(onRead: (path: string) => void = () => undefined): ProjectFiles {
  return {
    ...diskFiles,
    read(path) {
      onRead(resolve(path));
      return diskFiles.read(path);
    },
    readBytes(path) {
      onRead(resolve(path));
      return diskFiles.readBytes(path);
    },
  };
}

/** Mistakes of compose files are sentences already. */
export function asShipError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ComposeError) throw new ShipError(error.message, { cause: error });
    throw error;
  }
}
