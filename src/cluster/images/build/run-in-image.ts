import { CommandError, runCommand } from '../../command.ts';
import { requireCommand } from '../../prerequisites.ts';
import type { ImageLibrary } from '../image-library.ts';
import { isolation, openBuildah } from './buildah.ts';

export interface ImageRun {
  /** Normalised name of an image that was built. */
  image: string;
  /** For `sh -c`. */
  script: string;
  environment: Readonly<Record<string, string>>;
  builder: 'buildah' | 'docker';
  storageDirectory: string;
  library: ImageLibrary;
  libraryDirectory: string;
  onOutput: (text: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a script in a container of a built image on this machine, in the image's own directory and as its own user,
 * before anybody else has the image. Resolves with the exit code. The container is gone after it.
 */
export async function runInImage(options: ImageRun): Promise<number> {
  const { environment, signal, onOutput } = options;
  const variables = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const output = { onStdout: onOutput, onStderr: onOutput, signal };
  if (options.builder === 'docker') {
    const entry = ['docker', 'run', '--rm', ...variables, '--entrypoint', 'sh', options.image, '-c', options.script];
    return exitCode(() => runCommand(entry, output));
  }
  requireCommand('buildah');
  const buildah = await openBuildah(options.storageDirectory);
  if (!(await buildah.has(options.image))) await takeFromLibrary(options, buildah);
  const container = (await buildah.run(['from', '--pull=false', options.image])).trim();
  try {
    const run = ['run', '--isolation', isolation(), ...variables, container, '--', 'sh', '-c', options.script];
    return await exitCode(() => buildah.run(run, output));
  } finally {
    await buildah.run(['rm', container]);
  }
}

async function takeFromLibrary(
  { library, libraryDirectory, image }: ImageRun,
  buildah: Awaited<ReturnType<typeof openBuildah>>,
): Promise<void> {
  const own = (await library.list()).find(({ name }) => name === image);
  if (!own) throw new Error(`there is no image ${image} to run in`);
  await buildah.takeIn(own, libraryDirectory);
}

/** A program that could not be started at all has no exit code, and is a failure of another kind. */
async function exitCode(work: () => Promise<unknown>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode !== null) return error.exitCode;
    throw error;
  }
}
