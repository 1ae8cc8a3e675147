import type { ApiRequest, ApiResponse, Handler, RequestContext } from '../../src/apiserver/handler.ts';

/** What a client of the wire sees of an answer. */
export interface Answer {
  status: number;
  headers: ApiResponse['headers'];
  bytes: Buffer;
  /** The body as JSON, typed by whoever looks at it. */
  json<T = Wire>(): T;
}

/** As much of objects, lists and statuses as tests look at. */
export interface Wire {
  kind: string;
  apiVersion: string;
  metadata: Record<string, unknown> & { name: string; resourceVersion: string; continue?: string };
  items: Wire[];
  spec: Record<string, unknown>;
  status: unknown;
  message: string;
  reason: string;
  code: number;
  details: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Call {
  /** An object is sent as JSON, text and bytes as they are. */
  body?: object | string | Uint8Array;
  headers?: Record<string, string>;
  context?: RequestContext;
}

/** Sends bytes through a handler, as the listener does, and reads the answer. */
export async function request(handler: Handler, line: string, call: Call = {}): Promise<Answer> {
  const { status, headers, body } = await respond(handler, line, call);
  const bytes = body.kind === 'stream' ? await collect(body.pipe) : bytesOf(body);
  return { status, headers, bytes, json: <T>() => JSON.parse(bytes.toString('utf8')) as T };
}

/** What came from another server, to its end. */
function collect(pipe: Extract<ApiResponse['body'], { kind: 'stream' }>['pipe']): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    pipe(
      (chunk) => chunks.push(chunk) > 0,
      (error) => (error ? reject(error) : resolve(Buffer.concat(chunks))),
    );
  });
}

/** The handler's own answer, for watches. `line` is `GET /api/v1/pods?limit=1`. */
export function respond(handler: Handler, line: string, call: Call = {}): Promise<ApiResponse> {
  const [method = 'GET', url = '/'] = line.split(' ', 2);
  const [path = '', query] = url.split('?', 2);
  const bytes = call.body === undefined ? undefined : encode(call.body);
  return handler(
    {
      method: method as ApiRequest['method'],
      path,
      query: new URLSearchParams(query),
      headers: { ...(bytes && { 'content-type': 'application/json' }), ...call.headers },
      body: bytes ? { kind: 'bytes', read: () => Promise.resolve(bytes) } : { kind: 'none' },
      signal: new AbortController().signal,
    },
    call.context ?? {},
  );
}

function encode(body: object | string | Uint8Array): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function bytesOf(body: ApiResponse['body']): Buffer {
  switch (body.kind) {
    case 'bytes':
      return Buffer.concat(body.bytes instanceof Uint8Array ? [body.bytes] : body.bytes);
    case 'object':
      return Buffer.from(JSON.stringify(body.object));
    case 'entry':
      return Buffer.from(body.entry.value);
    case 'list':
      return Buffer.from(body.head + body.entries.map(({ value }) => Buffer.from(value)).join(',') + body.tail);
    case 'none':
      return Buffer.alloc(0);
    case 'watch':
    case 'stream':
    case 'upgrade':
      throw new Error(`a ${body.kind} has no bytes`);
  }
}
