import { existsSync } from 'node:fs';
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type CommandOptions, runCommand } from '../../command.ts';
import type { LibraryImage } from '../image-library.ts';

/** buildah over a storage of its own, kept between builds for its layers. */
export interface Buildah {
  /** Runs `buildah <command…>`; resolves with what it writes to standard output. */
  run(command: readonly string[], options?: CommandOptions): Promise<string>;
  /** Puts an image of the library into the storage, under its name. */
  takeIn(image: LibraryImage, libraryDirectory: string): Promise<void>;
  has(image: string): Promise<boolean>;
}

const overlayMagic = 0x794c7630;

/** `chroot` needs nothing of the machine; who knows better says so the way buildah documents it. */
export function isolation(): string {
  return process.env['BUILDAH_ISOLATION'] ?? 'chroot';
}

export async function openBuildah(directory: string, onProgress?: (text: string) => void): Promise<Buildah> {
  await mkdir(directory, { recursive: true });
  const policy = join(directory, 'policy.json');
  const registries = join(directory, 'registries.conf');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  await writeFile(registries, 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "permissive"\n');
  // A file of logins that the environment names and that is not there would be an error; those that are, come as a flag.
  const noLogins = join(directory, 'auth.json');
  await writeFile(noLogins, '{}\n');
  const ownFiles = { CONTAINERS_REGISTRIES_CONF: registries, REGISTRY_AUTH_FILE: noLogins, DOCKER_CONFIG: '' };
  // An overlay cannot lie on an overlay, as in a container; copies always work.
  const driver = (await statfs(directory)).type === overlayMagic ? 'vfs' : 'overlay';
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--storage-driver', driver];
  const withPolicy = new Set(['bud', 'push', 'pull']);
  const run: Buildah['run'] = (command, { env, ...options } = {}) => {
    const [verb = '', ...rest] = command;
    const signing = withPolicy.has(verb) ? ['--signature-policy', policy] : [];
    const isBuild = verb === 'bud';
    return runCommand(['buildah', ...storage, verb, ...signing, ...rest], {
      ...options,
      env: { ...ownFiles, ...env },
      ...(onProgress && isBuild && { onStderr: onProgress, onStdout: onProgress }),
    });
  };
  const takenFile = join(directory, 'taken.json');
  return {
    run,
    async takeIn({ name, archive, kind }, libraryDirectory) {
      const taken = existsSync(takenFile)
        ? (JSON.parse(await readFile(takenFile, 'utf8')) as Record<string, string>)
        : {};
      if (taken[name] === archive) return;
      const id = (await run(['pull', '--quiet', `${kind}-archive:${join(libraryDirectory, archive)}`])).trim();
      await run(['tag', id, name]);
      await writeFile(takenFile, JSON.stringify({ ...taken, [name]: archive }));
    },
    async has(image) {
      try {
        await run(['inspect', '--type', 'image', '--format', 'x', image]);
        return true;
      } catch (error) {
        if (error instanceof CommandError) return false;
        throw error;
      }
    },
  };
}
