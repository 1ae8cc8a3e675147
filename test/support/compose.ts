import type { ProjectFiles } from '../../src/delivery/compose/files.ts';
import {
  type LoadedProject,
  loadProject,
  loadTree,
  type LoadOptions,
} from '../../src/delivery/compose/load-project.ts';
import type { Mapping } from '../../src/delivery/compose/tree.ts';

export interface TestFiles {
  [path: string]: string;
}

/** Files in memory, by their absolute paths. */
export function memoryFiles(files: TestFiles): ProjectFiles {
  return {
    read: (path) => files[path],
    readBytes: (path) => (path in files ? Buffer.from(files[path] ?? '') : undefined),
    isDirectory: (path) => !(path in files) && Object.keys(files).some((file) => file.startsWith(`${path}/`)),
    exists: (path) => path in files,
  };
}

/** Loads `/app/compose.yaml` (and what else is named) from texts. */
export function load(
  files: TestFiles | string,
  options: Partial<LoadOptions> = {},
): LoadedProject & { warnings: string[] } {
  const warnings: string[] = [];
  return { ...loadProject(optionsFor(files, warnings, options)), warnings };
}

/** The merged tree alone. */
export function treeOf(files: TestFiles | string, options: Partial<LoadOptions> = {}): Mapping {
  return loadTree(optionsFor(files, [], options)).tree;
}

function optionsFor(files: TestFiles | string, warnings: string[], options: Partial<LoadOptions>): LoadOptions {
  const all = typeof files === 'string' ? { '/app/compose.yaml': files } : files;
  return {
    sources: [{ path: '/app/compose.yaml' }],
    directory: '/app',
    environment: {},
    profiles: [],
    files: memoryFiles(all),
    workingDirectory: '/app',
    home: '/home/me',
    interpolate: true,
    resolvePaths: true,
    warn: (message) => warnings.push(message),
    ...options,
  };
}

/** The message of what is thrown. */
export function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}
