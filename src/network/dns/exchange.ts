import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Transport } from './responder.ts';
import { splitServer } from './upstreams.ts';

/** Sends one message to a resolver (`IP` or `IP:PORT`) and gives the one that comes back; undefined when none does. */
export type Exchange = (server: string, message: Buffer, transport: Transport) => Promise<Buffer | undefined>;

/** Over sockets of this process's network namespace; each message has a port of its own, so that answers are hard to forge. */
export function createExchange(clock: Clock, timeoutMs = 2_000): Exchange {
  return (server, message, transport) => {
    const address = splitServer(server);
    if (!address) return Promise.resolve(undefined);
    const options = { ...address, message, clock, timeoutMs };
    return transport === 'udp' ? overUdp(options) : overTcp(options);
  };
}

interface Options {
  ip: string;
  port: number;
  message: Buffer;
  clock: Clock;
  timeoutMs: number;
}

function overUdp({ ip, port, message, clock, timeoutMs }: Options): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer?: Buffer): void => {
      cancel();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(answer);
    };
    const cancel = clock.setTimer(timeoutMs, () => finish());
    socket.on('error', () => finish());
    socket.on('message', (answer) => {
      if (answer.length >= 12 && answer[0] === message[0] && answer[1] === message[1]) finish(answer);
    });
    // Connected, so that only this resolver's answers arrive and a refused port is noticed at once.
    socket.connect(port, ip, () => socket.send(message));
  });
}

function overTcp({ ip, port, message, clock, timeoutMs }: Options): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, ip);
    let received: Buffer = Buffer.alloc(0);
    const finish = (answer?: Buffer): void => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.setTimer(timeoutMs, () => finish());
    socket.on('error', () => finish());
    socket.on('close', () => finish());
    socket.on('connect', () => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(message.length);
      socket.write(Buffer.concat([head, message]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length >= 2 + length) finish(received.subarray(2, 2 + length));
    });
  });
}
