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
  const { signal, onOutput } = options;
  const input = withEnvironment(options);
  const output = { onStdout: onOutput, onStderr: onOutput, signal, input };
  if (options.builder === 'docker') {
    const entry = ['docker', 'run', '--rm', '-i', '--entrypoint', 'sh', options.image, '-c', runInput];
    return exitCode(() => runCommand(entry, output));
  }
  requireCommand('buildah');
  const buildah = await openBuildah(options.storageDirectory);
  if (!(await buildah.has(options.image))) await takeFromLibrary(options, buildah);
  const container = (await buildah.run(['from', '--pull=false', options.image])).trim();
  try {
    const run = ['run', '--isolation', isolation(), container, '--', 'sh', '-c', runInput];
    const onStderr = withoutBuildah(onOutput);
    return await exitCode(() => buildah.run(run, { ...output, onStderr }));
  } finally {
    await buildah.run(['rm', container]);
  }
}

/** What buildah adds to what the script has said, when that fails: its exit code, in three lines. */
const ofBuildah = /^(?:subprocess exited (?:with status \d+|on [a-z ]+)|Error: exit status \d+)\n/gm;
const beginnings = ['subprocess exited ', 'Error: exit status '];

/** Hands output on less buildah's own lines. Of the rest, only what may become one is held back until it ends. */
export function withoutBuildah(onOutput: (text: string) => void): (text: string) => void {
  let held = '';
  return (text) => {
    const all = (held + text).replace(ofBuildah, '');
    const last = all.slice(all.lastIndexOf('\n') + 1);
    const mayBe = last !== '' && beginnings.some((each) => each.startsWith(last) || last.startsWith(each));
    held = mayBe ? last : '';
    const rest = mayBe ? all.slice(0, -last.length) : all;
    if (rest !== '') onOutput(rest);
  };
}

/** Runs the script that it is given to read, with nothing to read for the script itself. */
const runInput = 'timonel_script=$(cat); exec </dev/null; eval "unset timonel_script; $timonel_script"';

/** Values come by standard input: a command line can be read by everybody on the machine. */
function withEnvironment({ environment, script }: Pick<ImageRun, 'environment' | 'script'>): string {
  const wrong = Object.keys(environment).find((name) => !/^[A-Za-z_]\w*$/.test(name));
  if (wrong !== undefined) throw new Error(`"${wrong}" is no name of a variable`);
  const quoted = (value: string): string => `'${value.replaceAll("'", String.raw`'\''`)}'`;
  const variables = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  return `${variables.join('')}${script}\n`;
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
