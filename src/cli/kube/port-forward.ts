import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Pod, Service } from '../../api/types/core-v1.ts';
import { forwardToPod } from '../../client/pod-streams.ts';
import { services } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { interruptible } from '../interrupt.ts';
import { podsOf } from './pods-of.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface ForwardFlags extends KubeFlags {
  address: string;
}

interface Forward {
  local: number;
  remote: number;
}

/** `timonel port-forward TYPE/NAME [LOCAL:]REMOTE …`, until Ctrl-C. */
export async function portForward(target: string, ports: readonly string[], flags: ForwardFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const [pod] = (await podsOf(kube, target)) as [Pod];
    if (pod.status?.phase !== 'Running') {
      throw new CliError(
        `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? 'Unknown'}`,
      );
    }
    const [type = '', name = ''] = target.split('/');
    const isService = target.includes('/') && ['svc', 'service', 'services'].includes(type);
    const service = isService ? await kube.client.get(services, { name, namespace: kube.namespace }) : undefined;
    const forwards = ports.map((text) => parseForward(text, pod, service));
    await interruptible(async (signal) => {
      const servers = await Promise.all(
        forwards.flatMap((forward) => addressesOf(flags.address).map((address) => listen(kube, pod, forward, address))),
      );
      if (!signal.aborted) await once(signal, 'abort');
      for (const server of servers) server.close();
      signal.throwIfAborted();
    });
  });
}

function addressesOf(list: string): string[] {
  return list.split(',').flatMap((address) => (address === 'localhost' ? ['127.0.0.1', '::1'] : [address.trim()]));
}

function parseForward(text: string, pod: Pod, service: Service | undefined): Forward {
  const [first = '', second] = text.split(':');
  const word = second ?? first;
  const remote = remotePort(word, pod, service);
  const local = second === undefined ? (/^\d+$/.test(word) ? Number(word) : remote) : Number(first || 0);
  if (!Number.isInteger(local) || local < 0 || local > 65_535) {
    throw new CliError(`error parsing local port "${first}": it is a number up to 65535`);
  }
  return { local, remote };
}

/** The pod's port: of a service, the one that its port leads to; names are those of the service's or the pod's ports. */
export function remotePort(word: string, pod: Pod, service: Service | undefined): number {
  if (service) {
    const found = service.spec?.ports?.find(({ port, name }) => String(port) === word || name === word);
    if (!found) throw new CliError(`Service ${service.metadata.name} does not have a service port ${word}`);
    const target = service.spec?.clusterIP === 'None' ? found.port : (found.targetPort ?? found.port);
    return typeof target === 'number' ? target : remotePort(String(target), pod, undefined);
  }
  if (/^\d+$/.test(word) && Number(word) > 0 && Number(word) <= 65_535) return Number(word);
  const named = pod.spec?.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === word);
  if (!named) throw new CliError(`Pod '${pod.metadata.name}' does not have a named port '${word}'`);
  return named.containerPort;
}

async function listen(kube: Kube, pod: Pod, { local, remote }: Forward, address: string): Promise<Server> {
  const server = createServer((socket) => void carry(kube, pod, { socket, port: remote }));
  server.listen(local, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    // A machine without IPv6 has no ::1.
    if (address === '::1') return server;
    throw new CliError(`unable to listen on port ${local}: ${(error as Error).message}`);
  }
  const shown = address.includes(':') ? `[${address}]` : address;
  process.stdout.write(`Forwarding from ${shown}:${(server.address() as AddressInfo).port} -> ${remote}\n`);
  return server;
}

async function carry(kube: Kube, pod: Pod, { socket, port }: { socket: Socket; port: number }): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata;
  process.stdout.write(`Handling connection for ${socket.localPort}\n`);
  try {
    const stream = await forwardToPod(kube.client, { name, namespace }, port);
    await pipeline(socket, stream, socket);
  } catch (error) {
    socket.destroy();
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET') return;
    process.stderr.write(`error: forwarding to port ${port} of pod ${name}: ${message}\n`);
  }
}
