import { open } from 'node:fs/promises';
import { runCommand } from '../command.ts';

/** What a file of the user's holds, by its content: the name says nothing. */
export type ArchiveKind = 'oci' | 'docker' | 'root-filesystem';

export interface ArchiveFile {
  kind: ArchiveKind;
  compression: Compression;
}

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'bzip2';

const magics: readonly (readonly [Compression, string])[] = [
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['bzip2', '425a68'],
];

/** Names at the top of what a root filesystem must have one of. */
const rootDirectories = new Set(['bin', 'etc', 'usr', 'sbin', 'lib', 'app', 'opt', 'var', 'home', 'root']);

/** Looks into an archive, without unpacking anything. Rejects with a sentence when it is none of the kinds. */
export async function inspectArchive(file: string): Promise<ArchiveFile> {
  const compression = await readCompression(file);
  const listing = await runCommand(['tar', '--list', '--file', file]).catch(() => {
    throw new Error(`${file} is no tar archive (plain, or compressed by gzip, xz, zstd or bzip2)`);
  });
  const kind = archiveKind(listing.split('\n'));
  if (kind) return { kind, compression };
  throw new Error(`${file} is neither an image archive (OCI layout, "docker save") nor a root filesystem`);
}

/** By the names of the entries: an OCI layout says so in a file, a Docker archive has a manifest. */
export function archiveKind(entries: readonly string[]): ArchiveKind | undefined {
  const names = new Set(entries.map((name) => name.replace(/^\.?\//, '').replace(/\/$/, '')));
  // Newer "docker save" writes both: the Docker manifest carries the names then, and importers read either.
  if (names.has('oci-layout') && names.has('index.json')) return 'oci';
  if (names.has('manifest.json')) return 'docker';
  for (const name of names) if (rootDirectories.has(name.split('/')[0] as string)) return 'root-filesystem';
  return undefined;
}

/** The command that writes the plain archive to standard output. */
export function decompressCommand(compression: Compression, file: string): string[] {
  return compression === 'none' ? ['cat', '--', file] : [compression, '--decompress', '--stdout', '--', file];
}

async function readCompression(file: string): Promise<Compression> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `there is no file ${file}` : `cannot read ${file}: ${error.message}`);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const start = buffer.subarray(0, bytesRead).toString('hex');
    return magics.find(([, magic]) => start.startsWith(magic))?.[0] ?? 'none';
  } finally {
    await handle.close();
  }
}
