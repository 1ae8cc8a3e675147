import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../base/clock.ts';
import { ApiError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { objectPath } from '../../client/request-path.ts';
import { services } from '../../client/resources.ts';
import { ShipError } from './ship-error.ts';
import type { ShipCheck } from './ship-file.ts';

/** What a check saw: an answer, or why there is none. */
type Seen = { status: number; body: string } | { failure: string };

const retryMs = 500;
const requestMs = 10_000;
const maxBody = 1 << 20;

/** What is wrong with an answer; undefined: nothing. Pure. */
function judgeAnswer({ status, contains }: Pick<ShipCheck, 'status' | 'contains'>, seen: Seen): string | undefined {
  if ('failure' in seen) return seen.failure;
  if (seen.status !== status) return `it answers ${seen.status} instead of ${status}`;
  if (contains !== undefined && !seen.body.includes(contains))
    return `its answer does not contain ${JSON.stringify(contains)}`;
  return undefined;
}

/**
 * Asks until the answer is right: what has just been rolled out may take a moment to be seen. Resolves with how long it
 * took. Rejects with {@link ShipError} when the check's time is over.
 */
export async function runCheck(
  check: ShipCheck,
  {
    client,
    clock,
    namespace,
    signal,
  }: { client: Client; clock: Clock; namespace: string; signal?: AbortSignal | undefined },
): Promise<number> {
  const start = clock.monotonic();
  for (;;) {
    const seen = await ask(check, { client, namespace, signal });
    signal?.throwIfAborted();
    const problem = judgeAnswer(check, seen);
    const elapsed = clock.monotonic() - start;
    if (problem === undefined) return Math.round(elapsed);
    if (elapsed + retryMs > check.timeoutMs)
      throw new ShipError(`check ${check.name}: ${problem} (after ${check.timeoutMs / 1000} s)`);
    await clock.sleep(retryMs, signal);
  }
}

async function ask(
  { target, headers }: ShipCheck,
  { client, namespace, signal: calledOff }: { client: Client; namespace: string; signal?: AbortSignal | undefined },
): Promise<Seen> {
  const limit = AbortSignal.timeout(requestMs);
  const signal = calledOff ? AbortSignal.any([calledOff, limit]) : limit;
  if (target.kind === 'url') return askUrl(target, { headers, signal });
  const name = target.port === '' ? target.service : `${target.service}:${target.port}`;
  const path = `${objectPath(services, { name, namespace }, 'proxy')}${target.path}`;
  try {
    const body = await client.raw('GET', path, undefined, { accept: '*/*', headers, signal });
    return { status: 200, body: typeof body === 'string' ? body : JSON.stringify(body) };
  } catch (error) {
    return error instanceof ApiError
      ? { status: error.code, body: error.message }
      : { failure: limit.aborted ? `there is no answer within ${requestMs / 1000} s` : (error as Error).message };
  }
}

/** A request of its own: fetch lets nobody name the host of a URL and go to another. */
function askUrl(
  { url, connect }: { url: string; connect?: string | undefined },
  { headers, signal }: { headers: ShipCheck['headers']; signal: AbortSignal },
): Promise<Seen> {
  const { protocol, host, hostname, port, pathname, search, username, password } = new URL(url);
  const colon = connect?.lastIndexOf(':') ?? -1;
  const isTls = protocol === 'https:';
  const send = isTls ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const sent = send(
      {
        host: connect === undefined ? hostname : connect.slice(0, colon),
        port: connect === undefined ? port || (isTls ? 443 : 80) : connect.slice(colon + 1),
        path: `${pathname}${search}`,
        headers: { host, connection: 'close', ...headers },
        ...(isTls && { servername: hostname }),
        ...(username !== '' && { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
        agent: false,
        signal,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body = (body + chunk).slice(0, maxBody)));
        response.on('error', (error) => resolve({ failure: error.message }));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    sent.on('error', (error) => resolve({ failure: error.message }));
    sent.end();
  });
}
