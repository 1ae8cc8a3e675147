import { homedir } from 'node:os';
import { ComposeError } from '../../delivery/compose/compose-error.ts';
import { diskFiles } from '../../delivery/compose/disk-files.ts';
import type { LoadOptions } from '../../delivery/compose/load-project.ts';
import { findProject, type ProjectPlace } from '../../delivery/compose/project-options.ts';
import { CliError } from '../errors.ts';
import type { ComposeFlags } from './commands.ts';

/** Where a project's files are, and how they are to be read. */
export async function loadOptions(
  flags: ComposeFlags,
  overrides: Partial<LoadOptions> = {},
): Promise<{ place: ProjectPlace; options: LoadOptions }> {
  const cwd = process.cwd();
  const place = asCliError(() => findProject(flags, { files: diskFiles, cwd, processEnvironment: process.env }));
  const warn = (message: string): void => void process.stderr.write(`WARN ${message}\n`);
  place.warnings.forEach(warn);
  const sources = await Promise.all(
    place.files.map(async (path) => (path === '-' ? { path, text: await readStandardInput() } : { path })),
  );
  const options: LoadOptions = {
    sources,
    directory: place.directory,
    name: place.name,
    environment: place.environment,
    profiles: place.profiles,
    files: diskFiles,
    workingDirectory: cwd,
    home: homedir(),
    interpolate: true,
    resolvePaths: true,
    allResources: flags.allResources ?? false,
    warn,
    ...overrides,
  };
  return { place, options };
}

export function asCliError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ComposeError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
