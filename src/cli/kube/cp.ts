import { createReadStream, createWriteStream, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join, posix, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { extract as createExtract, pack as createPack, type Pack } from 'tar-stream';
import type { ObjectName } from '../../client/client.ts';
import { execInPod } from '../../client/pod-streams.ts';
import { pods } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { chosenContainer } from './pods-of.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface CopyFlags extends KubeFlags {
  container?: string;
}

interface Place {
  /** Undefined: on this machine. */
  pod?: { name: string; namespace?: string };
  path: string;
}

/** `timonel cp FROM TO`, one of them `[NAMESPACE/]POD:PATH`. By tar, which the container must have. */
export async function cp(from: string, to: string, flags: CopyFlags): Promise<void> {
  const [source, target] = [placeOf(from), placeOf(to)];
  if (Boolean(source.pod) === Boolean(target.pod))
    throw new CliError('one of src or dest must be a remote file specification');
  if (source.path === '' || target.path === '') throw new CliError('filepath can not be empty');
  const remote = source.pod ?? target.pod;
  await withKube(flags, async (kube) => {
    const name: ObjectName = { name: remote?.name ?? '', namespace: remote?.namespace ?? kube.namespace };
    const container = chosenContainer(await kube.client.get(pods, name), flags.container);
    const inside = { kube, name, container };
    if (source.pod) await download(inside, source.path, target.path);
    else await upload(inside, source.path, target.path);
  });
}

/** A colon before any slash but the namespace's tells a place in a pod. */
function placeOf(text: string): Place {
  const match = /^(?:([^/:.][^/:]*)\/)?([^/:.][^/:]*):(.*)$/s.exec(text);
  if (!match) return { path: text };
  const [, namespace, name = '', path = ''] = match;
  return { pod: { name, ...(namespace && { namespace }) }, path };
}

interface Inside {
  kube: Kube;
  name: ObjectName;
  container: string;
}

async function upload(inside: Inside, local: string, remote: string): Promise<void> {
  if (!existsSync(local)) throw new CliError(`${local} doesn't exist in local filesystem`);
  const isDirectory = remote.endsWith('/') || (await runQuietly(inside, ['test', '-d', remote])) === 0;
  const target = isDirectory ? posix.join(remote, basename(resolve(local))) : remote;
  const pack = createPack();
  const remoteTar = await execInPod(inside.kube.client, inside.name, {
    ...{ container: inside.container, stdin: true },
    command: ['tar', '-xmf', '-', '-C', posix.dirname(target)],
  });
  const filling = addEntries(pack, local, posix.basename(target)).then(() => pack.finalize());
  remoteTar.stderr.pipe(process.stderr, { end: false });
  remoteTar.stdout.resume();
  // A tar that has ended does not read the rest.
  await Promise.all([filling, pipeline(pack as unknown as Readable, remoteTar.stdin)]).catch((error: unknown) => {
    if (!(error instanceof Error) || !('code' in error)) throw error;
  });
  await ended(remoteTar, 'tar');
}

async function addEntries(pack: Pack, path: string, name: string): Promise<void> {
  const stats = lstatSync(path);
  const header = { name, mode: stats.mode & 0o7777, mtime: stats.mtime };
  if (stats.isSymbolicLink()) {
    process.stderr.write(`warning: skipping symlink: "${path}"\n`);
  } else if (stats.isDirectory()) {
    pack.entry({ ...header, type: 'directory' });
    for (const inner of readdirSync(path)) await addEntries(pack, join(path, inner), `${name}/${inner}`);
  } else if (stats.isFile()) {
    await pipeline(createReadStream(path), pack.entry({ ...header, size: stats.size }));
  }
}

async function download(inside: Inside, remote: string, local: string): Promise<void> {
  const remoteTar = await execInPod(inside.kube.client, inside.name, {
    container: inside.container,
    command: ['tar', 'cf', '-', remote],
  });
  remoteTar.stderr.pipe(process.stderr, { end: false });
  const extract = createExtract();
  const reading = pipeline(remoteTar.stdout, extract as unknown as NodeJS.WritableStream);
  const prefix = posix
    .normalize(remote)
    .replace(/^\/+|\/+$/g, '')
    .replace(/^(?:\.\.?\/)+/, '');
  const isInto = existsSync(local) && lstatSync(local).isDirectory();
  for await (const entry of extract) {
    const { name, type } = entry.header;
    const rest = entryRest(name, prefix);
    const base = isInto ? join(local, basename(remote)) : local;
    const path = join(base, rest);
    if (type === 'symlink' || type === 'link') {
      process.stderr.write(`warning: skipping symlink: "${path}" -> "${entry.header.linkname ?? ''}"\n`);
      entry.resume();
    } else if (path !== base && !path.startsWith(base.endsWith(sep) ? base : base + sep)) {
      // Whoever made the archive must not write outside of where it belongs.
      process.stderr.write(`warning: file "${name}" is outside target destination, skipping\n`);
      entry.resume();
    } else if (type === 'directory') {
      mkdirSync(path, { recursive: true });
      entry.resume();
    } else {
      mkdirSync(dirname(path), { recursive: true });
      await pipeline(entry, createWriteStream(path, { mode: entry.header.mode ?? 0o644 }));
    }
  }
  await reading;
  await ended(remoteTar, 'tar');
}

function entryRest(name: string, prefix: string): string {
  const clean = name.replace(/^\/+|\/+$/g, '').replace(/^(?:\.\.?\/)+/, '');
  return prefix === '.' || prefix === ''
    ? clean
    : clean === prefix
      ? ''
      : clean.startsWith(`${prefix}/`)
        ? clean.slice(prefix.length + 1)
        : clean;
}

async function runQuietly({ kube, name, container }: Inside, command: string[]): Promise<number> {
  const process_ = await execInPod(kube.client, name, { container, command });
  process_.stdout.resume();
  process_.stderr.resume();
  return process_.exitCode;
}

async function ended(
  { exitCode, close }: { exitCode: Promise<number>; close: () => void },
  what: string,
): Promise<void> {
  const code = await exitCode;
  close();
  if (code !== 0) throw new CliError(`${what} in the container ended with exit code ${code}`, { exitCode: code });
}
