import { dirname, join, resolve } from 'node:path';
import { ComposeError } from './compose-error.ts';
import { parseEnvFile } from './dotenv.ts';
import type { ProjectFiles } from './files.ts';

/** The flags and variables that say which project is meant. */
export interface ProjectFlags {
  file?: readonly string[];
  projectName?: string | undefined;
  projectDirectory?: string | undefined;
  profile?: readonly string[];
  envFile?: readonly string[];
}

export interface ProjectPlace {
  /** Absolute; `-` is standard input. */
  files: string[];
  directory: string;
  name: string | undefined;
  profiles: string[];
  environment: Record<string, string>;
  warnings: string[];
}

const defaultNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];

/**
 * Finds a project as docker compose does: `-f` or `COMPOSE_FILE`, else the nearest compose file of the project
 * directory (the working directory unless `--project-directory` says else) and those above it with its override; `--env-file` or `COMPOSE_ENV_FILES`, else the project directory's `.env`.
 * The machine's environment wins over env files.
 */
export function findProject(
  flags: ProjectFlags,
  { files, cwd, processEnvironment }: { files: ProjectFiles; cwd: string; processEnvironment: NodeJS.ProcessEnv },
): ProjectPlace {
  const own: Record<string, string> = {};
  for (const [key, value] of Object.entries(processEnvironment)) if (value !== undefined) own[key] = value;
  const named = flags.file?.length ? flags.file : listFrom(own, 'COMPOSE_FILE');
  const found = named.length > 0 ? named.map((file) => (file === '-' ? file : resolve(cwd, file))) : undefined;
  const warnings: string[] = [];
  const early = found ?? discover(resolve(cwd, flags.projectDirectory ?? ''), files, warnings);
  const directory = flags.projectDirectory
    ? resolve(cwd, flags.projectDirectory)
    : directoryOf(found ?? early ?? [], cwd, own);
  const environment = { ...readEnvFiles(flags, own, { directory, cwd, files }), ...own };
  // The env file may name the files in turn.
  const late = found ?? fromEnvironment(environment, own, directory) ?? early;
  if (!late) throw new ComposeError('no configuration file provided: not found');
  const profiles = flags.profile?.length ? flags.profile : splitList(environment['COMPOSE_PROFILES'], ',');
  const name = flags.projectName || environment['COMPOSE_PROJECT_NAME'] || undefined;
  return {
    files: late,
    directory,
    name,
    profiles: [...profiles],
    environment,
    warnings: late === early ? warnings : [],
  };
}

/** A project that has been started is found by its name alone: it need not have its files here. */
export function givenName({ projectName }: ProjectFlags, environment: NodeJS.ProcessEnv): string | undefined {
  return projectName ?? (environment['COMPOSE_PROJECT_NAME'] || undefined);
}

function directoryOf(found: readonly string[], cwd: string, own: Record<string, string>): string {
  if (own['COMPOSE_PROJECT_DIR']) return resolve(cwd, own['COMPOSE_PROJECT_DIR']);
  const [first] = found;
  return first === undefined || first === '-' ? cwd : dirname(first);
}

function fromEnvironment(
  environment: Record<string, string>,
  own: Record<string, string>,
  directory: string,
): string[] | undefined {
  if (own['COMPOSE_FILE'] || !environment['COMPOSE_FILE']) return undefined;
  return listFrom(environment, 'COMPOSE_FILE').map((file) => resolve(directory, file));
}

function listFrom(environment: Record<string, string>, key: string): string[] {
  return splitList(environment[key], environment['COMPOSE_PATH_SEPARATOR'] || ':');
}

function splitList(text: string | undefined, separator: string): string[] {
  return (text ?? '').split(separator).filter((part) => part !== '');
}

function discover(start: string, files: ProjectFiles, warnings: string[]): string[] | undefined {
  for (let directory = start; ; directory = dirname(directory)) {
    const one = (kind: string, names: readonly string[]): string[] => {
      const found = names.map((name) => join(directory, name)).filter((path) => files.exists(path));
      const [first] = found;
      if (found.length > 1)
        warnings.push(`Found multiple ${kind} files with supported names: ${found.join(', ')}`, `Using ${first}`);
      return found.slice(0, 1);
    };
    const file = one('config', defaultNames);
    if (file.length > 0) return [...file, ...one('override', overrideNames)];
    if (directory === dirname(directory)) return undefined;
  }
}

function readEnvFiles(
  flags: ProjectFlags,
  own: Record<string, string>,
  { directory, cwd, files }: { directory: string; cwd: string; files: ProjectFiles },
): Record<string, string> {
  const named = flags.envFile?.length ? flags.envFile : splitList(own['COMPOSE_ENV_FILES'], ',');
  const isOff = /^(?:1|true|yes)$/i.test(own['COMPOSE_DISABLE_ENV_FILE'] ?? '');
  const paths = named.length > 0 ? named.map((path) => resolve(cwd, path)) : isOff ? [] : [join(directory, '.env')];
  const result: Record<string, string> = {};
  for (const path of paths) {
    const text = files.isDirectory(path) ? undefined : files.read(path);
    if (text === undefined && named.length > 0) throw new ComposeError(`couldn't find env file: ${path}`);
    const entries = parseEnvFile(text ?? '', { file: path, lookup: (key) => own[key], earlier: (key) => result[key] });
    for (const [key, value] of entries) if (value !== null) result[key] = value;
  }
  return result;
}
