import type { Clock } from '../base/clock.ts';
import type { Store } from '../store/store.ts';
import type { ApiRequest, ApiResponse } from './handler.ts';

/** One thing that must be well for the server to be; answers what is wrong. Names are upstream's. */
export interface HealthCheck {
  name: string;
  check: () => string | undefined | Promise<string | undefined>;
  /** It says whether requests may come, not whether the server is well: `/readyz` alone asks. */
  readyOnly?: true;
}

/** Upstream's limit for its store. */
const storeMs = 2000;
export const ping: HealthCheck = { name: 'ping', check: () => undefined };

/** The store answers; upstream's is etcd, and so this is called everywhere. */
export function storeCheck(store: Store, clock: Clock): HealthCheck {
  return {
    name: 'etcd',
    check: () =>
      new Promise((resolve) => {
        const cancel = clock.setTimer(storeMs, () => resolve('context deadline exceeded'));
        const settle = (problem?: string): void => {
          cancel();
          resolve(problem);
        };
        store.get('/health').then(
          () => settle(),
          (error: Error) => settle(error.message),
        );
      }),
  };
}

/** A part that works when it has begun. */
export function startCheck(name: string, hasBegun: () => boolean): HealthCheck {
  return { name, check: () => (hasBegun() ? undefined : 'not finished') };
}

const endpoints = new Set(['healthz', 'livez', 'readyz']);

/**
 * `/healthz`, `/livez`, `/readyz` and one check of them below each; undefined: another path. Everybody may ask the
 * former, and learns no reasons; they say more with `?verbose`, and leave out what `?exclude=` names.
 */
export function respondHealth(request: ApiRequest, all: readonly HealthCheck[]): Promise<ApiResponse> | undefined {
  const [, endpoint = '', name = ''] = /^\/([^/]*)(?:\/(.*))?$/.exec(request.path) ?? [];
  if (!endpoints.has(endpoint)) return undefined;
  const checks = endpoint === 'readyz' ? all : all.filter(({ readyOnly }) => !readyOnly);
  if (name === '') return respond(endpoint, checks, request.query);
  const check = checks.find((candidate) => candidate.name === name);
  return check && respondOne(check);
}

async function respondOne({ check }: HealthCheck): Promise<ApiResponse> {
  const problem = await check();
  return problem === undefined ? text(200, 'ok') : text(500, `internal server error: ${problem}\n`);
}

async function respond(endpoint: string, checks: readonly HealthCheck[], query: URLSearchParams): Promise<ApiResponse> {
  const excluded = new Set(query.getAll('exclude'));
  const results = await Promise.all(
    checks.map(async ({ name, check }) => {
      if (excluded.delete(name)) return { line: `[+]${name} excluded: ok`, isFine: true };
      const isFine = (await check()) === undefined;
      return { line: isFine ? `[+]${name} ok` : `[-]${name} failed: reason withheld`, isFine };
    }),
  );
  const lines = results.map(({ line }) => line);
  if (excluded.size > 0) {
    const unknown = [...excluded].toSorted().map((name) => JSON.stringify(name));
    lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.join(',')}`);
  }
  if (!results.every(({ isFine }) => isFine)) return text(500, [...lines, `${endpoint} check failed`, ''].join('\n'));
  return text(200, query.has('verbose') ? [...lines, `${endpoint} check passed`, ''].join('\n') : 'ok');
}

export function text(status: number, body: string, contentType = 'text/plain; charset=utf-8'): ApiResponse {
  const headers = { 'content-type': contentType, 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' };
  return { status, headers, body: { kind: 'bytes', bytes: Buffer.from(body) } };
}
