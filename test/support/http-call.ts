import { Agent, request as clearRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** One request to a port of 127.0.0.1, to its end; the host is what the Host header and SNI say. */
export function call(
  port: number,
  path: string,
  options: {
    host?: string;
    method?: string;
    headers?: Record<string, string>;
    body?: string | Buffer;
    tls?: boolean;
    agent?: Agent;
  } = {},
): Promise<Answer> {
  const { host = 'a.example', method = 'GET', body, tls = false, agent } = options;
  return new Promise((resolve, reject) => {
    const headers = { host, ...options.headers };
    // A lasting connection may still be that of a process which has been replaced.
    const common = { host: '127.0.0.1', port, path, method, headers, agent: agent ?? (false as const) };
    const sent = tls
      ? tlsRequest({ ...common, servername: host.replace(/:\d+$/, ''), rejectUnauthorized: false })
      : clearRequest(common);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Requests one after another on eight lasting connections, until told to stop. Everything but 200 is a failure. */
export function loadOn(
  port: number,
  path: string,
  host = 'a.example',
): { stop(): Promise<{ sent: number; failures: string[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const failures: string[] = [];
  let sent = 0;
  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver) {
      sent++;
      const answer = await call(port, path, { host, agent }).catch((error: unknown) => {
        return { status: 0, body: String(error) };
      });
      if (answer.status !== 200) failures.push(`${answer.status} ${answer.body}`);
    }
  };
  const workers = Array.from({ length: 8 }, worker);
  return {
    async stop() {
      isOver = true;
      await Promise.all(workers);
      agent.destroy();
      return { sent, failures };
    },
  };
}
