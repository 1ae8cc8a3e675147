import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the programs that push and pull look (containers-certs.d(5)). */
export const certificateDirectories = ['/etc/containers/certs.d', '/etc/docker/certs.d'] as const;

/**
 * The authorities that this machine names for a registry (`host` or `host:port`), as PEM: the files `*.crt` of the
 * first directory that has any. Undefined: none.
 */
export function knownAuthority(
  registry: string,
  directories: readonly string[] = certificateDirectories,
): string | undefined {
  for (const directory of directories) {
    const texts = certificatesIn(join(directory, registry));
    if (texts.length > 0) return texts.join('\n');
  }
  return undefined;
}

function certificatesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.crt'));
    return names.toSorted().map((name) => readFileSync(join(directory, name), 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
