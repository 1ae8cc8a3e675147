import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { ChartError } from '../chart/chart.ts';
import { type Verification, verifyChart, verifyFile } from '../authoring/provenance.ts';
import { type Access, failedToFetch, fetchUrl } from './fetch.ts';
import { newestIn, type RepositoryIndex } from './index-file.ts';
import { isOci, type OciReference, ociVersions, parseOciReference, pullOci, tagOf } from './oci.ts';
import { accessOf, cachedIndex, fetchIndex, type HelmPaths, inRepository, readRepositories } from './repositories.ts';

export interface LocateOptions {
  /** `1.2.3` or a range; empty: the newest. */
  version?: string | undefined;
  /** `--repo`: the repository to look in. */
  repo?: string | undefined;
  devel?: boolean | undefined;
  verify?: boolean | undefined;
  keyring?: string | undefined;
  /** Fetch the provenance file too, without checking it. */
  withProvenance?: boolean | undefined;
  access: Access;
  paths: HelmPaths;
}

/** Where a chart was found: in the file system, or an archive that was fetched. */
export type Located = { kind: 'path'; path: string } | FetchedChart;

export interface FetchedChart {
  kind: 'fetched';
  /** `web-1.2.3.tgz` */
  fileName: string;
  data: Buffer;
  /** The URL, or the reference in a registry. */
  source: string;
  provenance: Buffer | undefined;
  /** Of an OCI registry: its full name and manifest digest. */
  oci?: { name: string; digest: string };
  /** With `verify`: who signed it. */
  verification?: Verification;
}

/** Finds what a command line calls a chart: a path, `oci://…`, a URL, `repo/chart`, or a name in `--repo`. @throws ChartError */
export async function locateChart(reference: string, options: LocateOptions): Promise<Located> {
  if (options.repo === undefined && !isOci(reference) && existsSync(reference)) {
    if (options.verify) await verifyFile(reference, options.keyring);
    return { kind: 'path', path: reference };
  }
  return fetchChart(reference, options);
}

/** Fetches a chart from a registry or a repository, and checks its signature where that is asked for. @throws ChartError */
export async function fetchChart(reference: string, options: LocateOptions): Promise<FetchedChart> {
  return checked(await fetchUnchecked(reference, options), options);
}

/** The same from a repository whose index is known already. @throws ChartError */
export async function fetchFromIndex(
  name: string,
  repository: { url: string; access: Access; index: RepositoryIndex },
  options: LocateOptions,
): Promise<FetchedChart> {
  return checked(await fromIndex(name, repository, options), options);
}

async function checked(fetched: FetchedChart, options: LocateOptions): Promise<FetchedChart> {
  if (!options.verify) return fetched;
  if (!fetched.provenance) throw new ChartError(`failed to fetch provenance "${fetched.source}.prov"`);
  const verification = await verifyChart({ ...fetched, provenance: fetched.provenance.toString() }, options.keyring);
  return { ...fetched, verification };
}

async function fetchUnchecked(reference: string, options: LocateOptions): Promise<FetchedChart> {
  if (isOci(reference)) {
    checkTag(parseOciReference(reference), options.version);
    return fetchOci(reference, options);
  }
  if (options.repo !== undefined)
    return fromRepository(reference, { url: options.repo, access: options.access }, options);
  if (/^https?:\/\//.test(reference)) return download(reference, options.access, options);
  return fromAddedRepository(reference, options);
}

/** `repo/chart`, in a repository that was added; with Helm's words for what is wrong with it (`ResolveChartVersion`). */
async function fromAddedRepository(reference: string, options: LocateOptions): Promise<FetchedChart> {
  if (/^[./~]/.test(reference)) throw new ChartError(`path "${reference}" not found`);
  const scheme = /^([a-z][-+.a-z0-9]*):\/\//i.exec(reference)?.[1];
  if (scheme !== undefined) throw new ChartError(`scheme "${scheme}" not supported`);
  const slash = reference.indexOf('/');
  if (slash < 0)
    throw new ChartError(`non-absolute URLs should be in form of repo_name/path_to_chart, got: ${reference}`);
  const [repo, name] = [reference.slice(0, slash), reference.slice(slash + 1)];
  const repository = (await readRepositories(options.paths)).find((each) => each.name === repo);
  if (!repository) throw new ChartError(`repo ${repo} not found`);
  const index = await cachedIndex(options.paths, repo);
  const access = { ...accessOf(repository), ...defined(options.access) };
  return fromIndex(name, { url: repository.url, access, index, repo }, options);
}

function defined(access: Access): Access {
  return Object.fromEntries(Object.entries(access).filter(([, value]) => value !== undefined));
}

function rangeOf({ version, devel }: LocateOptions): string {
  return version || (devel ? '>0.0.0-0' : '');
}

/** Whoever names two versions means one that is not there. */
function checkTag({ tag }: OciReference, version: string | undefined): void {
  if (tag !== undefined && version && tagOf(version) !== tag)
    throw new ChartError(`chart reference and version mismatch: ${version} is not ${tag}`);
}

async function fetchOci(reference: string, options: LocateOptions): Promise<FetchedChart> {
  const parsed = parseOciReference(reference);
  const range = rangeOf(options);
  let version = parsed.tag;
  if (parsed.digest === undefined && version === undefined) {
    const exact = /^v?\d+\.\d+\.\d+(?:[-+].*)?$/.test(range) ? range : undefined;
    version =
      exact ??
      newestIn(
        (await ociVersions(parsed, options.access)).map((each) => ({ version: each })),
        range,
      )?.version;
    if (version === undefined) throw new ChartError(`${reference} has no version${range ? ` in ${range}` : ''}`);
  }
  const { data, provenance, digest, name } = await pullOci(parsed, version, options.access);
  const base = parsed.repository.slice(parsed.repository.lastIndexOf('/') + 1);
  const fileName = `${base}-${version ?? parsed.digest?.slice(7, 19)}.tgz`;
  return { kind: 'fetched', fileName, data, source: `oci://${name}`, provenance, oci: { name, digest } };
}

async function fromRepository(
  name: string,
  { url, access }: { url: string; access: Access },
  options: LocateOptions,
): Promise<FetchedChart> {
  const { index } = await fetchIndex(url, access);
  return fromIndex(name, { url, access, index }, options);
}

async function fromIndex(
  name: string,
  { url, access, index, repo }: { url: string; access: Access; index: RepositoryIndex; repo?: string },
  options: LocateOptions,
): Promise<FetchedChart> {
  const versions = Object.hasOwn(index.entries, name) ? index.entries[name] : undefined;
  const range = rangeOf(options);
  const entry = versions && newestIn(versions, range);
  if (!entry) throw new ChartError(notFound(name, range, { url, repo, isKnown: versions !== undefined }));
  const [first] = entry.urls;
  if (!first) throw new ChartError(`chart "${name}" has no downloadable URLs`);
  if (isOci(first)) return fetchOci(first, { ...options, version: entry.version });
  const target = inRepository(url, first);
  const isOwn = new URL(target).host === new URL(url).host;
  const given = isOwn || access.passCredentials ? access : { ...access, username: undefined, password: undefined };
  return download(target, given, options);
}

/** Helm's words, of a repository that was added and of one that `--repo` names. */
function notFound(
  name: string,
  range: string,
  { url, repo, isKnown }: { url: string; repo: string | undefined; isKnown: boolean },
): string {
  if (repo === undefined) return `chart "${name}"${range && ` version "${range}"`} not found in ${url} repository`;
  const why = isKnown ? `no chart version found for ${name}-${range}` : 'no chart name found';
  return `chart "${name}" matching ${range} not found in ${repo} index. (try 'timonel chart repo update'): ${why}`;
}

async function download(url: string, access: Access, { verify, withProvenance }: LocateOptions): Promise<FetchedChart> {
  const { status, body } = await fetchUrl(url, access);
  if (status !== 200) throw new ChartError(failedToFetch(url, status));
  const signed = verify || withProvenance ? await fetchUrl(`${url}.prov`, access) : undefined;
  return {
    kind: 'fetched',
    fileName: basename(new URL(url).pathname),
    data: body,
    source: url,
    provenance: signed?.status === 200 ? signed.body : undefined,
  };
}
