import type { KubeObject } from '../../api/object.ts';
import type { Service as KubeService } from '../../api/types/core-v1.ts';
import { isApiError } from '../../api/status.ts';
import { services as serviceResource } from '../../client/resources.ts';
import { publishedName } from '../../delivery/compose/translate/ports.ts';
import { withCluster } from '../compose/connection.ts';
import { printRows } from '../row-format.ts';
import { dockerService, type DockerService } from './docker-service.ts';
import { workloadResource } from './services.ts';
import { requireService, type StackFlags, stackServices } from './stacks.ts';

/** `timonel service inspect SERVICE …`: as Docker's API has services, in JSON, or for people. */
export async function inspect(
  names: readonly string[],
  flags: StackFlags & { format?: string; pretty?: boolean },
): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const all = await stackServices(client);
    const rows = await Promise.all(
      names.map(async (given) => {
        const service = requireService(all, given);
        const { mode, name, namespace } = service;
        const object: KubeObject = await client.get(workloadResource[mode], { name, namespace });
        const published = await client
          .get<KubeService>(serviceResource, { name: publishedName(service.service), namespace })
          .catch((error: unknown): undefined => {
            if (!isApiError(error, 'NotFound')) throw error;
          });
        return dockerService(service, object, published);
      }),
    );
    if (flags.pretty || flags.format === 'pretty') {
      for (const row of rows) process.stdout.write(`${prettyLines(row).join('\n')}\n\n`);
      return;
    }
    if (flags.format !== undefined)
      return printRows(flags.format, { columns: {}, rows: rows.map((row) => ({ ...row })) });
    process.stdout.write(`${JSON.stringify(rows, null, 4)}\n`);
  });
}

function line(label: string, value: string | undefined): string[] {
  return value === undefined ? [] : [` ${label}:\t${value}`];
}

function section(name: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [`${name}:`, ...lines] : [];
}

/** What `docker service inspect --pretty` tells, in its order. Pure. */
export function prettyLines({ ID, Spec, Endpoint }: DockerService): string[] {
  const { Name, Labels, Mode, TaskTemplate, UpdateConfig: update } = Spec;
  const { ContainerSpec, Resources, Placement } = TaskTemplate;
  const [mode = ''] = Object.keys(Mode);
  const count = Mode['Replicated']?.Replicas ?? Mode['ReplicatedJob']?.TotalCompletions;
  const updating = update && [
    ...line('Parallelism', String(update.Parallelism)),
    ...line('Delay', update.Delay ? `${update.Delay / 1e9}s` : undefined),
    ...line('On failure', update.FailureAction),
    ...line('Update order', update.Order),
  ];
  const ports = Endpoint.Ports.flatMap(({ PublishedPort, Protocol, TargetPort, PublishMode }) => [
    ` PublishedPort = ${PublishedPort}`,
    `  Protocol = ${Protocol}`,
    `  TargetPort = ${TargetPort}`,
    `  PublishMode = ${PublishMode}`,
  ]);
  const labels = Object.entries(Labels).map(([key, value]) => ` ${key}=${value}`);
  return [
    ...[`ID:\t\t${ID}`, `Name:\t\t${Name}`],
    ...section('Labels', labels),
    `Service Mode:\t${mode.replace(/(.)([A-Z])/, '$1 $2')}`,
    ...line('Replicas', count === undefined ? undefined : String(count)),
    ...section('Placement', line('Constraints', Placement.Constraints && `[${Placement.Constraints.join(' ')}]`)),
    ...section('UpdateConfig', updating ?? []),
    ...containerLines(ContainerSpec),
    'Resources:',
    ...section(' Reservations', amountLines(Resources.Reservations)),
    ...section(' Limits', amountLines(Resources.Limits)),
    `Endpoint Mode:\t${Endpoint.Spec.Mode}`,
    ...section('Ports', ports),
  ];
}

function containerLines(container: DockerService['Spec']['TaskTemplate']['ContainerSpec']): string[] {
  const { Image, Command, Args, Env, Dir, User, Hostname, Mounts = [], Secrets = [], Configs = [] } = container;
  const mounts = Mounts.flatMap(({ Type, Source, Target, ReadOnly }) => [
    ` Target:\t${Target}`,
    ...line(' Source', Source),
    ` ReadOnly:\t${ReadOnly ?? false}`,
    ` Type:\t${Type}`,
  ]);
  const file = (target: string, source: string): string[] => [` Target:\t${target}`, `  Source:\t${source}`];
  return [
    'ContainerSpec:',
    ...line('Image', Image),
    ...line('Command', Command?.join(' ')),
    ...line('Args', Args?.join(' ')),
    ...line('Env', Env?.join(' ')),
    ...line('Dir', Dir),
    ...line('User', User),
    ...line('Hostname', Hostname),
    ...section('Mounts', mounts),
    ...section(
      'Secrets',
      Secrets.flatMap(({ File, SecretName }) => file(File.Name, SecretName)),
    ),
    ...section(
      'Configs',
      Configs.flatMap(({ File, ConfigName }) => file(File.Name, ConfigName)),
    ),
  ];
}

function amountLines(of: { NanoCPUs?: number; MemoryBytes?: number } | undefined): string[] {
  return [
    ...line('  CPU', of?.NanoCPUs === undefined ? undefined : String(of.NanoCPUs / 1e9)),
    ...line('  Memory', of?.MemoryBytes === undefined ? undefined : String(of.MemoryBytes)),
  ];
}
