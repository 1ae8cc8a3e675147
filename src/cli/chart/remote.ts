import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { formatTime } from '../../base/clock.ts';
import { updateIndex } from '../../delivery/charts/repository/dependency-sources.ts';
import { type Chart, ChartError } from '../../delivery/charts/chart/chart.ts';
import { unpackChart } from '../../delivery/charts/chart/archive.ts';
import { loadArchive, loadChart } from '../../delivery/charts/chart/load-chart.ts';
import {
  buildDependencies,
  dependencyStates,
  unaskedDependencies,
  type FetchOptions,
  updateDependencies,
} from '../../delivery/charts/repository/dependency-manager.ts';
import type { Access } from '../../delivery/charts/repository/fetch.ts';
import {
  formatIndex,
  type IndexEntry,
  mergeIndexes,
  parseIndex,
  type RepositoryIndex,
} from '../../delivery/charts/repository/index-file.ts';
import {
  fetchChart,
  type FetchedChart,
  locateChart,
  type LocateOptions,
} from '../../delivery/charts/repository/locate.ts';
import { parseOciTarget, pushOci } from '../../delivery/charts/repository/oci.ts';
import {
  accessOf,
  cachedIndex,
  cacheIndex,
  changeRepositories,
  dropCache,
  fetchIndex,
  helmPaths,
  readRepositories,
  type Repository,
} from '../../delivery/charts/repository/repositories.ts';
import { searchCharts } from '../../delivery/charts/repository/search.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { verificationText } from './authoring.ts';
import type { ChartFlags, OutputFormat } from './flags.ts';
import { helmTable, printAs } from './print.ts';

const paths = helmPaths(process.env);

function locateOptions(flags: ChartFlags): LocateOptions {
  const { version, repo, devel, verify, keyring } = flags;
  return { version, repo, devel, verify, keyring, access: accessFlags(flags), paths };
}

function accessFlags(flags: ChartFlags): Access {
  const { username, password, passCredentials, caFile, certFile, keyFile, insecureSkipTlsVerify, plainHttp } = flags;
  return { username, password, passCredentials, caFile, certFile, keyFile, insecureSkipTlsVerify, plainHttp };
}

export async function fetchedChart(reference: string, flags: ChartFlags): Promise<Chart> {
  const located = await locateChart(reference, locateOptions(flags));
  if (located.kind === 'fetched') sayPulled(located);
  return located.kind === 'path' ? loadChart(located.path) : loadArchive(located.data, located.fileName);
}

function sayPulled({ oci }: FetchedChart): void {
  if (oci) createOutput().message(`Pulled: ${oci.name}\nDigest: ${oci.digest}`);
}

/** Brings dependencies into `charts/` where some are missing. */
export async function updateMissing(directory: string, flags: ChartFlags): Promise<void> {
  const states = dependencyStates(await loadChart(directory));
  if (states.some(({ status }) => status === 'missing' || status === 'wrong version'))
    await updateDependencies(
      directory,
      fetchOptions(flags, (line) => createOutput().message(line)),
    );
}

function fetchOptions(flags: ChartFlags & { skipRefresh?: boolean }, say: (line: string) => void): FetchOptions {
  const epochMs = clock.now();
  const { version, repo, ...rest } = locateOptions(flags);
  void [version, repo];
  return { ...rest, now: { iso: formatTime(epochMs), epochMs }, say, skipRefresh: flags.skipRefresh };
}

export interface PullFlags extends ChartFlags {
  destination: string;
  untar?: boolean;
  untardir: string;
  prov?: boolean;
}

export async function pull(references: string[], flags: PullFlags): Promise<void> {
  for (const reference of references) {
    const located = await fetchChart(reference, { ...locateOptions(flags), withProvenance: flags.prov });
    sayPulled(located);
    if (located.verification) process.stdout.write(verificationText(located.verification));
    if (flags.untar) await untar(located, resolve(flags.destination, flags.untardir));
    else {
      await mkdir(flags.destination, { recursive: true });
      const file = join(flags.destination, located.fileName);
      await writeFile(file, located.data);
      if (flags.prov && !located.provenance)
        process.stdout.write(`WARNING: Verification not found for ${reference}: there is no provenance file\n`);
      if (located.provenance && (flags.prov || flags.verify)) await writeFile(`${file}.prov`, located.provenance);
    }
  }
}

async function untar({ data, fileName }: { data: Uint8Array; fileName: string }, directory: string): Promise<void> {
  const { metadata } = await loadArchive(data, fileName);
  const target = resolve(directory, metadata.name);
  if (existsSync(target))
    throw new CliError(`failed to untar: a file or directory with the name ${target} already exists`);
  for (const file of await unpackChart(data, fileName)) {
    const path = join(target, file.name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, file.data);
  }
}

export async function push(archive: string, remote: string, flags: ChartFlags): Promise<void> {
  const data = await readFile(archive).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EISDIR') throw new CliError('cannot push directory, must provide chart archive (.tgz)');
    throw new CliError(`${archive}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  const { metadata } = await loadArchive(data, basename(archive));
  const provenance = await readFile(`${archive}.prov`).catch(() => undefined);
  const created = formatTime((await stat(archive)).mtimeMs);
  const { name, digest } = await pushOci(
    parseOciTarget(remote),
    { metadata, data, provenance, created },
    accessFlags(flags),
  );
  createOutput().message(`Pushed: ${name}\nDigest: ${digest}`);
}

export async function dependency(
  verb: 'list' | 'update' | 'build',
  directory: string,
  flags: ChartFlags & { maxColWidth?: number; skipRefresh?: boolean },
): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (verb === 'update') return updateDependencies(directory, fetchOptions(flags, say));
  if (verb === 'build') return buildDependencies(directory, fetchOptions(flags, say));
  const info = await stat(directory).catch(() => undefined);
  if (!info) throw new CliError(`stat ${directory}: no such file or directory`);
  const chart = await loadChart(directory);
  const states = dependencyStates(chart, { isPacked: !info.isDirectory() });
  if (states.length === 0) return say(`WARNING: no dependencies at ${join(directory, 'charts')}`);
  const header = ['NAME', 'VERSION', 'REPOSITORY', 'STATUS'];
  say(`${helmTable([header, ...states.map((row) => Object.values(row))], flags.maxColWidth)}\n`);
  for (const path of info.isDirectory() ? unaskedDependencies(chart) : [])
    say(`WARNING: "${join(directory, path)}" is not in Chart.yaml.`);
}

export interface RepoAddFlags extends ChartFlags {
  forceUpdate?: boolean;
  passwordStdin?: boolean;
  allowDeprecatedRepos?: boolean;
}

/** Repositories that are gone for good, and what there is instead. */
const goneRepositories = {
  '//kubernetes-charts.storage.googleapis.com': 'https://charts.helm.sh/stable',
  '//kubernetes-charts-incubator.storage.googleapis.com': 'https://charts.helm.sh/incubator',
} as const;

function isSame(one: Repository, other: Repository): boolean {
  const settings = (repository: Repository): string =>
    JSON.stringify(
      Object.entries(repository)
        .filter(([, value]) => value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  return settings(one) === settings(other);
}

export async function repoAdd(name: string, url: string, flags: RepoAddFlags): Promise<void> {
  const gone = Object.entries(goneRepositories).find(([part]) => url.includes(part));
  if (gone && !flags.allowDeprecatedRepos)
    throw new CliError(`repo "${url}" is no longer available; try "${gone[1]}" instead`);
  if (/[/\\]/.test(name) || name === '')
    throw new CliError(`repository name (${name}) contains '/', please specify a different name without '/'`);
  const repositories = await readRepositories(paths);
  const password = flags.passwordStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : flags.password;
  const { username, caFile, certFile, keyFile, insecureSkipTlsVerify, passCredentials } = flags;
  const added: Repository = {
    ...{ name, url },
    ...(username && { username, password: password ?? '' }),
    ...(caFile && { caFile: resolve(caFile) }),
    ...(certFile && { certFile: resolve(certFile) }),
    ...(keyFile && { keyFile: resolve(keyFile) }),
    ...(insecureSkipTlsVerify && { insecure_skip_tls_verify: true }),
    ...(passCredentials && { pass_credentials_all: true }),
  };
  const before = repositories.find((repository) => repository.name === name);
  if (before && !flags.forceUpdate) {
    if (isSame(before, added))
      return void process.stdout.write(`"${name}" already exists with the same configuration, skipping\n`);
    throw new CliError(`repository name (${name}) already exists, please specify a different name`, {
      hint: 'Or change it with --force-update.',
    });
  }
  await cacheIndex(paths, name, await fetchIndex(url, accessOf(added)));
  await changeRepositories(paths, clock, (all) => [...all.filter((other) => other.name !== name), added]);
  process.stdout.write(`"${name}" has been added to your repositories\n`);
}

export async function repoList(flags: { output: OutputFormat }): Promise<void> {
  const repositories = await readRepositories(paths);
  if (repositories.length === 0 && flags.output === 'table')
    return void process.stderr.write('no repositories to show\n');
  const data = repositories.map(({ name, url }) => ({ name, url }));
  printAs(flags.output, data, () => helmTable([['NAME', 'URL'], ...data.map(({ name, url }) => [name, url])]));
}

export async function repoUpdate(names: string[]): Promise<void> {
  const all = await readRepositories(paths);
  if (all.length === 0) throw new CliError('no repositories found. You must add one before updating');
  const unknown = names.find((name) => !all.some((repository) => repository.name === name));
  if (unknown !== undefined)
    throw new CliError(`no repositories found matching '${unknown}'.  Nothing will be updated`);
  const wanted = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  const say = (line: string): unknown => process.stdout.write(`${line}\n`);
  say('Hang tight while we grab the latest from your chart repositories...');
  const failed: string[] = [];
  const update = async (repository: Repository): Promise<void> => {
    if (!(await updateIndex(repository, { paths, say }))) failed.push(repository.url);
  };
  await Promise.all(wanted.map(update));
  if (failed.length > 0) throw new CliError(`Failed to update the following repositories: [${failed.join(' ')}]`);
  say('Update Complete. ⎈Happy Helming!⎈');
}

export async function repoRemove(names: string[]): Promise<void> {
  for (const name of names) {
    const repositories = await readRepositories(paths);
    if (repositories.length === 0) throw new CliError('no repositories configured');
    if (!repositories.some((repository) => repository.name === name))
      throw new CliError(`no repo named "${name}" found`);
    await changeRepositories(paths, clock, (all) => all.filter((other) => other.name !== name));
    await dropCache(paths, name);
    process.stdout.write(`"${name}" has been removed from your repositories\n`);
  }
}

export async function repoIndex(
  directory: string,
  flags: { url?: string; merge?: string; json?: boolean },
): Promise<void> {
  const generated = formatTime(clock.now());
  const names = await readdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`open ${directory}: ${error.code === 'ENOENT' ? 'no such file or directory' : error.message}`);
  });
  const archives = names.filter((name) => name.endsWith('.tgz'));
  const entries: IndexEntry[] = await Promise.all(
    archives.map(async (name) => {
      const data = await readFile(join(directory, name));
      const { metadata } = await loadArchive(data, name);
      const url = flags.url ? `${flags.url.replace(/\/$/, '')}/${name}` : name;
      return { ...metadata, urls: [url], created: generated, digest: createHash('sha256').update(data).digest('hex') };
    }),
  );
  const own = entries
    .map((entry): RepositoryIndex => ({ entries: { [entry.name]: [entry] } }))
    .reduce(mergeIndexes, { entries: {} });
  const before = flags.merge ? await readFile(flags.merge, 'utf8').catch(() => undefined) : undefined;
  const index = before === undefined ? own : mergeIndexes(own, parseIndex(before, flags.merge ?? ''));
  await writeFile(join(directory, 'index.yaml'), formatIndex(index, generated, flags.json ? 'json' : 'yaml'));
}

export interface SearchFlags {
  output: OutputFormat;
  versions?: boolean;
  version?: string;
  devel?: boolean;
  regexp?: boolean;
  failOnNoResult?: boolean;
  maxColWidth: number;
}

/** One that is broken, or was never fetched, must not hide what others have. */
async function readableIndex({ name }: Repository): Promise<{ name: string; index: RepositoryIndex } | undefined> {
  try {
    return { name, index: await cachedIndex(paths, name) };
  } catch (error) {
    if (!(error instanceof ChartError)) throw error;
    createOutput().message(`warning: repo ${name} is corrupt or missing: ${error.message}`);
    return undefined;
  }
}

export async function searchRepo(words: string[], flags: SearchFlags): Promise<void> {
  const known = await readRepositories(paths);
  if (known.length === 0)
    throw new CliError('no repositories configured', { hint: 'Add one: timonel chart repo add NAME URL' });
  const indexes = await Promise.all(known.map(readableIndex));
  const repositories = indexes.flatMap((each) => each ?? []);
  const found = await searchCharts(repositories, {
    text: words.join(' '),
    isExpression: flags.regexp ?? false,
    range: flags.version ?? (flags.devel ? '>0.0.0-0' : ''),
    allVersions: flags.versions ?? false,
  }).catch((error: Error) => {
    throw new CliError(`--regexp: ${error.message}`, { cause: error });
  });
  if (found.length === 0 && flags.failOnNoResult) throw new CliError('no results found');
  printAs(flags.output, found, () =>
    found.length === 0
      ? 'No results found'
      : helmTable(
          [['NAME', 'CHART VERSION', 'APP VERSION', 'DESCRIPTION'], ...found.map((row) => Object.values(row))],
          flags.maxColWidth,
        ),
  );
}
