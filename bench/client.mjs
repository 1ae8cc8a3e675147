// A small Kubernetes client for load: it shares the machine with the server that it measures, so it costs as little as it
// can. Each connection is a TLS socket with one request under way, and just enough of HTTP/1.1 to tell where an answer ends.
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { parse } from 'yaml';

/** Reads server and credentials from a kubeconfig's current context. */
export function connect(kubeconfigPath, sockets = 36) {
  const config = parse(readFileSync(kubeconfigPath, 'utf8'));
  const context = config.contexts.find((c) => c.name === config['current-context']).context;
  const cluster = config.clusters.find((c) => c.name === context.cluster).cluster;
  const user = config.users.find((u) => u.name === context.user).user;
  const decode = (data) => data && Buffer.from(data, 'base64');
  const secureContext = tls.createSecureContext({
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  });
  return new Client(new URL(cluster.server), user.token, secureContext, sockets);
}

class Client {
  #free = [];
  #open = 0;
  #waiting = [];

  constructor(server, token, secureContext, sockets) {
    this.options = { host: server.hostname, port: Number(server.port), secureContext };
    this.sockets = sockets;
    this.head = `Host: ${server.host}\r\nAccept: application/json\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}`;
  }

  /** Answers the parsed body, or its size alone with `{ sizeOnly: true }`. */
  async call(method, path, body, { sizeOnly = false } = {}) {
    const connection = await this.#take();
    let answer;
    try {
      answer = await connection.exchange(this.#request(method, path, body), sizeOnly);
    } finally {
      this.#release(connection);
    }
    const { status, bytes, text } = answer;
    if (status >= 400) {
      const error = new Error(`${method} ${path}: ${status} ${text().slice(0, 300)}`);
      error.status = status;
      throw error;
    }
    return sizeOnly ? bytes : JSON.parse(text());
  }

  /** Calls `onLine` with each event's JSON text. Answers the function that ends the watch. */
  async watch(path, onLine) {
    const connection = await Connection.open(this.options);
    let rest = '';
    await connection.stream(this.#request('GET', path), (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) onLine(line);
    });
    return () => connection.close();
  }

  /** A namespace with its default service account in place. */
  async namespace(name) {
    const made = () =>
      this.call('POST', '/api/v1/namespaces', { metadata: { name } }).catch((error) => {
        if (error.status !== 409) throw error;
        return this.call('GET', `/api/v1/namespaces/${name}`).catch(() => undefined);
      });
    // One of that name may still be leaving.
    await until(async () => (await made())?.status.phase === 'Active', 'the namespace');
    await until(
      () => this.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).catch(() => false),
      'account',
    );
  }

  #request(method, path, body) {
    if (body === undefined) return `${method} ${path} HTTP/1.1\r\n${this.head}\r\n`;
    const data = JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const entity = `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(data)}`;
    return `${method} ${path} HTTP/1.1\r\n${this.head}${entity}\r\n\r\n${data}`;
  }

  async #take() {
    for (;;) {
      const free = this.#free.pop();
      if (free?.closed === false) return free;
      if (free) this.#open--;
      else if (this.#open < this.sockets) return this.#connect();
      else await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  async #connect() {
    this.#open++;
    try {
      return await Connection.open(this.options);
    } catch (error) {
      this.#open--;
      throw error;
    }
  }

  #release(connection) {
    this.#free.push(connection);
    this.#waiting.shift()?.();
  }
}

const headEnd = Buffer.from('\r\n\r\n');

/** One connection; answers have a `Content-Length` or are chunked. */
class Connection {
  closed = false;
  #socket;
  #onData = () => {};
  #onClose = () => {};

  static open(options) {
    return new Promise((resolve, reject) => {
      const socket = tls.connect(options, () => resolve(new Connection(socket)));
      socket.setNoDelay(true);
      socket.once('error', reject);
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.once('close', () => {
      this.closed = true;
      this.#onClose();
    });
  }

  close() {
    this.closed = true;
    this.#socket.destroy();
  }

  /** One request and its answer; the body is kept unless `sizeOnly`. */
  exchange(request, sizeOnly) {
    return new Promise((resolve, reject) => {
      let head;
      let chunks = [];
      let size = 0;
      this.#onClose = () => reject(new Error('the connection was closed'));
      this.#onData = (chunk) => {
        chunks.push(chunk);
        size += chunk.length;
        if (!head) {
          const start = chunks.length === 1 ? chunk : Buffer.concat(chunks);
          head = parseHead(start);
          if (!head) return;
          size = start.length - head.end;
          chunks = [start.subarray(head.end)];
        }
        if (head.length === undefined) throw new Error('an answer without a length');
        if (size < head.length) {
          if (sizeOnly && head.status < 400) chunks.length = 0;
          return;
        }
        const body = chunks;
        resolve({ status: head.status, bytes: size, text: () => Buffer.concat(body).toString() });
      };
      this.#socket.write(request);
    });
  }

  /** A request whose answer comes in chunks and does not end. Resolves when its head is there. */
  stream(request, onText) {
    return new Promise((resolve, reject) => {
      let rest = Buffer.alloc(0);
      let head;
      this.#onClose = () => reject(new Error('the connection was closed'));
      this.#onData = (chunk) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        if (!head) {
          head = parseHead(rest);
          if (!head) return;
          if (head.status !== 200) return reject(new Error(`a watch was answered with ${head.status}`));
          rest = rest.subarray(head.end);
          resolve();
        }
        rest = takeChunks(rest, onText);
      };
      this.#socket.write(request);
    });
  }
}

function parseHead(bytes) {
  const at = bytes.indexOf(headEnd);
  if (at < 0) return undefined;
  const text = bytes.latin1Slice(0, at);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return { status: Number(text.slice(9, 12)), length: length && Number(length), end: at + headEnd.length };
}

/** Calls `onText` for each whole chunk at the start of `bytes`; answers what is left. */
function takeChunks(bytes, onText) {
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n');
    if (lineEnd < 0) return bytes;
    const size = Number.parseInt(bytes.latin1Slice(0, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return bytes;
    onText(bytes.utf8Slice(lineEnd + 2, end));
    bytes = bytes.subarray(end + 2);
  }
}

/** Milliseconds until `check` answers something true. */
export async function until(check, what, { timeoutMs = 180_000, intervalMs = 10 } = {}) {
  const start = performance.now();
  for (;;) {
    if (await check()) return performance.now() - start;
    if (performance.now() - start > timeoutMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** Runs `task(0)` … `task(count - 1)`, `workers` at a time; rate per second and latencies in milliseconds. */
export async function load(count, workers, task) {
  const latencies = [];
  let next = 0;
  const start = performance.now();
  const worker = async () => {
    while (next < count) {
      const i = next++;
      const begin = performance.now();
      await task(i);
      latencies.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  const seconds = (performance.now() - start) / 1000;
  return { perSecond: Math.round(count / seconds), p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
