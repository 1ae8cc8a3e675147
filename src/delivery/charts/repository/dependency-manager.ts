import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { structJson } from '../functions/json.ts';
import { satisfies } from '../functions/semver.ts';
import { emitYaml } from '../functions/yaml-emit.ts';
import { packageChart } from '../authoring/package-chart.ts';
import { type Chart, ChartError, type ChartLock, type Dependency } from '../chart/chart.ts';
import { loadArchive, loadChart } from '../chart/load-chart.ts';
import { isCompatible } from '../values/dependencies.ts';
import { openSources, type SourceOptions, type Sources, type Wanted, withUrls } from './dependency-sources.ts';

/** `Chart.yaml`'s dependencies and what lies in `charts/` (Helm documentation, "helm dependency"). */

export interface DependencyState {
  name: string;
  version: string;
  repository: string;
  status: 'ok' | 'missing' | 'unpacked' | 'wrong version' | 'invalid version' | 'too many matches';
}

/** `isPacked`: the chart itself is an archive, and what is in it counts as unpacked. */
export function dependencyStates(chart: Chart, { isPacked = false } = {}): DependencyState[] {
  return (chart.metadata.dependencies ?? []).map(({ name, version = '', repository }) => {
    const there = chart.dependencies.filter(({ metadata }) => metadata.name === name);
    const archives = chart.raw.filter((file) => isPackageOf(name, file.name.slice('charts/'.length)));
    return {
      name,
      version,
      repository,
      status: statusOf(version, { there, archives: isPacked ? 0 : archives.length }),
    };
  });
}

function statusOf(
  version: string,
  { there, archives }: { there: readonly Chart[]; archives: number },
): DependencyState['status'] {
  if (archives > 1) return 'too many matches';
  if (there.length === 0) return 'missing';
  if (!there.some(({ metadata }) => metadata.version === version || isCompatible(version, metadata.version)))
    return isRange(version) ? 'wrong version' : 'invalid version';
  return archives === 1 ? 'ok' : 'unpacked';
}

function isRange(text: string): boolean {
  try {
    satisfies(text, '0.0.0');
    return true;
  } catch {
    return false;
  }
}

/** `web-1.2.3.tgz` */
function isPackageOf(name: string, fileName: string): boolean {
  return fileName.startsWith(`${name}-`) && /^v?\d[^/]*\.tgz$/.test(fileName.slice(name.length + 1));
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

export type FetchOptions = SourceOptions & { now: { iso: string; epochMs: number } };

/** Fetches the newest versions that fit into `charts/`, and writes the lock where it changes. */
export async function updateDependencies(directory: string, options: FetchOptions): Promise<void> {
  const chart = await loadDirectory(directory);
  const wanted = await withUrls(chart.metadata.dependencies ?? [], options);
  if (wanted.length === 0) return;
  const fetched = await bringAll(directory, wanted, options);
  const dependencies = fetched.map(({ name, version, repository }) => ({ name, version, repository }));
  const digest = lockDigest(wanted, dependencies);
  if (chart.lock?.digest === digest) return;
  const lock: ChartLock = { dependencies, digest, generated: options.now.iso };
  await writeFile(join(directory, lockName(chart)), emitYaml(lock));
}

/** Fetches exactly what the lock says; without a lock the same as an update. @throws ChartError when the lock is old */
export async function buildDependencies(directory: string, options: FetchOptions): Promise<void> {
  const chart = await loadDirectory(directory);
  const { lock, metadata } = chart;
  if (!lock) return updateDependencies(directory, options);
  const given = metadata.dependencies ?? [];
  const wanted = await withUrls(given, options);
  const isOfHelm2 = metadata.apiVersion === 'v1' && digestOf({ dependencies: given.map(ordered) }) === lock.digest;
  if (!isOfHelm2 && lockDigest(wanted, lock.dependencies) !== lock.digest) {
    const file = metadata.apiVersion === 'v1' ? 'requirements.yaml' : 'Chart.yaml';
    throw new ChartError(
      `the lock file (${lockName(chart)}) is out of sync with the dependencies file (${file}). ` +
        'Please update the dependencies: timonel chart dependency update',
    );
  }
  await bringAll(directory, lock.dependencies, options);
}

async function loadDirectory(directory: string): Promise<Chart> {
  const info = await stat(directory).catch(() => undefined);
  if (!info) throw new ChartError(`could not find ${directory}: stat ${directory}: no such file or directory`);
  if (!info.isDirectory()) throw new ChartError('only unpacked charts can be updated');
  return loadChart(directory);
}

function lockName({ metadata }: Chart): string {
  return metadata.apiVersion === 'v1' ? 'requirements.lock' : 'Chart.lock';
}

/** Helm's digest of a lock: over both lists. */
function lockDigest(wanted: readonly Dependency[], locked: ChartLock['dependencies']): string {
  return digestOf([wanted.map(ordered), locked.map((each) => ordered(each))]);
}

/** A dependency as JSON of Go's has it, with the fields in their order. */
function ordered({ name, version, repository, condition, tags, enabled, alias, ...rest }: Dependency): object {
  return {
    name,
    ...(version && { version }),
    repository,
    ...(condition && { condition }),
    ...(tags && tags.length > 0 && { tags }),
    ...(enabled && { enabled }),
    ...(rest['import-values'] && rest['import-values'].length > 0 && { 'import-values': rest['import-values'] }),
    ...(alias && { alias }),
  };
}

function digestOf(data: object): string {
  return `sha256:${createHash('sha256').update(structJson(data)).digest('hex')}`;
}

interface Fetched {
  name: string;
  version: string;
  repository: string;
  /** Undefined: it lies in `charts/` and stays there. */
  archive: { fileName: string; data: Uint8Array } | undefined;
}

/** Nothing in `charts/` changes before everything is here. */
async function bringAll(directory: string, wanted: readonly Wanted[], options: FetchOptions): Promise<Fetched[]> {
  const sources = await openSources(wanted, options);
  options.say(`Saving ${wanted.length} charts`);
  const fetched: Fetched[] = [];
  for (const dependency of wanted) fetched.push(await fetchOne(directory, dependency, { ...options, sources }));
  options.say('Deleting outdated charts');
  await replaceArchives(directory, wanted, fetched);
  return fetched;
}

async function fetchOne(
  directory: string,
  dependency: Wanted,
  { sources, say, now }: FetchOptions & { sources: Sources },
): Promise<Fetched> {
  const { name, version = '', repository } = dependency;
  if (repository === '') {
    say(`Dependency ${name} did not declare a repository. Assuming it exists in the charts directory`);
    const path = join(directory, 'charts', name);
    if (!existsSync(path)) throw new ChartError(`directory ${path} not found: dependency ${name} has no repository`);
    const { metadata } = await loadChart(path);
    if (!isCompatible(version, metadata.version)) {
      const problem = `does not satisfy the constraint ${version}`;
      throw new ChartError(`dependency ${name} at version ${metadata.version} ${problem}`);
    }
    return { name, version: metadata.version, repository, archive: undefined };
  }
  if (repository.startsWith('file://')) {
    const chart = await loadChart(resolve(directory, repository.slice('file://'.length)));
    if (!isCompatible(version, chart.metadata.version)) {
      throw new ChartError(
        `can't get a valid version for dependency ${name}: ${chart.metadata.version} is not in ${version}`,
      );
    }
    const { fileName, data } = await packageChart(chart, { modified: now.epochMs });
    return { name, version: chart.metadata.version, repository, archive: { fileName, data } };
  }
  say(`Downloading ${name} from repo ${repository}`);
  const { data, fileName } = await sources(dependency);
  const { metadata } = await loadArchive(data, fileName);
  if (metadata.name !== name) throw new ChartError(`${repository} gave the chart ${metadata.name} for ${name}`);
  const archive = { fileName: `${name}-${metadata.version}.tgz`, data };
  return { name, version: metadata.version, repository, archive };
}

/** Old archives of the dependencies go. */
async function replaceArchives(
  directory: string,
  wanted: readonly Wanted[],
  fetched: readonly Fetched[],
): Promise<void> {
  const target = join(directory, 'charts');
  await mkdir(target, { recursive: true });
  const fresh = fetched.flatMap(({ archive }) => archive ?? []);
  for (const { fileName, data } of fresh) await writeFile(join(target, fileName), data);
  const local = wanted.filter(({ repository }) => repository === '').map(({ name }) => name);
  for (const file of await readdir(target)) {
    if (!/\.(?:tgz|tar\.gz)$/.test(file) || fresh.some(({ fileName }) => fileName === file)) continue;
    // Not everything that lies there need be a chart.
    const chart = await loadChart(join(target, file)).catch(() => undefined);
    if (chart && !local.includes(chart.metadata.name)) await rm(join(target, file));
  }
}
