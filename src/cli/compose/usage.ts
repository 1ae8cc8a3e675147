import { podUsages } from '../../client/resource-usage.ts';
import { persistentVolumeClaims, pods as podsResource } from '../../client/resources.ts';
import { quantityToNumber } from '../../api/quantity.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { volumeName } from '../../delivery/compose/run/context.ts';
import { projectSelector } from '../../delivery/compose/run/workloads.ts';
import { serviceLabel } from '../../delivery/compose/translate/names.ts';
import { clock } from '../context.ts';
import { createOutput } from '../output.ts';
import { printRows } from '../row-format.ts';
import type { ComposeFlags } from './commands.ts';
import { type ProjectSession, requireServices, withProject } from './connection.ts';

export interface StatsFlags extends ComposeFlags {
  all?: boolean;
  format: string;
  stream: boolean;
}

const periodMs = 2000;

/** `timonel compose stats`: what containers use, again and again on a terminal. */
export async function stats(services: readonly string[], flags: StatsFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const isStream = flags.stream && process.stdout.isTTY === true;
    for (;;) {
      const rows = await statRows(session, services, flags.all === true);
      if (isStream) process.stdout.write('\u001b[H\u001b[2J');
      await printRows(flags.format, { columns: statColumns, rows });
      if (!isStream || session.signal.aborted) return;
      await clock.sleep(periodMs, session.signal).catch(() => undefined);
    }
  });
}

const statColumns = {
  Name: 'NAME',
  Service: 'SERVICE',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
};

async function statRows(
  { context }: ProjectSession,
  services: readonly string[],
  isAll: boolean,
): Promise<Record<string, string>[]> {
  const { client, namespace } = context;
  const own = (await ownPods({ context }, services)).filter(({ status }) => isAll || status?.phase === 'Running');
  const usages = (await podUsages(client)).filter((usage) => usage.namespace === namespace);
  return own.map(({ metadata, spec }) => {
    const usage = usages.find(({ name }) => name === metadata.name);
    const limit = quantityToNumber(spec?.containers[0]?.resources?.limits?.['memory'] ?? '0');
    const share = usage && limit > 0 ? percent(usage.bytes / limit) : '--';
    return {
      Name: metadata.name ?? '',
      Container: metadata.name ?? '',
      Service: metadata.labels?.[serviceLabel] ?? '',
      CPUPerc: usage ? percent(usage.milliCpu / 1000) : '--',
      MemUsage: `${usage ? bytesText(usage.bytes) : '--'} / ${limit > 0 ? bytesText(limit) : '--'}`,
      MemPerc: share,
    };
  });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

/** `12.5MiB`, with as many digits as Docker shows. */
function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(4))}${units[power]}`;
}

export interface VolumesFlags extends ComposeFlags {
  quiet?: boolean;
  format: string;
}

/** `timonel compose volumes`: a project's volumes, or those that services' containers use. */
export async function volumes(services: readonly string[], flags: VolumesFlags): Promise<void> {
  await withProject(flags, async (session) => {
    requireServices(session, services);
    const { context } = session;
    const { client, namespace, project } = context;
    const { items } = await client.list(persistentVolumeClaims, { namespace, labelSelector: projectSelector(project) });
    const used = new Set(services.length > 0 ? (await ownPods({ context }, services)).flatMap(claimsOf) : []);
    const shown = items.filter(({ metadata }) => services.length === 0 || used.has(metadata.name ?? ''));
    const rows = shown.map((claim) => ({ Driver: 'local', Name: volumeName(context, claim) }));
    if (flags.quiet) return rows.forEach(({ Name }) => createOutput().data(Name));
    await printRows(flags.format, { columns: { Driver: 'DRIVER', Name: 'VOLUME NAME' }, rows });
  });
}

function claimsOf({ spec }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
}

async function ownPods({ context }: Pick<ProjectSession, 'context'>, services: readonly string[]): Promise<Pod[]> {
  const { client, namespace, project } = context;
  const { items } = await client.list(podsResource, { namespace, labelSelector: projectSelector(project) });
  return items.filter(
    ({ metadata }) => services.length === 0 || services.includes(metadata.labels?.[serviceLabel] ?? ''),
  );
}
