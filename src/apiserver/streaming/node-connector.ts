import type { Duplex, Readable } from 'node:stream';
import type { Node } from '../../api/types/core-v1.ts';

export interface BackendRequest {
  method: string;
  /** With query. */
  path: string;
  headers: Record<string, string | string[]>;
  body?: Uint8Array | Readable;
  /** Asks for a protocol upgrade; `headers` carry `connection` and `upgrade`. */
  upgrade?: boolean;
  signal?: AbortSignal;
}

export type BackendResponse =
  | { kind: 'answer'; status: number; headers: Record<string, string | string[]>; body: Readable }
  /** 101: `head` are bytes of the new protocol that came with the answer. */
  | { kind: 'upgraded'; headers: Record<string, string | string[]>; socket: Duplex; head: Uint8Array };

/** One server behind the API server. Rejects when it cannot be reached. */
export interface Backend {
  send(request: BackendRequest): Promise<BackendResponse>;
}

/**
 * How the API server reaches nodes, and what runs on them. `https-node-connector.ts` goes over TLS; a cluster in one
 * process brings its own.
 */
export interface NodeConnector {
  /** The node's own server (kubelet API). `skipVerify`: do not check its certificate. */
  node(node: Node, options?: { skipVerify?: boolean }): Backend;
  /** A pod's or a service endpoint's address. */
  address(scheme: 'http' | 'https', host: string, port: number): Backend;
}
