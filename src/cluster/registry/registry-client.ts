import { request } from 'node:https';
import { basicAuthorization, type RegistryEndpoint } from './local-registry.ts';

/** One tag of a repository, or an untagged manifest that was asked for by digest. */
export interface RegistryImage {
  repository: string;
  tag: string;
  /** `sha256:…` of its manifest or index. */
  digest: string;
  /** Compressed layers and configuration, of every platform. */
  sizeBytes: number;
}

/** The cluster's registry over the OCI distribution specification (https://github.com/opencontainers/distribution-spec). */
export interface RegistryClient {
  list(): Promise<RegistryImage[]>;
  tags(repository: string): Promise<string[]>;
  /** The digest behind a tag; undefined when there is none. */
  digestOf(repository: string, reference: string): Promise<string | undefined>;
  /** Removes a manifest, and with it every tag that names it. */
  remove(repository: string, digest: string): Promise<void>;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

interface Manifest {
  config?: { size: number };
  layers?: { size: number }[];
  manifests?: { digest: string }[];
}

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

export function createRegistryClient(endpoint: RegistryEndpoint): RegistryClient {
  const call = (method: string, path: string): Promise<Answer> => send(endpoint, method, path);

  /** All pages of a list: the registry names the next in a Link header (RFC 8288). */
  async function pages<K extends string>(first: string, key: K): Promise<string[]> {
    const all: string[] = [];
    for (let path: string | undefined = first; path !== undefined;) {
      const answer: Answer = await call('GET', path);
      if (answer.status === 404) break;
      all.push(...((JSON.parse(expectOk(answer)) as Record<K, string[] | null>)[key] ?? []));
      path = /<([^>]+)>;\s*rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
    }
    return all;
  }

  async function digestOf(repository: string, reference: string): Promise<string | undefined> {
    const answer = await call('HEAD', `/v2/${repository}/manifests/${reference}`);
    if (answer.status === 404) return undefined;
    expectOk(answer);
    return String(answer.headers['docker-content-digest']);
  }

  async function sizeOf(repository: string, reference: string): Promise<number> {
    const answer = await call('GET', `/v2/${repository}/manifests/${reference}`);
    const { config, layers = [], manifests = [] } = JSON.parse(expectOk(answer)) as Manifest;
    const own = layers.reduce((sum, { size }) => sum + size, config?.size ?? 0);
    const inner = await Promise.all(manifests.map(({ digest }) => sizeOf(repository, digest)));
    return inner.reduce((sum, size) => sum + size, own);
  }

  const tags = (repository: string): Promise<string[]> => pages(`/v2/${repository}/tags/list`, 'tags');
  return {
    tags,
    digestOf,
    async list() {
      const repositories = await pages('/v2/_catalog?n=200', 'repositories');
      const images: RegistryImage[] = [];
      for (const repository of repositories) {
        for (const tag of (await tags(repository)).toSorted((a, b) => a.localeCompare(b))) {
          const digest = await digestOf(repository, tag);
          if (digest) images.push({ repository, tag, digest, sizeBytes: await sizeOf(repository, digest) });
        }
      }
      return images;
    },
    async remove(repository, digest) {
      expectOk(await call('DELETE', `/v2/${repository}/manifests/${digest}`));
    },
  };
}

function expectOk({ status, body }: Answer): string {
  if (status >= 200 && status < 300) return body;
  throw new Error(`the registry answered ${status}: ${body.trim() || 'nothing'}`);
}

function send(endpoint: RegistryEndpoint, method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: endpoint.port,
        servername: 'localhost',
        ca: endpoint.certificateAuthority,
        method,
        path,
        headers: { authorization: basicAuthorization(endpoint), accept: manifestTypes },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}
