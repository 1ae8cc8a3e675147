import type { ApiRequest, ApiResponse } from './handler.ts';

/** One thing that must be well for the server to be; answers what is wrong. */
export interface HealthCheck {
  name: string;
  check: () => string | undefined;
}

const endpoints = new Set(['healthz', 'livez', 'readyz']);

/** `/healthz`, `/livez`, `/readyz` and one check of them below each; undefined: another path. */
export function respondHealth(request: ApiRequest, checks: readonly HealthCheck[]): ApiResponse | undefined {
  const [endpoint = '', name, ...rest] = request.path.split('/').slice(1);
  if (!endpoints.has(endpoint) || rest.length > 0) return undefined;
  if (name !== undefined && name !== '') {
    const check = checks.find((candidate) => candidate.name === name);
    return check && respond(endpoint, [check], { isVerbose: false, excluded: new Set() });
  }
  return respond(endpoint, checks, {
    isVerbose: request.query.has('verbose'),
    excluded: new Set(request.query.getAll('exclude')),
  });
}

function respond(
  endpoint: string,
  checks: readonly HealthCheck[],
  { isVerbose, excluded }: { isVerbose: boolean; excluded: ReadonlySet<string> },
): ApiResponse {
  const lines: string[] = [];
  let failed = false;
  for (const { name, check } of checks) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const problem = check();
    failed ||= problem !== undefined;
    lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`);
  }
  if (failed) return text(500, [...lines, `${endpoint} check failed`, ''].join('\n'));
  return text(200, isVerbose ? [...lines, `${endpoint} check passed`, ''].join('\n') : 'ok');
}

export function text(status: number, body: string, contentType = 'text/plain; charset=utf-8'): ApiResponse {
  const headers = { 'content-type': contentType, 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' };
  return { status, headers, body: { kind: 'bytes', bytes: Buffer.from(body) } };
}
