import type { Deployment } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { humanDuration } from '../../api/human-duration.ts';
import type { Client } from '../../client/client.ts';
import { daemonSets, deployments, jobs, pods, services as serviceResource } from '../../client/resources.ts';
import { oneOffLabel, projectLabel, serviceLabel } from '../../delivery/compose/translate/names.ts';
import { withCluster } from '../compose/connection.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput, table } from '../output.ts';

export interface StackFlags {
  context?: string;
  kubeconfig?: string;
  quiet?: boolean;
}

/** A service of a stack, as Swarm's commands name it: `STACK_SERVICE`. */
export interface StackService {
  stack: string;
  service: string;
  namespace: string;
  /** Of its workload. */
  name: string;
  mode: 'replicated' | 'global' | 'replicated job';
  running: number;
  wanted: number;
  image: string;
  id: string;
  deployment: Deployment | undefined;
}

/** Every service of the cluster's stacks, by name. */
export async function stackServices(client: Client): Promise<StackService[]> {
  const where = { labelSelector: projectLabel };
  const [replicated, global, once] = await Promise.all([
    client.list(deployments, where),
    client.list(daemonSets, where),
    client.list(jobs, where),
  ]);
  const all = [
    ...replicated.items.map((object) => ({
      ...serviceOf(object, 'replicated'),
      running: object.status?.availableReplicas ?? 0,
      wanted: object.spec?.replicas ?? 1,
      deployment: object,
    })),
    ...global.items.map((object) => ({
      ...serviceOf(object, 'global'),
      running: object.status?.numberAvailable ?? 0,
      wanted: object.status?.desiredNumberScheduled ?? 0,
      deployment: undefined,
    })),
    ...once.items
      .filter(({ metadata }) => metadata.labels?.[oneOffLabel] !== 'True')
      .map((object) => ({
        ...serviceOf(object, 'replicated job'),
        running: object.status?.active ?? 0,
        wanted: object.spec?.completions ?? 1,
        deployment: undefined,
      })),
  ];
  return all.toSorted((a, b) => (fullName(a) < fullName(b) ? -1 : 1));
}

type Named = Pick<StackService, 'stack' | 'service' | 'namespace' | 'name' | 'mode' | 'image' | 'id'>;

function serviceOf(
  {
    metadata,
    spec,
  }:
    | Pick<Deployment, 'metadata' | 'spec'>
    | {
        metadata: Deployment['metadata'];
        spec?: {
          template?: Deployment['spec'] extends infer S ? (S extends { template: infer T } ? T : never) : never;
        };
      },
  mode: StackService['mode'],
): Named {
  return {
    stack: metadata.labels?.[projectLabel] ?? '',
    service: metadata.labels?.[serviceLabel] ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    mode,
    image: spec?.template?.spec?.containers[0]?.image ?? '',
    id: shortId(metadata.uid),
  };
}

export function fullName({ stack, service }: Pick<StackService, 'stack' | 'service'>): string {
  return `${stack}_${service}`;
}

function shortId(uid = ''): string {
  return uid.replaceAll('-', '').slice(0, 12);
}

/** `timonel stack ls` */
export async function listStacks(flags: StackFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const counts = new Map<string, number>();
    for (const { stack } of await stackServices(client)) counts.set(stack, (counts.get(stack) ?? 0) + 1);
    createOutput().data(
      table(
        ['NAME', 'SERVICES'],
        [...counts].map(([stack, count]) => [stack, String(count)]),
      ),
    );
  });
}

/** `timonel stack services NAME`, `timonel service ls`. */
export async function listServices(stack: string | undefined, flags: StackFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const found = (await stackServices(client)).filter((each) => stack === undefined || each.stack === stack);
    if (stack !== undefined && found.length === 0) throw new CliError(`nothing found in stack: ${stack}`);
    if (flags.quiet) return found.forEach(({ id }) => createOutput().data(id));
    const { items } = await client.list(serviceResource, { labelSelector: projectLabel });
    const rows = found.map((each) => {
      const own = items.filter(
        ({ metadata }) => metadata.namespace === each.namespace && metadata.labels?.[serviceLabel] === each.service,
      );
      const ports = own
        .filter(({ spec }) => spec?.type === 'LoadBalancer')
        .flatMap(({ spec }) =>
          (spec?.ports ?? []).map(
            ({ port, targetPort = port, protocol = 'TCP' }) => `*:${port}->${targetPort}/${protocol.toLowerCase()}`,
          ),
        );
      return [each.id, fullName(each), each.mode, `${each.running}/${each.wanted}`, each.image, ports.join(', ')];
    });
    createOutput().data(table(['ID', 'NAME', 'MODE', 'REPLICAS', 'IMAGE', 'PORTS'], rows));
  });
}

/** `timonel stack ps NAME`, `timonel service ps SERVICE …`: the pods, as Swarm's tasks. */
export async function listTasks(
  chosen: { stack: string } | { services: readonly string[] },
  flags: StackFlags,
): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const services = await stackServices(client);
    if ('services' in chosen) for (const name of chosen.services) requireService(services, name);
    const isChosen = (each: StackService): boolean =>
      'stack' in chosen ? each.stack === chosen.stack : chosen.services.includes(fullName(each));
    const found = services.filter(isChosen);
    if (found.length === 0) throw new CliError(`nothing found in stack: ${'stack' in chosen ? chosen.stack : ''}`);
    const { items } = await client.list(pods, { labelSelector: projectLabel });
    const rows = found.flatMap((service) =>
      items
        .filter(
          ({ metadata }) =>
            metadata.namespace === service.namespace && metadata.labels?.[serviceLabel] === service.service,
        )
        .toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))
        .map((pod, i) => taskRow(service, pod, i + 1)),
    );
    if (flags.quiet) return rows.forEach(([id = '']) => createOutput().data(id));
    createOutput().data(table(['ID', 'NAME', 'IMAGE', 'NODE', 'DESIRED STATE', 'CURRENT STATE', 'ERROR'], rows));
  });
}

function taskRow(service: StackService, { metadata, spec, status }: Pod, slot: number): string[] {
  const phase = status?.phase ?? 'Pending';
  const state = phase === 'Succeeded' ? 'Complete' : phase === 'Pending' ? 'Preparing' : phase;
  const desired = metadata.deletionTimestamp ? 'Shutdown' : 'Running';
  const waiting = status?.containerStatuses
    ?.map((each) => each.state?.waiting?.reason)
    .find((reason) => reason && reason !== 'ContainerCreating');
  const since = humanDuration(clock.now() - Date.parse(status?.startTime ?? metadata.creationTimestamp ?? ''));
  return [
    ...[shortId(metadata.uid), `${fullName(service)}.${slot}`, spec?.containers[0]?.image ?? '', spec?.nodeName ?? ''],
    ...[desired, `${state} ${since} ago`, waiting ? `"${waiting}"` : ''],
  ];
}

export function requireService(services: readonly StackService[], name: string): StackService {
  const found = services.find((each) => fullName(each) === name || each.id === name);
  if (!found) throw new CliError(`no such service: ${name}`, { hint: 'There are: timonel service ls' });
  return found;
}
