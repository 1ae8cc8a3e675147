import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { emitYaml } from '../functions/yaml-emit.ts';
import { packageChart } from '../authoring/package-chart.ts';
import { type Chart, ChartError, type ChartLock, type Dependency } from '../chart/chart.ts';
import { loadArchive, loadChart } from '../chart/load-chart.ts';
import { isCompatible } from '../values/dependencies.ts';
import { fetchChart, type LocateOptions } from './locate.ts';
import { isOci } from './oci.ts';
import { readRepositories } from './repositories.ts';

/** `Chart.yaml`'s dependencies and what lies in `charts/` (Helm documentation, "helm dependency"). */

export interface DependencyState {
  name: string;
  version: string;
  repository: string;
  status: 'ok' | 'missing' | 'unpacked' | 'wrong version';
}

export function dependencyStates(chart: Chart): DependencyState[] {
  return (chart.metadata.dependencies ?? []).map(({ name, version = '', repository }) => {
    const there = chart.dependencies.filter(({ metadata }) => metadata.name === name);
    const isIn = there.some(({ metadata }) => isCompatible(version, metadata.version));
    const isArchive = chart.raw.some((file) => file.name.startsWith(`charts/${name}-`) && file.name.endsWith('.tgz'));
    const status = there.length === 0 ? 'missing' : !isIn ? 'wrong version' : isArchive ? 'ok' : 'unpacked';
    return { name, version, repository, status };
  });
}

/** What lies in `charts/` though Chart.yaml does not ask for it: a forgotten archive, or a directory. */
export function unaskedDependencies({ metadata, dependencies, raw }: Chart): string[] {
  const asked = new Set((metadata.dependencies ?? []).map(({ name }) => name));
  const unasked = dependencies.map((subchart) => subchart.metadata).filter(({ name }) => !asked.has(name));
  return unasked.map(({ name, version }) => {
    const archive = `charts/${name}-${version}.tgz`;
    return raw.some((file) => file.name === archive) ? archive : `charts/${name}`;
  });
}

export type FetchOptions = Omit<LocateOptions, 'version' | 'repo'> & {
  now: { iso: string; epochMs: number };
  say: (message: string) => void;
};

/** Fetches the newest versions that fit into `charts/`, and writes the lock. */
export async function updateDependencies(directory: string, options: FetchOptions): Promise<void> {
  const chart = await loadChart(directory);
  const wanted = chart.metadata.dependencies ?? [];
  const fetched = await fetchAll(directory, wanted, options);
  await replaceArchives(directory, wanted, fetched);
  if (wanted.length === 0) return;
  const dependencies = fetched.map(({ name, version, repository }) => ({ name, version, repository }));
  const lock: ChartLock = { dependencies, digest: lockDigest(wanted, dependencies), generated: options.now.iso };
  const file = chart.metadata.apiVersion === 'v1' ? 'requirements.lock' : 'Chart.lock';
  await writeFile(join(directory, file), emitYaml(lock));
}

/** Fetches exactly what the lock says; without a lock the same as an update. @throws ChartError when the lock is old */
export async function buildDependencies(directory: string, options: FetchOptions): Promise<void> {
  const { lock, metadata } = await loadChart(directory);
  if (!lock) return updateDependencies(directory, options);
  const wanted = metadata.dependencies ?? [];
  if (lockDigest(wanted, lock.dependencies) !== lock.digest) {
    throw new ChartError(
      'the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml): timonel chart dependency update',
    );
  }
  await replaceArchives(directory, wanted, await fetchAll(directory, lock.dependencies, options));
}

/** Helm's digest of a lock: over both lists as JSON, with the fields in their order. */
function lockDigest(wanted: readonly Dependency[], locked: ChartLock['dependencies']): string {
  const ordered = ({ name, version, repository, condition, tags, enabled, alias, ...rest }: Dependency): object => ({
    name,
    ...(version && { version }),
    repository,
    ...(condition && { condition }),
    ...(tags && tags.length > 0 && { tags }),
    ...(enabled && { enabled }),
    ...(rest['import-values'] && rest['import-values'].length > 0 && { 'import-values': rest['import-values'] }),
    ...(alias && { alias }),
  });
  const text = JSON.stringify([wanted.map(ordered), locked.map((each) => ordered(each))]);
  const escaped = text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `sha256:${createHash('sha256').update(escaped).digest('hex')}`;
}

interface Fetched {
  name: string;
  version: string;
  repository: string;
  /** Undefined: it lies in `charts/` and stays there. */
  archive: { fileName: string; data: Uint8Array } | undefined;
}

async function fetchAll(
  directory: string,
  wanted: readonly Pick<Dependency, 'name' | 'version' | 'repository'>[],
  options: FetchOptions,
): Promise<Fetched[]> {
  const found: Fetched[] = [];
  for (const dependency of wanted) found.push(await fetchOne(directory, dependency, options));
  return found;
}

async function fetchOne(
  directory: string,
  { name, version = '', repository }: Pick<Dependency, 'name' | 'version' | 'repository'>,
  options: FetchOptions,
): Promise<Fetched> {
  if (repository === '') {
    const path = join(directory, 'charts', name);
    if (!existsSync(path)) throw new ChartError(`directory ${path} not found: dependency ${name} has no repository`);
    return { name, version: (await loadChart(path)).metadata.version, repository, archive: undefined };
  }
  if (repository.startsWith('file://')) {
    const chart = await loadChart(resolve(directory, repository.slice('file://'.length)));
    if (!isCompatible(version, chart.metadata.version)) {
      throw new ChartError(
        `can't get a valid version for dependency ${name}: ${chart.metadata.version} is not in ${version}`,
      );
    }
    const { fileName, data } = await packageChart(chart, { modified: options.now.epochMs });
    return { name, version: chart.metadata.version, repository, archive: { fileName, data } };
  }
  options.say(`Downloading ${name} from repo ${repository}`);
  const { data, fileName } = await fetchRemote({ name, version, repository }, options);
  const { metadata } = await loadArchive(data, fileName);
  if (metadata.name !== name) throw new ChartError(`${repository} gave the chart ${metadata.name} for ${name}`);
  return {
    name,
    version: metadata.version,
    repository,
    archive: { fileName: `${name}-${metadata.version}.tgz`, data },
  };
}

async function fetchRemote(
  { name, version, repository }: { name: string; version: string; repository: string },
  options: FetchOptions,
): ReturnType<typeof fetchChart> {
  if (isOci(repository)) return fetchChart(`${repository.replace(/\/$/, '')}/${name}`, { ...options, version });
  if (/^(?:@|alias:)/.test(repository))
    return fetchChart(`${repository.replace(/^(?:@|alias:)/, '')}/${name}`, { ...options, version });
  const known = (await readRepositories(options.paths)).find(({ url }) => sameUrl(url, repository));
  if (known) return fetchChart(`${known.name}/${name}`, { ...options, version });
  return fetchChart(name, { ...options, version, repo: repository });
}

function sameUrl(a: string, b: string): boolean {
  return a.replace(/\/$/, '') === b.replace(/\/$/, '');
}

/** Nothing in `charts/` changes before everything is here; old archives of the dependencies go. */
async function replaceArchives(
  directory: string,
  wanted: readonly Dependency[],
  fetched: readonly Fetched[],
): Promise<void> {
  const target = join(directory, 'charts');
  await mkdir(target, { recursive: true });
  const fresh = fetched.flatMap(({ archive }) => archive ?? []);
  for (const { fileName, data } of fresh) await writeFile(join(target, fileName), data);
  for (const file of await readdir(target)) {
    const isOld = file.endsWith('.tgz') && !fresh.some(({ fileName }) => fileName === file);
    if (
      isOld &&
      wanted.some(({ name }) => new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}-v?\\d`).test(file))
    ) {
      await rm(join(target, file));
    }
  }
}
