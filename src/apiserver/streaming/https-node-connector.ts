import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { ApiError } from '../../api/status.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { Backend, BackendRequest, BackendResponse, NodeConnector } from './node-connector.ts';

const defaultKubeletPort = 10250;

/**
 * Reaches nodes at their InternalIP over TLS, with the API server's client certificate; `ca` signed the nodes'
 * certificates. All PEM.
 */
export function createHttpsNodeConnector(credentials: {
  ca: string;
  certificate: string;
  key: string;
}): NodeConnector & { close(): void } {
  const { ca, certificate: cert, key } = credentials;
  const verified = { ca, cert, key };
  const skipping = { cert, key, rejectUnauthorized: false };
  const nodes = { kept: new HttpsAgent({ ...verified, keepAlive: true }), fresh: new HttpsAgent(verified) };
  const unverified = { kept: new HttpsAgent({ ...skipping, keepAlive: true }), fresh: new HttpsAgent(skipping) };
  // What pods serve under https is rarely signed by anybody: upstream does not verify it either.
  const anyTls = new HttpsAgent({ rejectUnauthorized: false });
  const plain = new HttpAgent();
  return {
    node(node, options) {
      const { host, port } = addressOf(node);
      const { kept, fresh } = options?.skipVerify ? unverified : nodes;
      return backend({ protocol: 'https:', host, port, agent: kept, upgrades: fresh });
    },
    address(scheme, host, port) {
      return backend({ protocol: `${scheme}:`, host, port, agent: scheme === 'https' ? anyTls : plain });
    },
    close() {
      const pooled = [nodes, unverified].flatMap(({ kept, fresh }) => [kept, fresh]);
      for (const agent of [...pooled, anyTls, plain]) agent.destroy();
    },
  };
}

function addressOf(node: Node): { host: string; port: number } {
  const addresses = node.status?.addresses ?? [];
  const preferred = ['InternalIP', 'Hostname', 'ExternalIP'];
  const found = preferred.map((type) => addresses.find((address) => address.type === type)).find((address) => address);
  if (!found) {
    throw ApiError.of('InternalError', `no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`);
  }
  return { host: found.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultKubeletPort };
}

/** A server at an address. */
interface Target {
  protocol: string;
  host: string;
  port: number;
  /** Its connections. */
  agent: HttpAgent;
  /** Those of requests that take a connection over: none of them was used before. Default: `agent`. */
  upgrades?: HttpAgent;
}

/** Over the target's connections. */
export function backend(target: Target): Backend {
  return {
    async send(request) {
      for (;;) {
        const answer = await sendOnce(target, request);
        if (answer !== 'connection was closed meanwhile') return answer;
      }
    },
  };
}

/**
 * A server closes a connection that was not used for some time, perhaps in the moment in which it is used again. A
 * request that only reads is sent once more then; each of those connections is gone for good.
 */
function sendOnce(
  { protocol, host, port, agent, upgrades = agent }: Target,
  { method, path, headers, body, upgrade, signal }: BackendRequest,
): Promise<BackendResponse | 'connection was closed meanwhile'> {
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const onlyReads = (method === 'GET' || method === 'HEAD') && body === undefined;
  return new Promise((resolve, reject) => {
    // A socket that is handed over must not be one of the pool's: the pool would listen for its end.
    const options: RequestOptions = {
      host,
      port,
      method,
      path,
      // Who must close the connection after its answer does so before it has read the rest of the body.
      headers: body && !upgrade ? { connection: 'keep-alive', ...headers } : headers,
      agent: upgrade ? upgrades : agent,
      ...(signal && !upgrade && { signal }),
    };
    const outgoing = send({ protocol, ...options });
    outgoing.once('response', (answer: IncomingMessage) =>
      resolve({ kind: 'answer', status: answer.statusCode ?? 502, headers: headersOf(answer), body: answer }),
    );
    outgoing.once('upgrade', (answer: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.setNoDelay(true);
      resolve({ kind: 'upgraded', headers: headersOf(answer), socket, head });
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      if (onlyReads && outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal?.aborted) {
        resolve('connection was closed meanwhile');
      } else reject(ApiError.of('InternalError', `error dialing backend: ${error.message}`));
    });
    if (body instanceof Readable) passOn(body, outgoing);
    else outgoing.end(body);
  });
}

/** A server may answer before it has read everything, and read no more: what is left is read for the client's sake. */
function passOn(body: Readable, outgoing: ClientRequest): void {
  body.pipe(outgoing);
  body.once('error', (error) => outgoing.destroy(error));
  outgoing.once('close', () => body.unpipe(outgoing).resume());
}

/** Without those that speak of one connection only (RFC 9110, 7.6.1), upgrades apart. */
function headersOf(answer: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = value;
  return headers;
}
