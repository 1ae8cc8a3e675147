// A small Kubernetes client for load: keep-alive connections, no parsing unless asked for.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { parse } from 'yaml';

/** Reads server and credentials from a kubeconfig's current context. */
export function connect(kubeconfigPath, sockets = 36) {
  const config = parse(readFileSync(kubeconfigPath, 'utf8'));
  const context = config.contexts.find((c) => c.name === config['current-context']).context;
  const cluster = config.clusters.find((c) => c.name === context.cluster).cluster;
  const user = config.users.find((u) => u.name === context.user).user;
  const decode = (data) => data && Buffer.from(data, 'base64');
  const tls = {
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
  return new Client(new URL(cluster.server), user.token, tls, sockets);
}

class Client {
  constructor(server, token, tls, sockets) {
    this.server = server;
    this.headers = { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    this.agent = new https.Agent({ keepAlive: true, maxSockets: sockets, ...tls });
  }

  /** Answers the parsed body, or its size alone with `{ sizeOnly: true }`. */
  async call(method, path, body, { sizeOnly = false } = {}) {
    const data = body && JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await this.#send(method, path, data, data && { 'content-type': type });
    const chunks = [];
    let bytes = 0;
    for await (const chunk of response) {
      bytes += chunk.length;
      if (!sizeOnly || response.statusCode >= 400) chunks.push(chunk);
    }
    const text = () => Buffer.concat(chunks).toString();
    if (response.statusCode >= 400) {
      const error = new Error(`${method} ${path}: ${response.statusCode} ${text().slice(0, 300)}`);
      error.status = response.statusCode;
      throw error;
    }
    return sizeOnly ? bytes : JSON.parse(text());
  }

  /** Calls `onLine` with each event's JSON text. Answers the function that ends the watch. */
  async watch(path, onLine) {
    const response = await this.#send('GET', path);
    let rest = '';
    response.on('error', () => {});
    response.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) onLine(line);
    });
    return () => response.destroy();
  }

  #send(method, path, data, headers = {}) {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.server;
      const length = data ? { 'content-length': Buffer.byteLength(data) } : {};
      const options = {
        hostname,
        port,
        method,
        path,
        agent: this.agent,
        headers: { ...this.headers, ...headers, ...length },
      };
      const request = https.request(options, resolve);
      request.on('error', reject);
      request.end(data);
    });
  }

  /** A namespace with its default service account in place. */
  async namespace(name) {
    await this.call('POST', '/api/v1/namespaces', { metadata: { name } }).catch((error) => {
      if (error.status !== 409) throw error;
    });
    await until(
      () => this.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).catch(() => false),
      'account',
    );
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
