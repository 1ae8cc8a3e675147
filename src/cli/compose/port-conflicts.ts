import type { KubeObject } from '../../api/object.ts';
import type { Service } from '../../api/types/core-v1.ts';
import { services as servicesResource } from '../../client/resources.ts';
import { clashes, type HostPort, wantedHostPorts } from '../../network/host-ports.ts';
import { createListeningPorts } from '../../network/listening-ports.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import type { ProjectSession } from './connection.ts';

/** Ends with the first port of the machine that a project wants and somebody else has, as Docker does. */
export async function refusePortConflicts(
  { context, state }: Pick<ProjectSession, 'context' | 'state'>,
  objects: readonly KubeObject[],
): Promise<void> {
  const wanted = objects
    .filter(({ kind }) => kind === 'Service')
    .flatMap((object) => wantedHostPorts(object as Service));
  if (state === undefined || wanted.length === 0) return;
  const { items } = await context.client.list(servicesResource, {});
  const { rivals, free } = conflictsOf(wanted, items, context.namespace);
  for (const { port, of } of rivals)
    throw conflict(port, `service ${of.metadata.namespace}/${of.metadata.name} has it`);
  for (const port of free) if (await isTaken(port)) throw conflict(port, 'another program listens there');
}

/** Ports that other projects' services have; and those that nobody of the cluster has, this project neither. Pure. */
export function conflictsOf(
  wanted: readonly HostPort[],
  live: readonly Service[],
  namespace: string,
): { rivals: { port: HostPort; of: Service }[]; free: HostPort[] } {
  const holders = (port: HostPort): Service[] =>
    live.filter((service) => wantedHostPorts(service).some((each) => clashes(each, port)));
  const rivals = wanted.flatMap((port) => {
    const of = holders(port).find(({ metadata }) => metadata.namespace !== namespace);
    return of ? [{ port, of }] : [];
  });
  return { rivals, free: wanted.filter((port) => holders(port).length === 0) };
}

const tries = 10;
const pauseMs = 100;

/** What the cluster itself held for a service that has just gone is free in a moment, of which nothing tells. */
async function isTaken(port: HostPort): Promise<boolean> {
  const holder = createListeningPorts();
  try {
    for (let i = 0; i < tries; i++) {
      if (i > 0) await clock.sleep(pauseMs);
      if ((await holder.take(port, () => undefined)) !== 'EADDRINUSE') return false;
    }
    return true;
  } finally {
    holder.close();
  }
}

function conflict({ ip = '0.0.0.0', hostPort, protocol }: HostPort, why: string): CliError {
  const port = protocol === 'tcp' ? String(hostPort) : `${hostPort}/${protocol}`;
  return new CliError(`Bind for ${ip}:${port} failed: port is already allocated: ${why}`);
}
