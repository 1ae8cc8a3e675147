import type { ApiRequest, ApiResponse } from './handler.ts';
import { respondHealth, text } from './health.ts';
import type { HealthCheck } from './health.ts';
import type { KindIndex } from './kind-index.ts';
import { groupsOf } from './discovery.ts';
import type { Metrics } from './metrics.ts';
import { createOpenApi, type RemoteOpenApiSource } from './open-api-handler.ts';

/** `version.Info`. */
export interface VersionInfo {
  major: string;
  minor: string;
  gitVersion: string;
  gitCommit: string;
  gitTreeState: string;
  buildDate: string;
  goVersion: string;
  compiler: string;
  platform: string;
}

const defaultVersion: VersionInfo = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

/** Answers paths that are no API: version, health, metrics, OpenAPI, documents; undefined: nothing is there. */
export type PathHandler = (request: ApiRequest) => ApiResponse | undefined | Promise<ApiResponse | undefined>;

export function createPathHandler(options: {
  kinds: KindIndex;
  metrics: Metrics;
  documents: ReadonlyMap<string, () => ApiResponse>;
  version: Partial<VersionInfo>;
  checks: readonly HealthCheck[];
  /** Of extension servers. */
  remoteOpenApi?: RemoteOpenApiSource | undefined;
}): PathHandler {
  const { kinds, metrics, documents, checks } = options;
  const version = Buffer.from(JSON.stringify({ ...defaultVersion, ...options.version }, null, 2));
  const openApi = createOpenApi(kinds, options.remoteOpenApi);
  return (request) => {
    const { path } = request;
    if (path.startsWith('/openapi/')) return openApi(request);
    switch (path) {
      case '/version':
      case '/version/':
        return json(version);
      case '/metrics':
        return text(200, metrics.render(), 'text/plain; version=0.0.4; charset=utf-8');
      case '/':
        return json(Buffer.from(JSON.stringify({ paths: rootPaths(kinds, documents) }, null, 2)));
      default:
        return respondHealth(request, checks) ?? documents.get(path)?.();
    }
  };
}

function json(bytes: Uint8Array): ApiResponse {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' };
  return { status: 200, headers, body: { kind: 'bytes', bytes } };
}

function rootPaths(kinds: KindIndex, documents: ReadonlyMap<string, unknown>): string[] {
  const groups = groupsOf(kinds).flatMap(({ name, versions }) => [
    `/apis/${name}`,
    ...versions.map((version) => `/apis/${name}/${version}`),
  ]);
  const others = ['/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'];
  return [...documents.keys(), '/api', '/api/v1', '/apis', ...groups, ...others].toSorted();
}
