import {
  startRegistry,
  collectGarbage,
  registryEndpoint,
  isRegistryRunning,
} from '../../cluster/registry/local-registry.ts';
import { createRegistryClient, type RegistryClient } from '../../cluster/registry/registry-client.ts';
import { freePort, localNode, requirePort } from '../../cluster/launcher.ts';
import { type ClusterState, readableStates, writeState } from '../../cluster/state.ts';
import { clock, existingCluster, locked, requireRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { sentence } from '../image.ts';
import { createOutput, table } from '../output.ts';

const firstPort = 5000;

export async function up(options: { name: string; port?: number }): Promise<void> {
  const output = createOutput();
  await locked(options.name, async () => {
    const state = existingCluster(options.name);
    if (state.runtime === 'simulated') {
      throw new CliError(`cluster ${state.name} has simulated nodes, which pull no images`);
    }
    requireRoot('starting a registry');
    const { registry } = state;
    if (registry && options.port !== undefined && options.port !== registry.port) {
      throw new CliError(`the registry of cluster ${state.name} is at port ${registry.port}`, {
        hint: 'Its images bear that port in their names. Take it: leave out --port.',
      });
    }
    const port = registry?.port ?? options.port ?? (await chosenPort());
    if (!isRegistryRunning(state)) await requirePort(port);
    const wanted = { ...state, registry: { port } };
    output.progress('Starting the registry …');
    await sentence(() =>
      startRegistry(
        wanted,
        state.nodes.map((node) => localNode(state, node.name)),
        clock,
      ),
    );
    writeState(wanted);
    output.endProgress();
    output.data(`localhost:${port}`);
    output.message(`The registry of cluster ${state.name} answers at localhost:${port}; every node pulls from it.`);
    output.message(`Try: timonel tag hello localhost:${port}/hello && timonel push localhost:${port}/hello`);
  });
}

async function chosenPort(): Promise<number> {
  return freePort(firstPort, new Set(readableStates().flatMap((state) => state.registry?.port ?? [])));
}

export async function list(options: { name: string; output?: 'json' }): Promise<void> {
  const { client, name } = registryOf(existingCluster(options.name));
  const images = await sentence(() => client.list());
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify(images));
  const rows = images.map(({ repository, tag, digest, sizeBytes }) => [
    `${name}/${repository}`,
    tag,
    digest.slice(7, 19),
    `${(sizeBytes / 1e6).toFixed(1)} MB`,
  ]);
  output.data(table(['REPOSITORY', 'TAG', 'DIGEST', 'SIZE'], rows));
}

export async function remove(images: readonly string[], options: { name: string }): Promise<void> {
  const { client, name } = registryOf(existingCluster(options.name));
  const output = createOutput();
  for (const image of images) {
    const { repository, references } = await sentence(() => resolveReference(client, image.replace(`${name}/`, '')));
    for (const reference of references) {
      const digest = await sentence(() => client.digestOf(repository, reference));
      // Another tag of the same manifest went before.
      if (digest === undefined) continue;
      await sentence(() => client.remove(repository, digest));
      output.data(`${repository}@${digest}`);
    }
  }
  output.message(`Free their space: timonel registry gc --name ${options.name}`);
}

async function resolveReference(
  client: RegistryClient,
  image: string,
): Promise<{ repository: string; references: string[] }> {
  const [, repository = '', tag, digest] = /^([^@:]+)(?::([^@]+))?(?:@(.+))?$/.exec(image) ?? [];
  const reference = digest ?? tag;
  const references = reference === undefined ? await client.tags(repository) : [reference];
  const known = reference === undefined ? references.length > 0 : await client.digestOf(repository, reference);
  if (!known) {
    throw new CliError(`the registry has no image ${image}`, { hint: 'What it has: timonel registry ls' });
  }
  return { repository, references };
}

export async function collect(options: { name: string }): Promise<void> {
  const output = createOutput();
  await locked(options.name, async () => {
    const state = existingCluster(options.name);
    requireRoot('freeing space of the registry');
    registryOf(state);
    output.progress('Collecting garbage …');
    const { removed } = await sentence(() => collectGarbage(state, clock));
    output.endProgress();
    output.message(`${removed} blob${removed === 1 ? '' : 's'} removed.`);
  });
}

export function loginInfo(options: { name: string; output?: 'json' }): void {
  requireRoot('reading the registry’s password');
  const { name, username, password } = registryOf(existingCluster(options.name)).endpoint;
  const output = createOutput();
  if (options.output === 'json') return output.data(JSON.stringify({ registry: name, username, password }));
  output.data(`registry: ${name}\nusername: ${username}\npassword: ${password}`);
}

function registryOf(state: ClusterState) {
  const endpoint = registryEndpoint(state);
  if (!endpoint) {
    throw new CliError(`cluster ${state.name} has no registry`, {
      hint: `Start it: timonel registry up --name ${state.name}`,
    });
  }
  return { endpoint, name: endpoint.name, client: createRegistryClient(endpoint) };
}
