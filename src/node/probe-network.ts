import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { hostAndPort } from '../base/ip-address.ts';
import { formatGoDuration } from '../api/go-duration.ts';
import { createGrpcChannel, grpcCode, GrpcError } from './grpc.ts';
import { decode, encode, int, message, string } from './protobuf.ts';

export interface ProbeResult {
  /** `unknown`: the probe itself could not be made; it counts neither way. */
  kind: 'success' | 'warning' | 'failure' | 'unknown';
  /** For the event: what was wrong. */
  output: string;
}

export interface HttpProbe {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  path: string;
  headers: readonly { name: string; value: string }[];
  timeoutMs: number;
}

/** Calls into pods, for probes and hooks. Never rejects: what goes wrong is the result. */
export interface ProbeNetwork {
  http(probe: HttpProbe): Promise<ProbeResult>;
  tcp(probe: { host: string; port: number; timeoutMs: number }): Promise<ProbeResult>;
  grpc(probe: { host: string; port: number; service: string; timeoutMs: number }): Promise<ProbeResult>;
}

export const systemProbeNetwork: ProbeNetwork = { http: probeHttp, tcp: probeTcp, grpc: probeGrpc };

const maxRedirects = 10;
const maxBody = 10 * 1024;

async function probeHttp(probe: HttpProbe): Promise<ProbeResult> {
  const path = probe.path.startsWith('/') ? probe.path : `/${probe.path}`;
  const first = new URL(`${probe.scheme}://${hostAndPort(probe.host, probe.port)}${path}`);
  const signal = AbortSignal.timeout(probe.timeoutMs);
  let url = first;
  try {
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const { status, location, body } = await fetchOnce(url, probe.headers, signal);
      if (status < 300 || status >= 400 || !location) return judge(status, body);
      const next = new URL(location, url);
      // Another host is not the pod's to answer for: the redirect itself counts as an answer (API docs of
      // HTTPGetAction).
      if (next.hostname !== first.hostname) {
        return { kind: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
      }
      url = next;
    }
    return { kind: 'failure', output: `Get "${first.href}": stopped after ${maxRedirects} redirects` };
  } catch (error) {
    return { kind: 'failure', output: `Get "${first.href}": ${explain(error, first.host, signal)}` };
  }
}

function judge(status: number, body: string): ProbeResult {
  if (status >= 200 && status < 400) return { kind: 'success', output: body };
  return { kind: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
}

function fetchOnce(
  url: URL,
  headers: HttpProbe['headers'],
  signal: AbortSignal,
): Promise<{ status: number; location: string | undefined; body: string }> {
  const sent: Record<string, string> = { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', Connection: 'close' };
  for (const { name, value } of headers) {
    for (const known of Object.keys(sent)) if (known.toLowerCase() === name.toLowerCase()) delete sent[known];
    if (value !== '' || !/^(user-agent|accept)$/i.test(name)) sent[name] = value;
  }
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = (): void => {
        const body = Buffer.concat(chunks).toString('utf8').slice(0, maxBody);
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, body });
        answer.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= maxBody) finish();
      });
      answer.on('end', finish);
      answer.on('error', reject);
    };
    const options = { headers: sent, signal, agent: false as const };
    const request =
      url.protocol === 'https:'
        ? // Probes do not verify certificates (API docs of HTTPGetAction.scheme).
          httpsRequest(url, { ...options, rejectUnauthorized: false }, onAnswer)
        : httpRequest(url, options, onAnswer);
    request.on('error', reject);
    request.end();
  });
}

/** In the words of Go's net package, which people search their events for. */
function explain(error: unknown, address: string, signal: AbortSignal): string {
  if (signal.aborted) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ECONNREFUSED: `dial tcp ${address}: connect: connection refused`,
    EHOSTUNREACH: `dial tcp ${address}: connect: no route to host`,
    ENETUNREACH: `dial tcp ${address}: connect: network is unreachable`,
    ECONNRESET: 'read: connection reset by peer',
  };
  return reasons[code ?? ''] ?? message;
}

function probeTcp(probe: { host: string; port: number; timeoutMs: number }): Promise<ProbeResult> {
  const { host, port, timeoutMs } = probe;
  const address = hostAndPort(probe.host, probe.port);
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const socket = connect({ host, port });
    const settle = (result: ProbeResult): void => {
      resolve(result);
      socket.destroy();
    };
    socket.once('connect', () => settle({ kind: 'success', output: '' }));
    socket.once('error', (error) => settle({ kind: 'failure', output: explain(error, address, signal) }));
    signal.addEventListener('abort', () => settle({ kind: 'failure', output: `dial tcp ${address}: i/o timeout` }));
  });
}

const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const healthCheck = { request: message({ service: string(1) }), answer: message({ status: int(1) }) };

/** `grpc.health.v1.Health/Check` (gRPC health checking protocol). */
async function probeGrpc(probe: {
  host: string;
  port: number;
  service: string;
  timeoutMs: number;
}): Promise<ProbeResult> {
  const { host, port, service, timeoutMs } = probe;
  const channel = createGrpcChannel({ host, port });
  try {
    const answer = await channel.call('grpc.health.v1.Health/Check', encode(healthCheck.request, { service }), {
      ...{ timeoutMs, signal: AbortSignal.timeout(timeoutMs), metadata: { 'user-agent': 'kube-probe/1.36' } },
    });
    const { status } = decode(healthCheck.answer, answer);
    if (servingStatus[status] === 'SERVING') return { kind: 'success', output: '' };
    const text = JSON.stringify(servingStatus[status] ?? String(status));
    return { kind: 'failure', output: `service unhealthy (responded with ${text})` };
  } catch (error) {
    return { kind: 'failure', output: explainGrpc(error, hostAndPort(probe.host, probe.port), timeoutMs) };
  } finally {
    channel.close();
  }
}

/** In the words of upstream's probe. */
function explainGrpc(error: unknown, address: string, timeoutMs: number): string {
  const code = error instanceof GrpcError ? error.code : grpcCode.unknown;
  if (code === grpcCode.unimplemented) {
    return 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)';
  }
  if (code === grpcCode.unavailable || code === grpcCode.deadlineExceeded) {
    const after = formatGoDuration(timeoutMs * 1e6);
    return `timeout: failed to connect service "${address}" within ${after}: context deadline exceeded`;
  }
  return `error: health rpc probe failed: ${(error as Error).message}`;
}
