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
  const nodes = new HttpsAgent({ ca, cert, key, keepAlive: true });
  const unverified = new HttpsAgent({ cert, key, keepAlive: true, rejectUnauthorized: false });
  // What pods serve under https is rarely signed by anybody: upstream does not verify it either.
  const anyTls = new HttpsAgent({ rejectUnauthorized: false });
  const plain = new HttpAgent();
  return {
    node(node, options) {
      const { host, port } = addressOf(node);
      return backend({ protocol: 'https:', host, port, agent: options?.skipVerify ? unverified : nodes });
    },
    address(scheme, host, port) {
      return backend({ protocol: `${scheme}:`, host, port, agent: scheme === 'https' ? anyTls : plain });
    },
    close() {
      for (const agent of [nodes, unverified, anyTls, plain]) agent.destroy();
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

/** A server at an address, over the agent's connections. */
export function backend(target: { protocol: string; host: string; port: number; agent: HttpAgent }): Backend {
  const { protocol, host, port, agent } = target;
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  return {
    send: (request: BackendRequest) =>
      new Promise<BackendResponse>((resolve, reject) => {
        const { method, path, headers, body, upgrade, signal } = request;
        // A socket that is handed over must not be one of the pool's: the pool would listen for its end.
        const options: RequestOptions = {
          host,
          port,
          method,
          path,
          // Who must close the connection after its answer does so before it has read the rest of the body.
          headers: body && !upgrade ? { connection: 'keep-alive', ...headers } : headers,
          agent,
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
        outgoing.once('error', (error) => {
          reject(ApiError.of('InternalError', `error dialing backend: ${error.message}`));
        });
        if (body instanceof Readable) passOn(body, outgoing);
        else outgoing.end(body);
      }),
  };
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
