import { ChartError, type Dependency } from '../chart/chart.ts';
import type { Access } from './fetch.ts';
import type { RepositoryIndex } from './index-file.ts';
import { fetchChart, fetchFromIndex, type FetchedChart, type LocateOptions } from './locate.ts';
import { isOci } from './oci.ts';
import {
  accessOf,
  cachedIndex,
  cacheIndex,
  fetchIndex,
  readRepositories,
  type Repository,
  sameUrl,
} from './repositories.ts';

/** Where dependencies come from: repositories that were added, others, and registries. */
export type Sources = (dependency: Wanted) => Promise<FetchedChart>;

export type Wanted = Pick<Dependency, 'name' | 'version' | 'repository'>;

export type SourceOptions = Omit<LocateOptions, 'version' | 'repo'> & {
  /** Tells what goes on, in Helm's words. */
  say: (line: string) => void;
  /** Take the indexes of repositories that were added as they were kept. */
  skipRefresh?: boolean | undefined;
};

/** Dependencies with `@name` and `alias:name` replaced by the URL of that repository. @throws ChartError */
export async function withUrls(wanted: readonly Dependency[], { paths }: SourceOptions): Promise<Dependency[]> {
  const repositories = await readRepositories(paths);
  const missing: string[] = [];
  const found = wanted.map((dependency) => {
    const alias = /^(?:@|alias:)(.*)$/.exec(dependency.repository)?.[1];
    if (alias === undefined) {
      const isKnown = dependency.repository === '' || /^[a-z][a-z\d+.-]*:\/\//i.test(dependency.repository);
      if (!isKnown) missing.push(dependency.repository);
      return dependency;
    }
    const repository = repositories.find(({ name }) => name === alias);
    if (!repository) missing.push(dependency.repository);
    return { ...dependency, repository: repository?.url ?? '' };
  });
  if (missing.length === 0) return found;
  const isName = missing.some((text) => !/^(?:@|alias:)|\/\//.test(text));
  throw new ChartError(
    `no repository definition for ${missing.join(', ')}. Please add them via 'timonel chart repo add'` +
      (isName ? '\nRepositories are URLs (https://charts.example.com/), or names behind an @ (@example).' : ''),
  );
}

interface Source {
  url: string;
  access: Access;
  index: RepositoryIndex;
}

/** Brings the indexes up to date that dependencies need, each once. @throws ChartError */
export async function openSources(wanted: readonly Wanted[], options: SourceOptions): Promise<Sources> {
  const repositories = await readRepositories(options.paths);
  const urls = [...new Set(wanted.map(({ repository }) => repository).filter((url) => /^https?:/.test(url)))];
  const added = new Map(urls.map((url) => [url, repositories.find((repository) => sameUrl(repository.url, url))]));
  const sources = new Map<string, Source>();
  const unmanaged = urls.filter((url) => !added.get(url));
  if (unmanaged.length > 0) options.say('Getting updates for unmanaged Helm repositories...');
  for (const url of unmanaged) {
    const { index } = await fetchIndex(url, options.access);
    sources.set(url, { url, access: options.access, index });
    options.say(`...Successfully got an update from the "${url}" chart repository`);
  }
  const managed = [...added].flatMap(([url, repository]) => (repository ? [{ url, repository }] : []));
  const refreshes = managed.length > 0 && !options.skipRefresh;
  if (refreshes) options.say('Hang tight while we grab the latest from your chart repositories...');
  for (const { url, repository } of managed) {
    if (refreshes) await updateIndex(repository, options);
    const index = await cachedIndex(options.paths, repository.name);
    sources.set(url, { url: repository.url, access: accessOf(repository), index });
  }
  if (refreshes) options.say('Update Complete. ⎈Happy Helming!⎈');
  return async ({ name, version, repository }) => {
    const source = sources.get(repository);
    if (source) return fetchFromIndex(name, source, { ...options, version });
    if (isOci(repository)) return fetchChart(`${repository.replace(/\/$/, '')}/${name}`, { ...options, version });
    throw new ChartError(`no repository definition for ${repository}`);
  };
}

/** Fetches a repository's index, and tells what came of it. False: it does not answer; its index of before stays. */
export async function updateIndex(
  repository: Repository,
  { paths, say }: Pick<SourceOptions, 'paths' | 'say'>,
): Promise<boolean> {
  const { name, url } = repository;
  try {
    await cacheIndex(paths, name, await fetchIndex(url, accessOf(repository)));
    say(`...Successfully got an update from the "${name}" chart repository`);
    return true;
  } catch (error) {
    if (!(error instanceof ChartError)) throw error;
    say(`...Unable to get an update from the "${name}" chart repository (${url}):\n\t${error.message}`);
    return false;
  }
}
