import { createHash } from 'node:crypto';
import { findLogin } from '../../registry/docker-config.ts';
import { ChartError, type ChartMetadata } from '../chart/chart.ts';
import { compareVersions, parseVersion } from '../functions/semver.ts';
import { type Access, type Answer, type Ask, fetchUrl } from './fetch.ts';
import { helmLoginFiles } from './repositories.ts';

/** Charts in OCI registries (Helm documentation, "Use OCI-based registries"; OCI distribution specification). */

const configType = 'application/vnd.cncf.helm.config.v1+json';
const chartType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
const provenanceType = 'application/vnd.cncf.helm.chart.provenance.v1.prov';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

export interface OciReference {
  /** `registry.example.com:5000` */
  host: string;
  /** `charts/web` */
  repository: string;
  tag?: string;
  digest?: string;
}

/** What charts are pushed below; the repository may be empty. */
type OciTarget = Pick<OciReference, 'host' | 'repository'>;

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

export function isOci(reference: string): boolean {
  return reference.startsWith('oci://');
}

/** `oci://host/path/name[:tag][@digest]` @throws ChartError */
export function parseOciReference(text: string): OciReference {
  const match =
    /^oci:\/\/([^/]+)\/([a-z0-9][a-z0-9._/-]*?)(?::([A-Za-z0-9_][\w.+-]*))?(?:@(sha256:[a-f0-9]{64}))?\/?$/.exec(text);
  if (!match)
    throw new ChartError(`${JSON.stringify(text)} is no reference like oci://registry.example.com/charts/web`);
  const [, host = '', repository = '', tag, digest] = match;
  return { host, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** Where to push: `oci://host[/path]`. @throws ChartError */
export function parseOciTarget(text: string): OciTarget {
  const [, scheme, host = '', path = ''] = /^(?:([^:/]+):\/\/)?([^/]*)\/?(.*?)\/*$/.exec(text) ?? [];
  if (scheme === undefined) throw new ChartError('scheme prefix missing from remote (e.g. "oci://")');
  if (scheme !== 'oci') throw new ChartError(`scheme "${scheme}" not supported`);
  const isName = /^(?:[a-z0-9][a-z0-9._/-]*)?$/.test(path);
  if (host === '' || !isName) throw new ChartError(`invalid reference: invalid repository ${JSON.stringify(path)}`);
  return { host, repository: path };
}

interface OciChart {
  data: Buffer;
  provenance: Buffer | undefined;
  /** Of the manifest. */
  digest: string;
  /** `host/repository:tag` */
  name: string;
}

/** Tags cannot hold a `+`. */
export function tagOf(version: string): string {
  return version.replaceAll('+', '_');
}

/** The versions of a chart, newest first. @throws ChartError */
export async function ociVersions(reference: OciReference, access: Access): Promise<string[]> {
  const registry = new Registry(reference.host, access);
  const found: string[] = [];
  for (let path: string | undefined = `/v2/${reference.repository}/tags/list`; path !== undefined;) {
    const answer: Answer = await registry.ask(path, reference.repository, 'pull');
    expectOk(answer, `${reference.host}/${reference.repository}`);
    found.push(...((JSON.parse(answer.body.toString()) as { tags: string[] | null }).tags ?? []));
    path = /<([^>]+)>;\s*rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
  }
  return found
    .map((tag) => tag.replaceAll('_', '+'))
    .filter((version) => /^v?\d/.test(version) && isSemantic(version))
    .toSorted((a, b) => compareVersions(parseVersion(b), parseVersion(a)));
}

function isSemantic(version: string): boolean {
  try {
    parseVersion(version);
    return true;
  } catch {
    return false;
  }
}

/** Fetches a chart; every digest is checked. @throws ChartError */
export async function pullOci(reference: OciReference, version: string | undefined, access: Access): Promise<OciChart> {
  const { host, repository, digest } = reference;
  const registry = new Registry(host, access);
  const at = digest ?? tagOf(version ?? reference.tag ?? '');
  const name = `${host}/${repository}${digest ? `@${digest}` : `:${at}`}`;
  const answer = await registry.ask(`/v2/${repository}/manifests/${at}`, repository, 'pull', {
    headers: { accept: manifestType },
  });
  expectOk(answer, name);
  const own = sha256(answer.body);
  if (digest !== undefined && own !== digest)
    throw new ChartError(`${name}: the registry gave a manifest with another digest`);
  const { layers, config } = JSON.parse(answer.body.toString()) as Manifest;
  const chart = layers.find(({ mediaType }) => mediaType === chartType);
  if (config.mediaType !== configType || !chart) throw new ChartError(`${name} is no chart`);
  const signed = layers.find(({ mediaType }) => mediaType === provenanceType);
  const blob = async (layer: Descriptor): Promise<Buffer> => {
    const { body, ...rest } = await registry.ask(`/v2/${repository}/blobs/${layer.digest}`, repository, 'pull');
    expectOk({ ...rest, body }, name);
    if (sha256(body) !== layer.digest)
      throw new ChartError(`${name}: a layer has not the digest that the manifest says`);
    return body;
  };
  return { data: await blob(chart), provenance: signed && (await blob(signed)), digest: own, name };
}

/** Pushes an archive as `REFERENCE/NAME:VERSION`. Gives its name and the manifest's digest. @throws ChartError */
export async function pushOci(
  target: OciTarget,
  chart: { metadata: ChartMetadata; data: Uint8Array; provenance?: Uint8Array | undefined; created: string },
  access: Access,
): Promise<{ name: string; digest: string }> {
  const { metadata, data, provenance, created } = chart;
  const registry = new Registry(target.host, access);
  const repository = [target.repository, metadata.name].filter(Boolean).join('/');
  const config = Buffer.from(JSON.stringify(metadata));
  const put = (bytes: Uint8Array, mediaType: string): Promise<Descriptor> =>
    registry.putBlob(repository, bytes, mediaType);
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: await put(config, configType),
    layers: [await put(data, chartType), ...(provenance ? [await put(provenance, provenanceType)] : [])],
    annotations: annotationsOf(metadata, created),
  };
  const body = Buffer.from(JSON.stringify(manifest));
  const tag = tagOf(metadata.version);
  const name = `${target.host}/${repository}:${tag}`;
  const ask: Ask = { method: 'PUT', body, headers: { 'content-type': manifestType } };
  expectOk(await registry.ask(`/v2/${repository}/manifests/${tag}`, repository, 'pull,push', ask), name);
  return { name, digest: sha256(body) };
}

/** What a manifest tells of the chart (Helm documentation, "Use OCI-based registries"), with the chart's own annotations. */
function annotationsOf(metadata: ChartMetadata, created: string): Record<string, string> {
  const { name, version, description, home, sources, maintainers, annotations } = metadata;
  const authors = maintainers?.map((each) => [each.name, each.email && `(${each.email})`].filter(Boolean).join(' '));
  const facts = { created, description, url: home, source: sources?.[0], authors: authors?.join(', ') };
  const told = Object.entries(facts).flatMap(([key, value]) =>
    value?.trim() ? [[`org.opencontainers.image.${key}`, value] as const] : [],
  );
  const all = Object.entries({
    ...Object.fromEntries(told),
    ...annotations,
    'org.opencontainers.image.title': name,
    'org.opencontainers.image.version': version,
  });
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** One registry, with the login that Docker's configuration has for it. */
class Registry {
  readonly #host: string;
  readonly #access: Access;
  #authorization: string | undefined;

  constructor(host: string, access: Access) {
    this.#host = host;
    this.#access = access;
  }

  async ask(path: string, repository: string, actions: string, ask: Ask = {}): Promise<Answer> {
    const url = /^https?:/.test(path) ? path : `${this.#access.plainHttp ? 'http' : 'https'}://${this.#host}${path}`;
    const send = (): Promise<Answer> => {
      const authorization = this.#authorization;
      const { username, password, ...plain } = this.#access;
      void [username, password];
      return fetchUrl(url, plain, { ...ask, headers: { ...ask.headers, ...(authorization && { authorization }) } });
    };
    const answer = await send();
    if (answer.status !== 401) return answer;
    this.#authorization = await this.#login(String(answer.headers['www-authenticate'] ?? ''), repository, actions);
    return send();
  }

  /** What a registry that asks for a login wants: basic, or a token of its own (distribution's token specification). */
  async #login(challenge: string, repository: string, actions: string): Promise<string> {
    const { username, password } = this.#access;
    const known = username
      ? { username, password: password ?? '' }
      : await findLogin(this.#host, helmLoginFiles(process.env));
    const basic = known && `Basic ${Buffer.from(`${known.username}:${known.password}`).toString('base64')}`;
    if (!/^bearer /i.test(challenge)) {
      if (basic) return basic;
      throw new ChartError(`${this.#host} wants a login: timonel login ${this.#host}`);
    }
    const parameters = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
    );
    const url = new URL(parameters['realm'] ?? '');
    url.searchParams.set('service', parameters['service'] ?? '');
    url.searchParams.set('scope', `repository:${repository}:${actions}`);
    const { caFile, insecureSkipTlsVerify } = this.#access;
    const answer = await fetchUrl(
      url.href,
      { caFile, insecureSkipTlsVerify },
      basic ? { headers: { authorization: basic } } : {},
    );
    expectOk(answer, `${this.#host}: login`);
    const { token, access_token: other } = JSON.parse(answer.body.toString()) as {
      token?: string;
      access_token?: string;
    };
    return `Bearer ${token ?? other ?? ''}`;
  }

  async putBlob(repository: string, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const digest = sha256(bytes);
    const descriptor = { mediaType, digest, size: bytes.length };
    const there = await this.ask(`/v2/${repository}/blobs/${digest}`, repository, 'pull,push', { method: 'HEAD' });
    if (there.status === 200) return descriptor;
    const begun = await this.ask(`/v2/${repository}/blobs/uploads/`, repository, 'pull,push', { method: 'POST' });
    expectOk(begun, `${this.#host}/${repository}`);
    const target = new URL(String(begun.headers['location']), begun.url);
    target.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    expectOk(
      await this.ask(target.href, repository, 'pull,push', { method: 'PUT', body: bytes, headers }),
      `${this.#host}/${repository}`,
    );
    return descriptor;
  }
}

function expectOk({ status, body }: Answer, what: string): void {
  if (status >= 200 && status < 300) return;
  if (status === 404) throw new ChartError(`${what}: not found`);
  if (status === 401 || status === 403)
    throw new ChartError(`${what}: the registry refuses (${status}): is the login right?`);
  throw new ChartError(`${what}: the registry answered ${status}: ${body.toString().slice(0, 200)}`);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
