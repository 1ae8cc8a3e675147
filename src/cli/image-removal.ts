import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodSpec } from '../api/types/core-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import {
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '../client/resources.ts';
import { normaliseImageName } from '../cluster/images/image-library.ts';
import { isUsedOn, prunableImages } from '../cluster/images/image-removal.ts';
import { deleteOn, imagesOn, type NodeImages, untagOn } from '../cluster/images/node-images.ts';
import type { KubeObject } from '../api/object.ts';
import { existingCluster } from './context.ts';
import { dockerSize } from './docker-units.ts';
import { CliError } from './errors.ts';
import { clusterImages, sentence } from './image.ts';
import { createOutput } from './output.ts';

type ClusterImages = ReturnType<typeof clusterImages>;

/** What became of an image's name. */
export type Removal =
  | { outcome: 'removed'; deleted: string[]; freedBytes: number }
  | { outcome: 'in use'; by: string }
  | { outcome: 'unknown' };

/** Of which images the cluster's objects have the names, and the first object that does; by normalised name. */
export type NamedImages = ReadonlyMap<string, string>;

const templates = [
  deployments,
  replicaSets,
  replicationControllers,
  statefulSets,
  daemonSets,
  jobs,
] as readonly Resource[];

/**
 * The images that pods have, and those that their owners would make pods with: jobs to come, and versions that a
 * rollout may go back to. Finished pods count too, as stopped containers do.
 */
export async function namedImages(client: Client): Promise<NamedImages> {
  const [ofPods, ofCronJobs, ...ofTemplates] = await Promise.all([
    client.list(pods, {}),
    client.list(cronJobs, {}),
    ...templates.map((resource) => client.list(resource, {})),
  ]);
  const named = new Map<string, string>();
  const add = (object: KubeObject, kind: string, spec: PodSpec | undefined): void => {
    const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ image }) => image);
    const volumes = (spec?.volumes ?? []).map(({ image }) => image?.reference);
    for (const image of [...containers, ...volumes]) {
      const name = image && nameOrUndefined(image);
      const by = `${kind} ${object.metadata.namespace}/${object.metadata.name}`;
      if (name && !named.has(name)) named.set(name, by);
    }
  };
  for (const pod of ofPods.items) add(pod, 'pod', pod.spec);
  for (const job of ofCronJobs.items) add(job, 'cron job', job.spec?.jobTemplate?.spec?.template?.spec);
  for (const { items } of ofTemplates) {
    for (const object of items) add(object, 'workload', (object as { spec?: Templated }).spec?.template?.spec);
  }
  return named;
}

interface Templated {
  template?: { spec?: PodSpec };
}

function nameOrUndefined(image: string): string | undefined {
  try {
    return normaliseImageName(image);
  } catch {
    return undefined;
  }
}

/** Takes a name from the library and from the nodes that run, unless it is in use; by `force` even then. */
export async function removeImage(
  { library, directory, sockets }: ClusterImages,
  name: string,
  { named, force }: { named: NamedImages; force: boolean },
): Promise<Removal> {
  const nodes = await Promise.all(sockets.map((socket) => imagesOn(socket)));
  const own = (await library.list()).find((image) => image.name === name);
  const isThere = own !== undefined || nodes.some(({ images }) => images.some(({ tags }) => tags.includes(name)));
  if (!isThere) return { outcome: 'unknown' };
  const by = named.get(name) ?? (nodes.some((node) => isUsedOn(node, name)) ? 'a container' : undefined);
  if (by !== undefined && !force) return { outcome: 'in use', by };
  const before = own && (await sizeOf(join(directory, own.archive)));
  await library.forget(name);
  const ids = await Promise.all(sockets.map((socket) => untagOn(socket, name)));
  const deleted = [...new Set(ids.flatMap((id) => id ?? []))];
  const after = own && (await sizeOf(join(directory, own.archive)));
  const freedBytes = (before ?? 0) - (after ?? 0) + sizeOnNodes(nodes, deleted);
  return { outcome: 'removed', deleted, freedBytes };
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}

/** Nodes of one machine share the layers of an image. */
function sizeOnNodes(nodes: readonly NodeImages[], ids: readonly string[]): number {
  const all = nodes.flatMap(({ images }) => images);
  return ids.reduce((sum, id) => sum + (all.find((image) => image.id === id)?.sizeBytes ?? 0), 0);
}

/** `timonel image rm` */
export async function removeImages(
  names: readonly string[],
  options: { name: string; force?: boolean },
): Promise<void> {
  const images = clusterImages(existingCluster(options.name));
  const output = createOutput();
  const force = options.force ?? false;
  const named = force ? new Map<string, string>() : await ofCluster(options.name, namedImages);
  const wrong: string[] = [];
  for (const given of names) {
    const name = await sentence(() => Promise.resolve(normaliseImageName(given)));
    const removal = await sentence(() => removeImage(images, name, { named, force }));
    if (removal.outcome === 'unknown') wrong.push(`No such image: ${given}`);
    if (removal.outcome === 'in use') {
      wrong.push(`conflict: unable to remove ${given} (must force): ${removal.by} is using it`);
    }
    if (removal.outcome !== 'removed') continue;
    output.data(`Untagged: ${name}`);
    for (const id of removal.deleted) output.data(`Deleted: ${id}`);
  }
  if (wrong.length > 0) throw new CliError(wrong.join('\n'));
}

export interface PruneFlags {
  name: string;
  all?: boolean;
  force?: boolean;
  filter?: string[];
}

/** `timonel image prune` */
export async function pruneImages(flags: PruneFlags): Promise<void> {
  const before = await untilOf(flags.filter ?? []);
  const images = clusterImages(existingCluster(flags.name));
  const named = await ofCluster(flags.name, namedImages);
  const what = flags.all ? 'all images without at least one container associated to them' : 'all dangling images';
  const { confirm } = await import('./compose/confirm.ts');
  const question = `WARNING! This will remove ${what}.\nAre you sure you want to continue?`;
  if (!flags.force && !(await confirm(question))) return;
  const output = createOutput();
  const { sockets, library, directory } = images;
  const nodes = await Promise.all(sockets.map((socket) => imagesOn(socket)));
  const own = await Promise.all(
    (await library.list()).map(async (image) => ({
      ...image,
      takenInMs: (await stat(join(directory, image.archive)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const facts = { library: own, nodes, named: new Set(named.keys()), before };
  const { names, ids } = prunableImages(facts, flags.all ?? false);
  const lines: string[] = [];
  let freed = 0;
  for (const name of names) {
    const removal = await sentence(() => removeImage(images, name, { named, force: false }));
    if (removal.outcome !== 'removed') continue;
    freed += removal.freedBytes;
    lines.push(`untagged: ${name}`, ...removal.deleted.map((id) => `deleted: ${id}`));
  }
  for (const id of ids) {
    await sentence(() => Promise.all(sockets.map((socket) => deleteOn(socket, id))));
    freed += sizeOnNodes(nodes, [id]);
    lines.push(`deleted: ${id}`);
  }
  if (lines.length > 0) output.data(['Deleted Images:', ...lines, ''].join('\n'));
  output.data(`Total reclaimed space: ${dockerSize(freed)}`);
}

/** `until=24h`, or a time: only what was taken in before. Epoch milliseconds. */
async function untilOf(filters: readonly string[]): Promise<number | undefined> {
  const { timeOf } = await import('./compose/logs.ts');
  let before: number | undefined;
  for (const filter of filters) {
    const [, key = filter, value = ''] = /^([^=]*)=(.*)$/s.exec(filter) ?? [];
    if (key !== 'until') throw new CliError(`invalid filter '${key}': it is until=TIME`, { exitCode: 2 });
    before = timeOf('--filter until', value);
  }
  return before;
}

async function ofCluster<T>(name: string, work: (client: Client) => Promise<T>): Promise<T> {
  const { withCluster } = await import('./compose/connection.ts');
  return withCluster({ context: `timonel-${name}` }, ({ client }) => work(client));
}
