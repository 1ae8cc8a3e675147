import type { Deployment } from '../../api/types/apps-v1.ts';
import type { Pod, PodTemplateSpec, Service } from '../../api/types/core-v1.ts';
import type { ObjectMeta } from '../../api/types/meta-v1.ts';
import type { Client } from '../../client/client.ts';
import { daemonSets, deployments, jobs, pods, services as serviceResource } from '../../client/resources.ts';
import { troubleOf } from '../../delivery/apply/troubles.ts';
import { oneOffLabel, projectLabel, serviceLabel } from '../../delivery/compose/translate/names.ts';
import { withCluster } from '../compose/connection.ts';
import { clock } from '../context.ts';
import { dockerDuration } from '../docker-units.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { printRows } from '../row-format.ts';

export interface StackFlags {
  context?: string;
  kubeconfig?: string;
}

export interface ListFlags extends StackFlags {
  quiet?: boolean;
  format?: string;
  /** `KEY=VALUE`: values of one key are alternatives, keys all count. */
  filter?: string[];
  /** False: ids and times as they are. */
  trunc?: boolean;
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
  /** Of the service itself, not of its containers: `deploy.labels` of a file. */
  labels?: Readonly<Record<string, string>>;
  deployment: Deployment | undefined;
  template: PodTemplateSpec | undefined;
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

type Named = Omit<StackService, 'running' | 'wanted' | 'deployment'>;

function serviceOf(
  { metadata, spec }: { metadata: ObjectMeta; spec?: { template: PodTemplateSpec } },
  mode: StackService['mode'],
): Named {
  return {
    stack: metadata.labels?.[projectLabel] ?? '',
    service: metadata.labels?.[serviceLabel] ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    mode,
    template: spec?.template,
    labels: metadata.annotations ?? {},
    image: spec?.template?.spec?.containers[0]?.image ?? '',
    id: shortId(metadata.uid),
  };
}

/** What is to the cluster a project with the services of `service create`, which are no stack's. */
export const loneStack = 'swarm-services';

export function fullName({ stack, service }: Pick<StackService, 'stack' | 'service'>): string {
  return stack === loneStack ? service : `${stack}_${service}`;
}

function shortId(uid = ''): string {
  return uid.replaceAll('-', '').slice(0, 12);
}

/** `timonel stack ls` */
export async function listStacks(flags: ListFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const counts = new Map<string, number>();
    const services = (await stackServices(client)).filter(({ stack }) => stack !== loneStack);
    for (const { stack } of services) counts.set(stack, (counts.get(stack) ?? 0) + 1);
    const rows = [...counts].map(([Name, count]) => ({ Name, Services: String(count) }));
    await printRows(flags.format ?? 'table', { columns: { Name: 'NAME', Services: 'SERVICES' }, rows });
  });
}

const serviceColumns = {
  ID: 'ID',
  Name: 'NAME',
  Mode: 'MODE',
  Replicas: 'REPLICAS',
  Image: 'IMAGE',
  Ports: 'PORTS',
};

/** `timonel stack services NAME`, `timonel service ls`. */
export async function listServices(stack: string | undefined, flags: ListFlags): Promise<void> {
  const isWanted = filterOf(flags, {
    id: ({ id }: StackService, value) => id.startsWith(value),
    name: (each, value) => fullName(each).startsWith(value),
    mode: ({ mode }, value) => mode.replace(' ', '-') === value,
    label: ({ labels = {} }, text) => {
      const [, key = text, value] = /^([^=]*)=(.*)$/.exec(text) ?? [];
      return key in labels && (value === undefined || labels[key] === value);
    },
  });
  await withCluster(flags, async ({ client }) => {
    const found = (await stackServices(client)).filter((each) => stack === undefined || each.stack === stack);
    if (stack !== undefined && found.length === 0) return createOutput().message(`Nothing found in stack: ${stack}`);
    const shown = found.filter(isWanted);
    if (flags.quiet) return shown.forEach(({ id }) => createOutput().data(id));
    const { items } = await client.list(serviceResource, { labelSelector: projectLabel });
    const rows = shown.map((each) => ({
      ID: each.id,
      Name: fullName(each),
      Mode: each.mode,
      Replicas: `${each.running}/${each.wanted}`,
      Image: each.image,
      Ports: portsOf(each, items),
    }));
    await printRows(flags.format ?? 'table', { columns: serviceColumns, rows });
  });
}

function portsOf({ namespace, service }: StackService, services: readonly Service[]): string {
  return services
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceLabel] === service)
    .filter(({ spec }) => spec?.type === 'LoadBalancer')
    .flatMap(({ spec }) => spec?.ports ?? [])
    .map(({ port, targetPort = port, protocol = 'TCP' }) => `*:${port}->${targetPort}/${protocol.toLowerCase()}`)
    .join(', ');
}

const taskColumns = {
  ID: 'ID',
  Name: 'NAME',
  Image: 'IMAGE',
  Node: 'NODE',
  DesiredState: 'DESIRED STATE',
  CurrentState: 'CURRENT STATE',
  Error: 'ERROR',
};

/** `timonel stack ps NAME`, `timonel service ps SERVICE …`, `timonel node ps NODE`: the pods, as Swarm's tasks. */
export async function listTasks(
  chosen: { stack: string } | { services: readonly string[] } | { node: string },
  flags: ListFlags,
): Promise<void> {
  const isWanted = filterOf(flags, {
    id: ({ ID }: TaskRow, value) => ID.startsWith(value),
    name: ({ Name }, value) => Name.startsWith(value),
    node: ({ Node }, value) => Node === value,
    'desired-state': ({ DesiredState }, value) => DesiredState.toLowerCase() === value,
  });
  await withCluster(flags, async ({ client }) => {
    const services = await stackServices(client);
    const found =
      'stack' in chosen
        ? services.filter(({ stack }) => stack === chosen.stack)
        : 'node' in chosen
          ? services
          : chosen.services.map((name) => requireService(services, name));
    if ('stack' in chosen && found.length === 0) throw new CliError(`nothing found in stack: ${chosen.stack}`);
    const { items } = await client.list(pods, { labelSelector: projectLabel });
    const rows = found
      .flatMap((service) => podsOf(service, items).map((pod, i) => taskRow(service, pod, { slot: i + 1, flags })))
      .filter((row) => !('node' in chosen) || row.Node === chosen.node)
      .filter(isWanted);
    if (flags.quiet) return rows.forEach(({ ID }) => createOutput().data(ID));
    await printRows(flags.format ?? 'table', { columns: taskColumns, rows });
  });
}

function podsOf({ namespace, service }: StackService, items: readonly Pod[]): Pod[] {
  return items
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceLabel] === service)
    .toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
}

/** Characters of an error that a list shows, as Docker's does. */
const maxError = 30;

/** Swarm's word for it (docker.com, "Swarm task states"). */
function stateOf(pod: Pod): string {
  const { phase = 'Pending', conditions = [] } = pod.status ?? {};
  if (phase === 'Succeeded') return 'Complete';
  if (phase === 'Failed') return troubleOf(pod) === undefined ? 'Failed' : 'Rejected';
  if (phase !== 'Pending') return phase;
  return conditions.some(({ type, status }) => type === 'PodScheduled' && status === 'False') ? 'Pending' : 'Preparing';
}

type TaskRow = Record<keyof typeof taskColumns, string>;

export function taskRow(service: StackService, pod: Pod, { slot, flags }: { slot: number; flags: ListFlags }): TaskRow {
  const { metadata, spec, status } = pod;
  const why = troubleOf(pod) ?? '';
  const error = flags.trunc === false || why.length <= maxError ? why : `${why.slice(0, maxError - 1)}…`;
  const since = dockerDuration(clock.now() - Date.parse(status?.startTime ?? metadata.creationTimestamp ?? ''));
  return {
    ID: flags.trunc === false ? (metadata.uid ?? '') : shortId(metadata.uid),
    Name: `${fullName(service)}.${slot}`,
    Image: spec?.containers[0]?.image ?? '',
    Node: spec?.nodeName ?? '',
    DesiredState: metadata.deletionTimestamp ? 'Shutdown' : 'Running',
    CurrentState: `${stateOf(pod)} ${since} ago`,
    Error: error === '' ? '' : `"${error}"`,
  };
}

type Tests<T> = Readonly<Record<string, (row: T, value: string) => boolean>>;

/** Swarm's filters. Throws {@link CliError} for one that there is not. */
function filterOf<T>({ filter = [] }: ListFlags, tests: Tests<T>): (row: T) => boolean {
  const wanted = new Map<string, string[]>();
  for (const text of filter) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    if (!(key in tests)) throw new CliError(`invalid filter '${text}': there are ${Object.keys(tests).join(', ')}`);
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  return (row) =>
    [...wanted].every(([key, values]) => {
      const isMet = (value: string): boolean => tests[key]?.(row, value) ?? false;
      // Labels are all to be there.
      return key === 'label' ? values.every(isMet) : values.some(isMet);
    });
}

/** By its name, or by its id or how that begins. */
export function isCalled(service: StackService, name: string): boolean {
  return fullName(service) === name || (/^[0-9a-f]{3,12}$/.test(name) && service.id.startsWith(name));
}

export function requireService(services: readonly StackService[], name: string): StackService {
  const found = services.find((each) => isCalled(each, name));
  if (!found) throw new CliError(`no such service: ${name}`, { hint: 'There are: timonel service ls' });
  return found;
}
