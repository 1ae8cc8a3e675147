import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { KustomizeFiles } from './build-kustomization.ts';

/** The files of this machine. */
export const diskKustomizeFiles: KustomizeFiles = {
  read: (path) => (statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path) : undefined),
  isDirectory: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  realPath(path) {
    try {
      return realpathSync(path);
    } catch {
      return path;
    }
  },
};
