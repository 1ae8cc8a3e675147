import { CommandError } from '../../command.ts';
import { makeBusyboxBase, makeDebianBase } from '../base-image.ts';
import type { LibraryImage } from '../image-library.ts';
import { type BaseSubstitute, substituteFor } from './base-substitute.ts';
import type { Buildah } from './buildah.ts';

export interface BaseSources {
  library: readonly LibraryImage[];
  libraryDirectory: string;
  /** Of root filesystems that stand in for bases. */
  cacheDirectory: string;
  /** Logins of registries; absent: none. */
  authFile?: string;
  /** `always` asks the registry although an image is there, `never` does not ask it at all. */
  pull: 'missing' | 'always' | 'never';
  onProgress?: (text: string) => void;
  /** What the person must know: something else stands in for a base. */
  onNotice: (text: string) => void;
}

/**
 * Makes sure that the builder's storage has every base: from the cluster's images, from a registry, or, where none is
 * in reach, a Debian system in its place. Rejects with a sentence when a base is not to be had.
 */
export async function provideBases(buildah: Buildah, bases: Iterable<string>, sources: BaseSources): Promise<void> {
  for (const base of bases) {
    const own = sources.library.find((image) => image.name === base);
    if (own) await buildah.takeIn(own, sources.libraryDirectory);
    else if (sources.pull === 'always' || !(await buildah.has(base))) await fetchBase(buildah, base, sources);
  }
}

async function fetchBase(buildah: Buildah, base: string, sources: BaseSources): Promise<void> {
  if (sources.pull === 'never')
    throw new Error(`base image ${base} is not on this machine, and --pull=never forbids to fetch it`);
  try {
    await buildah.run(['pull', '--quiet', ...(sources.authFile ? ['--authfile', sources.authFile] : []), base]);
    return;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = lastSentence(error.stderr);
    if (!isUnreachable(error.stderr))
      throw new Error(`base image ${base} cannot be pulled: ${reason}`, { cause: error });
    if (await buildah.has(base)) return;
    const substitute = substituteFor(base);
    if (!substitute) {
      throw new Error(
        `base image ${base} is not here, and its registry is out of reach (${reason}): ` +
          `make one of that name (timonel image base ${shortName(base)} --include PACKAGES), or import it (timonel image import)`,
        { cause: error },
      );
    }
    await standIn(buildah, base, substitute, sources);
  }
}

async function standIn(
  buildah: Buildah,
  base: string,
  substitute: BaseSubstitute,
  sources: BaseSources,
): Promise<void> {
  const { packages, env, command, setUp } = substitute;
  const what = packages ? `Debian with ${packages.join(', ') || 'nothing more'}` : 'busybox';
  sources.onNotice(`No registry is in reach for ${base}: ${what} stands in for it (as from \`timonel image base\`).`);
  const { cacheDirectory, onProgress } = sources;
  const archive = packages
    ? await makeDebianBase({ include: packages, setUp, cacheDirectory, ...(onProgress && { onProgress }) })
    : await makeBusyboxBase(cacheDirectory);
  const container = (await buildah.run(['from', 'scratch'])).trim();
  try {
    await buildah.run(['add', '--quiet', container, archive]);
    const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    await buildah.run(['config', ...settings, '--cmd', JSON.stringify(command), container]);
    await buildah.run(['commit', '--quiet', container, base]);
  } finally {
    await buildah.run(['rm', container]);
  }
}

const unreachable = [
  'no such host',
  'connection refused',
  'network is unreachable',
  'no route to host',
  'i/o timeout',
  'server misbehaving',
  'temporary failure in name resolution',
  'tls handshake timeout',
  'deadline exceeded',
  'proxyconnect',
];

/** No answer, rather than a "no": no name service, no route, nobody there. */
function isUnreachable(stderr: string): boolean {
  const text = stderr.toLowerCase();
  return unreachable.some((phrase) => text.includes(phrase));
}

/** What went wrong at the bottom: the last of the causes that the error names one after the other. */
function lastSentence(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const dial = line.indexOf('dial tcp: ');
  return (dial < 0 ? line.replace(/^\w+: /, '') : line.slice(dial + 'dial tcp: '.length)).slice(0, 300);
}

function shortName(image: string): string {
  return image.replace(/^docker\.io\/(library\/)?/, '');
}
