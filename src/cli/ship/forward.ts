import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { forwardToPod } from '../../client/pod-streams.ts';
import { services } from '../../client/resources.ts';
import type { ShipWatch } from '../../delivery/pipeline/ship-file.ts';
import { CliError } from '../errors.ts';
import { podsOf } from '../kube/pods-of.ts';
import { remotePort } from '../kube/port-forward.ts';
import { createResourceFinder } from '../kube/resource-finder.ts';
import type { ShipTarget } from './target.ts';

type Forward = ShipWatch['forward'][number];

export interface OpenForward {
  /** Ends what listens, and the connections that are open. */
  close(): void;
}

/**
 * Listens on a port of this machine and carries each connection to a pod that is well at that moment: pods come and go,
 * the port stays. Rejects when the port is taken.
 */
export async function openForward(target: ShipTarget, forward: Forward): Promise<OpenForward> {
  const { localPort, kind, name } = forward;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void carry(target, forward, socket);
  });
  server.listen(localPort, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new CliError(`cannot listen on port ${localPort}: ${(error as Error).message}`, { cause: error });
  }
  target.say(`http://127.0.0.1:${localPort} leads to ${kind}/${name}`);
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function carry(target: ShipTarget, forward: Forward, socket: Socket): Promise<void> {
  try {
    const stream = await connectToPod(target, forward);
    await pipeline(socket, stream, socket);
  } catch (error) {
    socket.destroy();
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET') return;
    target.say(`port ${forward.localPort}: ${message}`);
  }
}

/** The best pod first; one that has just gone is passed over. */
async function connectToPod(target: ShipTarget, { kind, name, port }: Forward): Promise<Duplex> {
  const { client, namespace } = target;
  const kube = { client, namespace, finder: createResourceFinder(client) };
  const isService = ['service', 'svc'].includes(kind);
  const service = isService ? await client.get(services, { name, namespace }) : undefined;
  const found = await podsOf(kube, `${kind}/${name}`);
  let failure: unknown;
  for (const pod of found) {
    const { name: podName = '', namespace: podNamespace = '' } = pod.metadata;
    try {
      return await forwardToPod(client, { name: podName, namespace: podNamespace }, remotePort(port, pod, service));
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
