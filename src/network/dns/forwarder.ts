import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Forward } from './responder.ts';

const timeoutMs = 2_000;

/** The resolvers that a resolv.conf names, without those that would lead back to ourselves. */
function resolversOf(resolvConf: string, own: readonly string[]): string[] {
  return resolvConf
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .filter((ip): ip is string => ip !== undefined && !own.includes(ip));
}

/**
 * Forwards to `resolvers`, or to the machine's own, one after the other. The machine's file is read for each query: it
 * changes as networks do.
 */
export function createForwarder(options: {
  clock: Clock;
  own: readonly string[];
  resolvConf?: string;
  resolvers?: readonly string[];
}): Forward {
  const { clock, own, resolvConf = '/etc/resolv.conf', resolvers } = options;
  return async (query, transport) => {
    for (const resolver of resolvers ?? resolversOf(readText(resolvConf), own)) {
      const answer = await (transport === 'udp' ? overUdp(resolver, query, clock) : overTcp(resolver, query, clock));
      if (answer) return answer;
    }
    return undefined;
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function overUdp(resolver: string, query: Uint8Array, clock: Clock): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer?: Uint8Array): void => {
      cancel();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(answer);
    };
    const cancel = clock.setTimer(timeoutMs, () => finish());
    socket.on('error', () => finish());
    socket.on('message', (answer) => {
      if (answer.length >= 2 && answer[0] === query[0] && answer[1] === query[1]) finish(answer);
    });
    // Connected, so that only this resolver's answers arrive and a refused port is noticed at once.
    socket.connect(53, resolver, () => socket.send(query));
  });
}

function overTcp(resolver: string, query: Uint8Array, clock: Clock): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = connect(53, resolver);
    let received: Buffer = Buffer.alloc(0);
    const finish = (answer?: Uint8Array): void => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.setTimer(timeoutMs, () => finish());
    socket.on('error', () => finish());
    socket.on('connect', () => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(query.length);
      socket.write(Buffer.concat([head, query]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length >= 2 + length) finish(received.subarray(2, 2 + length));
    });
  });
}
