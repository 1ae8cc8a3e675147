import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildImageFromDockerfile } from '../cluster/images/build-image.ts';
import { clusterPaths } from '../cluster/state.ts';
import { existingCluster } from './context.ts';
import { CliError } from './errors.ts';
import { clusterImages, report, sentence } from './image.ts';
import { createOutput } from './output.ts';

interface BuildFlags {
  name: string;
  tag: string;
  file?: string;
  buildArg: string[];
  target?: string;
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
  const name = await sentence(() =>
    buildImageFromDockerfile({
      context,
      ...(options.file && { dockerfile: resolve(options.file) }),
      name: options.tag,
      buildArgs: Object.fromEntries(options.buildArg.map(parseArgument)),
      ...(options.target && { target: options.target }),
      storageDirectory: clusterPaths(state.name).builds,
      library,
      libraryDirectory,
      sockets,
      onProgress: (text) => output.message(text.trimEnd()),
    }),
  );
  report([name], sockets.length);
}

function parseArgument(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, process.env[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)];
}
