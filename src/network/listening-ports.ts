import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { HostPort, PortHolder } from './host-ports.ts';

/**
 * Holds ports of the host by listening on them, so that no other program, nor another cluster, takes them meanwhile.
 * The kernel's rules catch every connection before it comes here; one that comes has found no endpoint, and is reset.
 */
export function createListeningPorts(): PortHolder & { close(): void } {
  const held = new Map<string, { close(): void }>();
  const nameOf = ({ protocol, ip, hostPort }: HostPort): string => `${protocol} ${ip ?? ''} ${hostPort}`;
  return {
    async take(port) {
      const opened = await (port.protocol === 'udp' ? openDatagram(port) : openStream(port));
      if (typeof opened === 'string') return opened;
      held.set(nameOf(port), opened);
      return undefined;
    },
    release(port) {
      held.get(nameOf(port))?.close();
      held.delete(nameOf(port));
    },
    close() {
      for (const socket of held.values()) socket.close();
      held.clear();
    },
  };
}

function openStream({ ip = '0.0.0.0', hostPort, protocol }: HostPort): Promise<{ close(): void } | string> {
  if (protocol !== 'tcp') return Promise.resolve(`${protocol} ports are not published on the host`);
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.resetAndDestroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: ip, port: hostPort }, () => resolve(server));
  });
}

function openDatagram({ ip = '0.0.0.0', hostPort }: HostPort): Promise<{ close(): void } | string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind({ address: ip, port: hostPort, exclusive: true }, () => resolve(socket));
  });
}
