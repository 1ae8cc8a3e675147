import { existsSync, readFileSync, statSync } from 'node:fs';
import { ComposeError } from './compose-error.ts';
import type { ProjectFiles } from './files.ts';

/** No file that a Compose file names needs more: what is larger is a mistake, or meant badly. */
const maxBytes = 64 << 20;

/** The machine's files. Read in one go: a command can do nothing before it has them. */
export const diskFiles: ProjectFiles = {
  read(path) {
    try {
      const { size } = statSync(path);
      if (size > maxBytes) throw new ComposeError(`${path} is larger than ${maxBytes >> 20} MiB`);
      return readFileSync(path, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      if (error instanceof ComposeError) throw error;
      throw new ComposeError(`cannot read ${path}: ${message}`, { cause: error });
    }
  },
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  exists: (path) => existsSync(path),
};
