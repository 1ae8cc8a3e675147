import { namespaces, pods as podsResource, services as servicesResource } from '../../client/resources.ts';
import { containersOf, type ProjectContainer } from '../../delivery/compose/run/containers.ts';
import type { ProjectContext } from '../../delivery/compose/run/context.ts';
import { listWorkloads, projectSelector } from '../../delivery/compose/run/workloads.ts';
import { configFilesAnnotation, projectLabel } from '../../delivery/compose/translate/names.ts';
import { clock } from '../context.ts';
import { dockerDuration } from '../docker-units.ts';
import { CliError } from '../errors.ts';
import { table } from '../output.ts';
import { printRows } from '../row-format.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireServices, withCluster, withProject } from './connection.ts';

export interface PsFlags extends ComposeFlags {
  all?: boolean;
  quiet?: boolean;
  format: string;
  services?: boolean;
  status?: string[];
  filter?: string[];
  orphans: boolean;
  trunc?: boolean;
}

/** The containers of a project as they are now. */
async function listContainers({ context, state }: ProjectSession): Promise<ProjectContainer[]> {
  const { client, namespace, project } = context;
  const labelSelector = projectSelector(project);
  const [workloads, pods, services] = await Promise.all([
    listWorkloads(context),
    client.list(podsResource, { namespace, labelSelector }),
    client.list(servicesResource, { namespace, labelSelector }),
  ]);
  return containersOf({ pods: pods.items, workloads, services: services.items, isLocal: state !== undefined });
}

/** `timonel compose ps` */
export async function ps(services: readonly string[], flags: PsFlags): Promise<void> {
  await withProject(flags, async (session) => {
    const states = [...(flags.status ?? []), ...(flags.filter ?? []).map(statusFilter)];
    const all = await listContainers(session);
    const unknown = services.find(
      (name) => !(name in (session.loaded?.project.services ?? {})) && !all.some(({ service }) => service === name),
    );
    if (unknown !== undefined) throw new CliError(`no such service: ${unknown}`);
    const shown = all.filter(
      ({ service, state, isOneOff }) =>
        (services.length === 0 || services.includes(service)) &&
        (flags.orphans !== false || session.loaded === undefined || service in session.loaded.project.services) &&
        (states.length > 0 ? states.includes(state) : flags.all || (state !== 'exited' && !isOneOff)),
    );
    if (flags.quiet) return print(shown.map(({ name }) => name));
    if (flags.services) return print([...new Set(shown.map(({ service }) => service))]);
    if (flags.format === 'json') return print(shown.map((each) => JSON.stringify(jsonOf(each, session.context))));
    const rows = shown.map((each) => ({ ...jsonOf(each, session.context), Command: commandOf(each, flags) }));
    await printRows(flags.format, { columns: psColumns, rows });
  });
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

const psColumns = {
  Name: 'NAME',
  Image: 'IMAGE',
  Command: 'COMMAND',
  Service: 'SERVICE',
  RunningFor: 'CREATED',
  Status: 'STATUS',
  Ports: 'PORTS',
};

/** `status=STATE`: the one filter that docker compose has. */
function statusFilter(text: string): string {
  const [, key = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (value === undefined) throw new CliError('arguments to --filter should be in form KEY=VAL');
  if (key !== 'status') throw new CliError(`unknown filter ${key}`);
  return value;
}

/** Shortened, unless `--no-trunc`. */
function commandOf({ command }: ProjectContainer, { trunc }: PsFlags): string {
  return JSON.stringify(trunc !== false && command.length > 20 ? `${command.slice(0, 19)}…` : command);
}

function age(time: string): string {
  return dockerDuration(time === '' ? 0 : clock.now() - Date.parse(time));
}

/** `Up 3 minutes (healthy)`, `Exited (1) 5 seconds ago` */
function statusOf({ state, health, exitCode, since }: ProjectContainer): string {
  switch (state) {
    case 'running':
      return `Up ${age(since)}${health === '' ? '' : health === 'starting' ? ' (health: starting)' : ` (${health})`}`;
    case 'paused':
      return `Up ${age(since)} (Paused)`;
    case 'exited':
      return `Exited (${exitCode})${since === '' ? '' : ` ${age(since)} ago`}`;
    case 'restarting':
      return `Restarting (${exitCode}) ${age(since)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'created':
      return 'Created';
  }
}

function portsOf({ publishers }: ProjectContainer): string {
  return publishers
    .map(({ hostIp, hostPort, target, protocol }) => `${hostIp}:${hostPort}->${target}/${protocol}`)
    .join(', ');
}

function jsonOf(each: ProjectContainer, { project }: ProjectContext): Record<string, unknown> {
  return {
    ID: each.pod?.metadata.uid ?? '',
    Name: each.name,
    Names: each.name,
    Image: each.image,
    Command: each.command,
    Project: project,
    Service: each.service,
    Created: each.createdAt === '' ? 0 : Date.parse(each.createdAt) / 1000,
    CreatedAt: each.createdAt,
    RunningFor: `${age(each.createdAt)} ago`,
    Labels: Object.entries(each.pod?.metadata.labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Ports: portsOf(each),
    State: each.state,
    Status: statusOf(each),
    Health: each.health,
    ExitCode: each.exitCode,
    Publishers: each.publishers.map(({ hostIp, hostPort, target, protocol }) => ({
      URL: hostIp,
      TargetPort: target,
      PublishedPort: hostPort,
      Protocol: protocol,
    })),
  };
}

export interface PortFlags extends ComposeFlags {
  protocol: string;
  index?: number;
}

/** `timonel compose port SERVICE PORT`: where a port is published. */
export async function port(service: string, target: string, flags: PortFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, [service]);
    const index = flags.index ?? 1;
    const containers = (await listContainers(session)).filter((each) => each.service === service && !each.isOneOff);
    const container = containers[index - 1];
    if (!container?.pod) throw new CliError(`no container found for ${service}-${index}`);
    const { publishers, name } = container;
    const found = publishers.find((each) => String(each.target) === target && each.protocol === flags.protocol);
    if (!found) {
      const there = publishers.map((each) => `${each.hostPort}/${each.protocol}`).join(', ');
      throw new CliError(`no port ${target}/${flags.protocol} for container ${name}: ${there}`);
    }
    print([`${found.hostIp}:${found.hostPort}`]);
  });
}

export interface ListFlags extends ComposeFlags {
  all?: boolean;
  quiet?: boolean;
  format: 'table' | 'json';
  filter?: string[];
}

/** `timonel compose ls`: the projects of a cluster. */
export async function list(flags: ListFlags): Promise<void> {
  const patterns = (flags.filter ?? []).map(nameFilter);
  await withCluster(flags, async ({ client }) => {
    const [spaces, pods] = await Promise.all([
      client.list(namespaces, { labelSelector: projectLabel }),
      client.list(podsResource, { labelSelector: projectLabel }),
    ]);
    const rows = spaces.items.flatMap(({ metadata }) => {
      const own = pods.items.filter((pod) => pod.metadata.namespace === metadata.name);
      const containers = containersOf({ pods: own, workloads: [], services: [], isLocal: true });
      const status = stateCounts(containers.filter(({ isOneOff }) => !isOneOff).map(({ state }) => state));
      if (!flags.all && !status.includes('running(')) return [];
      const name = metadata.labels?.[projectLabel] ?? '';
      if (!patterns.every((pattern) => pattern.test(name))) return [];
      const files = metadata.annotations?.[configFilesAnnotation] ?? '';
      return [{ Name: name, Status: status || 'stopped', ConfigFiles: files }];
    });
    if (flags.quiet) return print(rows.map(({ Name }) => Name));
    if (flags.format === 'json') return print([JSON.stringify(rows)]);
    const cells = rows.map((row) => Object.values(row));
    print([table(['NAME', 'STATUS', 'CONFIG FILES'], cells)]);
  });
}

/** `exited(1), running(2)`, as docker compose counts them. Pure. */
export function stateCounts(states: readonly string[]): string {
  const kinds = [...new Set(states)].toSorted();
  return kinds.map((kind) => `${kind}(${states.filter((state) => state === kind).length})`).join(', ');
}

/** `name=PATTERN`, a regular expression as docker compose takes it. */
function nameFilter(text: string): RegExp {
  const pattern = /^name=(.*)$/.exec(text)?.[1];
  if (pattern === undefined) throw new CliError(`unsupported filter ${text}: it is name=PATTERN`);
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new CliError(`invalid filter ${text}: ${(error as Error).message}`, { cause: error });
  }
}
