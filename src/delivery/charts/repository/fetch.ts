import { readFileSync } from 'node:fs';
import { request as httpRequest, STATUS_CODES } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { ChartError } from '../chart/chart.ts';

/** How a server is reached, and as whom. */
export interface Access {
  username?: string | undefined;
  password?: string | undefined;
  /** Credentials go to other hosts too (redirects, charts that an index points to). */
  passCredentials?: boolean | undefined;
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  plainHttp?: boolean | undefined;
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
  /** After redirects. */
  url: string;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
}

const maxBytes = 100 * 2 ** 20;
const maxRedirects = 10;
/** Without a byte for so long a server is given up. */
const silenceMs = 60_000;

/**
 * One request, with redirects followed; answers of more than 100 MiB are refused. Credentials go to the host that was
 * asked and to no other, unless told so. Never rejects for a status: the caller looks at it.
 */
export async function fetchUrl(url: string, access: Access, ask: Ask = {}): Promise<Answer> {
  let at = new URL(url);
  const first = at.host;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const isTrusted = access.passCredentials || at.host === first;
    const answer = await once(
      at,
      isTrusted ? access : withoutCredentials(access),
      isTrusted ? ask : withoutAuthorization(ask),
    );
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status >= 400 || typeof location !== 'string') return answer;
    const next = new URL(location, at);
    if (at.protocol === 'https:' && next.protocol === 'http:')
      throw new ChartError(`${at.href} leads from https to http`);
    at = next;
  }
  throw new ChartError(`${url} leads through more than ${maxRedirects} redirects`);
}

/** As Helm's getter says it. */
export function failedToFetch(url: string, status: number): string {
  return `failed to fetch ${url} : ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

function withoutCredentials(access: Access): Access {
  return { ...access, username: undefined, password: undefined };
}

function withoutAuthorization({ headers = {}, ...ask }: Ask): Ask {
  const { authorization, ...rest } = headers;
  void authorization;
  return { ...ask, headers: rest };
}

function once(url: URL, access: Access, { method = 'GET', headers = {}, body }: Ask): Promise<Answer> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ChartError(`${url.href}: only http and https are known`);
  const basic = access.username
    ? `Basic ${Buffer.from(`${access.username}:${access.password ?? ''}`).toString('base64')}`
    : undefined;
  const options: RequestOptions = {
    ...{ method, timeout: silenceMs },
    headers: {
      'user-agent': 'timonel',
      ...(basic && { authorization: basic }),
      ...(body && { 'content-length': String(body.length) }),
      ...headers,
    },
    ...(url.protocol === 'https:' && tlsOptions(access)),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new ChartError(`${url.origin}: ${error.message}`, error));
    const received = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) response.destroy(new Error(`the answer is larger than ${maxBytes / 2 ** 20} MiB`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          url: url.href,
        }),
      );
    };
    const outgoing: ClientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, received);
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

function tlsOptions({ caFile, certFile, keyFile, insecureSkipTlsVerify }: Access): RequestOptions {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new ChartError(`cannot read ${path}: ${(error as Error).message}`, error);
    }
  };
  return {
    ...(caFile && { ca: read(caFile) }),
    ...(certFile && { cert: read(certFile) }),
    ...(keyFile && { key: read(keyFile) }),
    ...(insecureSkipTlsVerify && { rejectUnauthorized: false }),
  };
}
