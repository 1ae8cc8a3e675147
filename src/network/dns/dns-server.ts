import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../base/log.ts';
import type { Respond, Transport } from './responder.ts';

export interface DnsServer {
  close(): Promise<void>;
}

/** Listens on UDP and TCP at `address`:`port`; rejects when the port is taken. */
export async function startDnsServer(options: {
  address: string;
  port: number;
  respond: Respond;
  log: Logger;
}): Promise<DnsServer> {
  const udp = await listenUdp(options);
  const connections = new Set<Socket>();
  let tcp: Server;
  try {
    tcp = await listenTcp(options, connections);
  } catch (error) {
    udp.close();
    throw error;
  }
  return {
    async close() {
      for (const connection of connections) connection.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

interface Options {
  address: string;
  port: number;
  respond: Respond;
  log: Logger;
}

/** Room for the queries that come while the process is busy with something else. */
const receiveBufferBytes = 1 << 20;

function listenUdp({ address, port, respond, log }: Options): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const family = address.includes(':') ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      recvBufferSize: receiveBufferBytes,
      // Peers are addresses already: the system's look-up would cost each answer a round of the event loop.
      lookup: (host, _, found) => found(null, host, family),
    });
    socket.once('error', reject);
    socket.on('message', (query, peer) => {
      answerTo(query, 'udp', { respond, log }, (answer) => socket.send(answer, peer.port, peer.address));
    });
    socket.bind(port, address, () => {
      socket.off('error', reject);
      socket.on('error', (error) => log.warn('the DNS socket reports an error', { error }));
      resolve(socket);
    });
  });
}

/** What is known is sent at once; what has to be asked for, when it comes. */
function answerTo(
  query: Uint8Array,
  transport: Transport,
  { respond, log }: Pick<Options, 'respond' | 'log'>,
  send: (answer: Uint8Array) => void,
): void {
  try {
    const answer = respond(query, transport);
    if (!(answer instanceof Promise)) {
      if (answer) send(answer);
      return;
    }
    answer.then(
      (bytes) => bytes && send(bytes),
      (error: unknown) => log.warn('a DNS query failed', { error }),
    );
  } catch (error) {
    log.warn('a DNS query failed', { error });
  }
}

/** More clients than that at once are turned away. */
const maxConnections = 1024;

/** Messages over TCP have their length in two bytes before them (RFC 7766). */
function listenTcp({ address, port, respond, log }: Options, connections: Set<Socket>): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      connections.add(socket);
      let pending: Buffer = Buffer.alloc(0);
      socket.setTimeout(10_000, () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => connections.delete(socket));
      socket.on('data', (chunk) => {
        pending = Buffer.concat([pending, chunk]);
        while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
          const length = pending.readUInt16BE(0);
          const query = pending.subarray(2, 2 + length);
          pending = pending.subarray(2 + length);
          answerTo(query, 'tcp', { respond, log }, (answer) => socket.writable && socket.write(framed(answer)));
        }
      });
    });
    server.maxConnections = maxConnections;
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}
