import { createSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { familyOf } from '../base/ip-address.ts';
import { tieStreams } from '../base/tie-streams.ts';
import type { HostPort, PortHolder, RelayTarget } from './host-ports.ts';

type Held = { close(): void };

/**
 * Holds ports of the host by listening on them, so that no other program, nor another cluster, takes them meanwhile.
 * The kernel's rules catch every connection before it comes here, except those to IPv6 services by 127.0.0.1 and [::1]:
 * these are relayed. Any other that comes has found no endpoint, and is reset.
 */
export function createListeningPorts(): PortHolder & { close(): void } {
  const held = new Map<string, readonly Held[]>();
  const nameOf = ({ protocol, ip, hostPort }: HostPort): string => `${protocol} ${ip ?? ''} ${hostPort}`;
  return {
    async take(port, relayTo) {
      const { ip = '0.0.0.0', protocol, hasIpv6 } = port;
      if (protocol !== 'tcp' && protocol !== 'udp') return `${protocol} ports are not published on the host`;
      const opened = await (protocol === 'udp' ? openDatagram(port) : openStream(ip, port, relayTo));
      if (typeof opened === 'string') return opened;
      // Where the machine has no IPv6, or somebody else listens at [::1] alone, 127.0.0.1 is as good.
      const sixth = hasIpv6 ? await openStream('::1', port, relayTo) : '';
      held.set(nameOf(port), typeof sixth === 'string' ? [opened] : [opened, sixth]);
      return undefined;
    },
    release(port) {
      held.get(nameOf(port))?.forEach((socket) => socket.close());
      held.delete(nameOf(port));
    },
    close() {
      for (const socket of [...held.values()].flat()) socket.close();
      held.clear();
    },
  };
}

function openStream(host: string, { hostPort }: HostPort, relayTo: RelayTarget): Promise<Held | string> {
  return new Promise((resolve) => {
    const connections = new Set<Socket>();
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      const target = relayTo(familyOf(host));
      if (!target) return void socket.resetAndDestroy();
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
      relay(socket, target);
    });
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: hostPort }, () =>
      resolve({
        close() {
          server.close();
          for (const socket of connections) socket.destroy();
        },
      }),
    );
  });
}

/** Passes bytes on, and the end of each direction; a reset of one side is one of the other. */
function relay(socket: Socket, target: { host: string; port: number }): void {
  const other = connect({ ...target, allowHalfOpen: true });
  tieStreams(socket, other);
}

function openDatagram({ ip = '0.0.0.0', hostPort }: HostPort): Promise<Held | string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind({ address: ip, port: hostPort, exclusive: true }, () => resolve(socket));
  });
}
