import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type Clock, formatTime } from '../../../base/clock.ts';
import { lockFile } from '../../../base/file-lock.ts';
import { loginFiles } from '../../registry/docker-config.ts';
import { emitYaml } from '../functions/yaml-emit.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { ChartError } from '../chart/chart.ts';
import { isMap } from '../template/values.ts';
import { type Access, failedToFetch, fetchUrl } from './fetch.ts';
import { parseIndex, type RepositoryIndex } from './index-file.ts';

/** A repository as `repositories.yaml` has it: Helm's own file, shared with Helm. */
export interface Repository {
  name: string;
  url: string;
  username?: string;
  password?: string;
  certFile?: string;
  keyFile?: string;
  caFile?: string;
  insecure_skip_tls_verify?: boolean;
  pass_credentials_all?: boolean;
}

/** Where Helm keeps its files, on Linux. */
export interface HelmPaths {
  cacheHome: string;
  configHome: string;
  /** Starters lie there. */
  dataHome: string;
  repositories: string;
  cache: string;
  /** Directories of installed plugins. */
  plugins: string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

export function helmPaths(environment: Environment): HelmPaths {
  const home = homeOf(environment);
  const cacheHome =
    environment['HELM_CACHE_HOME'] ?? join(environment['XDG_CACHE_HOME'] || join(home, '.cache'), 'helm');
  const configHome = configOf(environment);
  const dataHome =
    environment['HELM_DATA_HOME'] ?? join(environment['XDG_DATA_HOME'] || join(home, '.local/share'), 'helm');
  return {
    ...{ cacheHome, configHome, dataHome },
    plugins: (environment['HELM_PLUGINS'] || join(dataHome, 'plugins')).split(delimiter),
    repositories: environment['HELM_REPOSITORY_CONFIG'] ?? join(configHome, 'repositories.yaml'),
    cache: environment['HELM_REPOSITORY_CACHE'] ?? join(cacheHome, 'repository'),
  };
}

/** Where logins are looked for: in a file that was named for Helm, in Docker's and Podman's, and in Helm's usual one. */
export function helmLoginFiles(environment: Environment): string[] {
  const files = loginFiles(environment, homeOf(environment));
  const named = environment['HELM_REGISTRY_CONFIG'];
  return named ? [named, ...files] : [...files, join(configOf(environment), 'registry/config.json')];
}

function homeOf(environment: Environment): string {
  return environment['HOME'] ?? homedir();
}

function configOf(environment: Environment): string {
  return (
    environment['HELM_CONFIG_HOME'] ??
    join(environment['XDG_CONFIG_HOME'] || join(homeOf(environment), '.config'), 'helm')
  );
}

export async function readRepositories(paths: HelmPaths): Promise<Repository[]> {
  const text = await readFile(paths.repositories, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const value = text === '' ? {} : readYaml(text);
  const list = isMap(value) ? value['repositories'] : undefined;
  return Array.isArray(list) ? (list as Repository[]) : [];
}

/** Logins may be in it: only the owner may read it. */
export async function writeRepositories(
  paths: HelmPaths,
  repositories: readonly Repository[],
  generated: string,
): Promise<void> {
  await writeWhole(paths.repositories, emitYaml({ apiVersion: '', generated, repositories }), 0o600);
}

/** Changes what is there by then, while nobody else of ours changes it. Rejects when somebody holds the lock for too long. */
export async function changeRepositories(
  paths: HelmPaths,
  clock: Clock,
  change: (repositories: readonly Repository[]) => readonly Repository[],
): Promise<void> {
  await mkdir(dirname(paths.repositories), { recursive: true });
  const unlock = await lockFile(paths.repositories, clock);
  try {
    await writeRepositories(paths, change(await readRepositories(paths)), formatTime(clock.now()));
  } finally {
    unlock();
  }
}

async function writeWhole(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, data, { mode });
  await rename(temporary, path);
}

export function accessOf(repository: Repository): Access {
  return {
    username: repository.username,
    password: repository.password,
    caFile: repository.caFile,
    certFile: repository.certFile,
    keyFile: repository.keyFile,
    insecureSkipTlsVerify: repository.insecure_skip_tls_verify,
    passCredentials: repository.pass_credentials_all,
  };
}

/** Fetches a repository's index. @throws ChartError */
export async function fetchIndex(url: string, access: Access): Promise<{ text: string; index: RepositoryIndex }> {
  const file = inRepository(url, 'index.yaml');
  const unfit = (why: string, cause?: Error): ChartError =>
    new ChartError(`looks like "${url}" is not a valid chart repository or cannot be reached: ${why}`, cause);
  const { status, body } = await fetchUrl(file, access).catch((error: Error) => {
    throw unfit(error.message, error);
  });
  if (status !== 200) throw unfit(failedToFetch(file, status));
  const text = body.toString();
  return { text, index: parseIndex(text, url) };
}

/** A slash at the end makes no difference. */
export function sameUrl(a: string, b: string): boolean {
  return a.replace(/\/$/, '') === b.replace(/\/$/, '');
}

/** A chart's URL may be relative to the repository's. */
export function inRepository(repository: string, path: string): string {
  return new URL(path, repository.endsWith('/') ? repository : `${repository}/`).href;
}

function indexPath(paths: HelmPaths, name: string): string {
  return join(paths.cache, `${name}-index.yaml`);
}

/** Keeps an index for `search`, and for charts named `repo/chart`. */
export async function cacheIndex(
  paths: HelmPaths,
  name: string,
  { text, index }: { text: string; index: RepositoryIndex },
): Promise<void> {
  await writeWhole(indexPath(paths, name), text);
  await writeWhole(join(paths.cache, `${name}-charts.txt`), `${Object.keys(index.entries).join('\n')}\n`);
}

export async function cachedIndex(paths: HelmPaths, name: string): Promise<RepositoryIndex> {
  const text = await readFile(indexPath(paths, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ChartError(`no cached repo found for ${name}. (try 'timonel chart repo update')`, error);
  });
  return parseIndex(text, name);
}

export async function dropCache(paths: HelmPaths, name: string): Promise<void> {
  await rm(indexPath(paths, name), { force: true });
  await rm(join(paths.cache, `${name}-charts.txt`), { force: true });
}
