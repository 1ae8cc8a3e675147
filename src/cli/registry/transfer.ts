import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { normaliseImageName } from '../../cluster/images/image-library.ts';
import { pullImage, pushImage, type RegistryAccess } from '../../cluster/images/transfer.ts';
import { type RegistryEndpoint, registryEndpoint } from '../../cluster/registry/local-registry.ts';
import { clusterPaths, readableStates } from '../../cluster/state.ts';
import { findLogin, loginFiles } from '../../delivery/registry/docker-config.ts';
import { existingCluster } from '../context.ts';
import { CliError } from '../errors.ts';
import { clusterImages, report, sentence } from '../image.ts';
import { interruptible } from '../interrupt.ts';
import { createOutput } from '../output.ts';

export async function push(
  image: string,
  destination: string | undefined,
  options: { name: string; insecure?: boolean },
): Promise<void> {
  const state = existingCluster(options.name);
  const { library, directory } = clusterImages(state);
  const name = await sentence(() => Promise.resolve(normaliseImageName(image)));
  const found = (await sentence(() => library.list())).find((each) => each.name === name);
  if (!found) throw noImage(name);
  const target = destination === undefined ? name : normaliseImageName(destination);
  await interruptible((signal) =>
    sentence(async () => pushImage(found, directory, target, await accessTo(target, options.insecure), signal)),
  );
  createOutput().data(target);
}

export async function pull(image: string, options: { name: string; insecure?: boolean }): Promise<void> {
  const state = existingCluster(options.name);
  const { library, sockets } = clusterImages(state);
  const name = await sentence(() => Promise.resolve(normaliseImageName(image)));
  const { images } = clusterPaths(state.name);
  const file = join(images, `pulled-${process.pid}.tar`);
  mkdirSync(images, { recursive: true });
  const names = await interruptible((signal) =>
    sentence(async () => {
      try {
        await pullImage(name, file, await accessTo(name, options.insecure), signal);
        return await library.import(file, { name, sockets });
      } finally {
        rmSync(file, { force: true });
      }
    }),
  );
  report(names, sockets.length);
}

export async function tag(image: string, alias: string, options: { name: string }): Promise<void> {
  const { library, directory, sockets } = clusterImages(existingCluster(options.name));
  const name = await sentence(() => Promise.resolve(normaliseImageName(image)));
  const found = (await sentence(() => library.list())).find((each) => each.name === name);
  if (!found) throw noImage(name);
  const names = await sentence(() => library.import(join(directory, found.archive), { name: alias, sockets }));
  report(names, sockets.length);
}

function noImage(name: string): CliError {
  return new CliError(`the cluster has no image ${name}`, { hint: 'What it has: timonel image list' });
}

/** The registry of a cluster of this machine that an image's name begins with. */
export function ownRegistry(image: string): RegistryEndpoint | undefined {
  const host = image.split('/')[0] as string;
  const endpoints = readableStates().flatMap((state) => registryEndpoint(state) ?? []);
  return endpoints.find(({ name, port }) => host === name || host === `127.0.0.1:${port}`);
}

/** The registries of this machine's clusters are known; for any other, what Docker or Podman have kept. */
export async function accessTo(image: string, insecure = false): Promise<RegistryAccess> {
  const own = ownRegistry(image);
  if (own) return { login: own, certificateDirectory: own.certificateDirectory };
  const login = await findLogin(image.split('/')[0] as string, loginFiles(process.env), { warn: warnOnce });
  return { ...(login && { login }), insecure };
}

const warnings = new Set<string>();

/** Every image of a registry asks for the same login. */
function warnOnce(message: string): void {
  if (warnings.has(message)) return;
  warnings.add(message);
  createOutput().message(`warning: ${message}`);
}
