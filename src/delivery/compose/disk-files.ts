import { existsSync, readFileSync, statSync } from 'node:fs';
import { ComposeError } from './compose-error.ts';
import type { ProjectFiles } from './files.ts';

/** No file that a Compose file names needs more: what is larger is a mistake, or meant badly. */
const maxBytes = 64 << 20;

/** The machine's files. Read in one go: a command can do nothing before it has them. */
export const diskFiles: ProjectFiles = {
  read: (path) => readBytes(path)?.toString('utf8'),
  readBytes,
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  exists: (path) => existsSync(path),
};

function readBytes(path: string): Buffer | undefined {
  try {
    const file = statSync(path);
    // A device such as /dev/zero never ends; /dev/null is the empty file.
    if (file.isCharacterDevice() && path !== '/dev/null') throw new ComposeError(`${path} is a device, not a file`);
    if (file.size > maxBytes) throw new ComposeError(`${path} is larger than ${maxBytes >> 20} MiB`);
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (error instanceof ComposeError) throw error;
    throw new ComposeError(`cannot read ${path}: ${message}`, { cause: error });
  }
}
