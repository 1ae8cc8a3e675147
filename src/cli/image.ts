import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeBusyboxBase, makeDebianBase } from '../cluster/images/base-image.ts';
import { substituteFor } from '../cluster/images/build/base-substitute.ts';
import { type ImageLibrary, normaliseImageName, openImageLibrary } from '../cluster/images/image-library.ts';
import { localNode, localNodeProcesses } from '../cluster/launcher.ts';
import { nodeRuntimeSocket } from '../cluster/local-node.ts';
import { type ClusterState, clusterPaths, dataRoot } from '../cluster/state.ts';
import { existingCluster, requireRoot } from './context.ts';
import { CliError } from './errors.ts';
import { createOutput, table } from './output.ts';

/** The images of a cluster, and the nodes that run and get new ones at once. */
export function clusterImages(state: ClusterState): { library: ImageLibrary; directory: string; sockets: string[] } {
  if (state.runtime === 'simulated') {
    throw new CliError(`cluster ${state.name} has simulated nodes, which need no images`, {
      hint: 'One with containers: timonel up --name NAME',
    });
  }
  requireRoot('working with images');
  const { images } = clusterPaths(state.name);
  const running = state.nodes.filter((node) => localNodeProcesses(state, node.name).containerd !== undefined);
  const sockets = running.map((node) => nodeRuntimeSocket(localNode(state, node.name)));
  return { library: openImageLibrary(images), directory: images, sockets };
}

export async function importImage(
  archive: string,
  name: string | undefined,
  options: { name: string; command?: string },
): Promise<void> {
  const state = existingCluster(options.name);
  const { library, sockets } = clusterImages(state);
  if (!existsSync(archive)) throw new CliError(`there is no file ${archive}`);
  const output = createOutput();
  output.progress(`Importing ${archive} …`);
  const run = options.command ? { Cmd: options.command.split(/\s+/) } : undefined;
  const names = await sentence(() => library.import(archive, { sockets, ...(name && { name }), ...(run && { run }) }));
  report(names, sockets.length);
}

export async function listImages(options: { name: string; output?: 'json' }): Promise<void> {
  const { library } = clusterImages(existingCluster(options.name));
  const images = await sentence(() => library.list());
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(images));
  const rows = images.map((image) => [image.name, `${(image.sizeBytes / 1e6).toFixed(1)} MB`]);
  output.data(table(['IMAGE', 'SIZE'], rows));
}

/**
 * Makes a base image from what Debian's mirror, or the machine itself, has. One that is called as a well-known image
 * behaves as that does: its command, environment and users, and its packages unless others are named.
 */
export async function makeBaseImage(
  name: string | undefined,
  options: { name: string; include?: string; busybox?: boolean },
): Promise<void> {
  const state = existingCluster(options.name);
  const { library, sockets } = clusterImages(state);
  const output = createOutput();
  const cacheDirectory = join(dataRoot(), '.cache');
  const names = await sentence(async () => {
    const known = substituteFor(normaliseImageName(name ?? 'debian'));
    if (options.busybox || (known && !known.packages && options.include === undefined)) {
      const archive = await makeBusyboxBase(cacheDirectory);
      return library.import(archive, { name: name ?? 'busybox', run: { Cmd: ['/bin/sh'] }, sockets });
    }
    output.message('Making a base image from the Debian mirror of this machine …');
    const include = options.include?.split(',').filter((part) => part !== '') ?? known?.packages ?? [];
    const onProgress = (text: string): void => output.progress(text.trim().split('\n').at(-1)?.slice(0, 100) ?? '');
    const archive = await makeDebianBase({ include, setUp: known?.setUp, cacheDirectory, onProgress });
    output.endProgress();
    const run = {
      Cmd: known?.command ?? ['/bin/bash'],
      ...(known && { Env: Object.entries(known.env).map(([key, value]) => `${key}=${value}`) }),
    };
    return library.import(archive, { name: name ?? 'debian', run, sockets });
  });
  report(names, sockets.length);
}

/** Errors of image work are sentences already. */
export async function sentence<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError((error as Error).message, { cause: error });
  }
}

export function report(names: readonly string[], nodes: number): void {
  const output = createOutput();
  output.endProgress();
  for (const name of names) output.data(name);
  output.message(`On ${nodes} running node${nodes === 1 ? '' : 's'}; others get it when they start.`);
}
