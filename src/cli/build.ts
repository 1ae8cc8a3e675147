import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BuildRequest, buildImageFromDockerfile } from '../cluster/images/build/build-image.ts';
import { clusterPaths, dataRoot } from '../cluster/state.ts';
import { loginFiles } from '../delivery/registry/docker-config.ts';
import { existingCluster } from './context.ts';
import { CliError } from './errors.ts';
import { clusterImages, report, sentence } from './image.ts';
import { interruptible } from './interrupt.ts';
import { createOutput } from './output.ts';

export interface BuildFlags {
  name: string;
  tag: string[];
  file?: string;
  buildArg: string[];
  target?: string;
  secret: string[];
  ssh: string[];
  platform: string[];
  label: string[];
  addHost: string[];
  buildContext: string[];
  cacheFrom: string[];
  cacheTo: string[];
  network?: string;
  cache: boolean;
  pull?: true | 'missing' | 'always' | 'never';
  builder: 'auto' | 'buildah' | 'docker';
  quiet?: boolean;
}

/** Builds a Dockerfile and gives the image to the cluster's nodes. */
export async function build(directory: string, options: BuildFlags): Promise<void> {
  const state = existingCluster(options.name);
  const { library, directory: libraryDirectory, sockets } = clusterImages(state);
  const context = resolve(directory);
  if (!statSync(context, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CliError(`there is no directory ${directory}`, {
      hint: 'The build context is a directory with a Dockerfile.',
    });
  }
  const output = createOutput();
  const authFile = loginFiles(process.env).find((file) => existsSync(file));
  const make = (dockerfile: string | undefined, signal: AbortSignal): Promise<string[]> =>
    buildImageFromDockerfile(requestOf(context, dockerfile, options), {
      builder: options.builder === 'auto' ? 'buildah' : options.builder,
      storageDirectory: clusterPaths(state.name).builds,
      cacheDirectory: join(dataRoot(), '.cache'),
      ...(authFile && { authFile }),
      ...{ library, libraryDirectory, sockets, signal },
      ...(!options.quiet && { onProgress: (text: string) => output.message(text.trimEnd()) }),
      onNotice: (text) => output.message(text),
    });
  const names = await interruptible((signal) =>
    sentence(() => withDockerfile(options.file, (dockerfile) => make(dockerfile, signal))),
  );
  report(names, sockets.length);
}

function requestOf(context: string, dockerfile: string | undefined, options: BuildFlags): BuildRequest {
  const { target, network, pull } = options;
  return {
    context,
    names: options.tag,
    ...(dockerfile !== undefined && { dockerfile }),
    buildArgs: Object.fromEntries(options.buildArg.map(parseArgument)),
    ...(target !== undefined && { target }),
    ...(network !== undefined && { network }),
    secrets: options.secret,
    ssh: options.ssh,
    platforms: options.platform.flatMap((each) => each.split(',')),
    labels: options.label,
    addHosts: options.addHost,
    buildContexts: options.buildContext,
    cacheFrom: options.cacheFrom,
    cacheTo: options.cacheTo,
    noCache: !options.cache,
    ...(pull !== undefined && { pull: pull === true ? 'always' : pull }),
  };
}

/** `-` is a Dockerfile on standard input. */
async function withDockerfile<T>(
  file: string | undefined,
  work: (dockerfile: string | undefined) => Promise<T>,
): Promise<T> {
  if (file !== '-') return work(file === undefined ? undefined : resolve(file));
  const directory = mkdtempSync(join(tmpdir(), 'timonel-build-'));
  try {
    writeFileSync(join(directory, 'Dockerfile'), readFileSync(0));
    return await work(join(directory, 'Dockerfile'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function parseArgument(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, process.env[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)];
}
