import type { Client, Resource } from '../../client/client.ts';
import type { KubeObject } from '../../api/object.ts';
import { daemonSets, deployments, jobs, replicaSets, services as serviceResource } from '../../client/resources.ts';
import { projectLabel, serviceLabel } from '../../delivery/compose/translate/names.ts';
import { formatTime } from '../../base/clock.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { withCluster } from '../compose/connection.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { printRows } from '../row-format.ts';
import { type ServiceFlags, serviceChanges } from './service-changes.ts';
import { fullName, requireService, type StackFlags, type StackService, stackServices } from './stacks.ts';

export interface ChangeFlags extends StackFlags, ServiceFlags {
  detach?: boolean;
}

const workloadResource: Readonly<Record<StackService['mode'], Resource<KubeObject>>> = {
  replicated: deployments,
  global: daemonSets,
  'replicated job': jobs,
};

const convergeMs = 10 * 60_000;

/** `timonel service scale SERVICE=REPLICAS …` */
export async function scale(pairs: readonly string[], flags: ChangeFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const services = await stackServices(client);
    for (const pair of pairs) {
      const [name = '', count = ''] = pair.split('=');
      if (!/^\d+$/.test(count)) throw new CliError(`invalid scale specifier '${pair}': it is SERVICE=REPLICAS`);
      const service = replicated(requireService(services, name));
      await patch(client, service, { spec: { replicas: Number(count) } });
      process.stdout.write(`${fullName(service)} scaled to ${count}\n`);
      await converged(client, service, flags);
    }
  });
}

/** `timonel service update --image IMAGE SERVICE` */
export async function update(name: string, flags: ChangeFlags & { rollback?: boolean }): Promise<void> {
  if (flags.rollback) return rollback(name, flags);
  await withCluster(flags, async ({ client }) => {
    const service = replicated(requireService(await stackServices(client), name));
    await patch(client, service, serviceChanges(service, flags, formatTime(clock.now())));
    process.stdout.write(`${fullName(service)}\n`);
    await converged(client, service, flags);
  });
}

/** `timonel service rm SERVICE …`; ports that it publishes are closed with it. */
export async function removeServices(names: readonly string[], flags: StackFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const all = await stackServices(client);
    for (const service of names.map((name) => requireService(all, name))) {
      const { namespace } = service;
      await client.delete(
        workloadResource[service.mode],
        { name: service.name, namespace },
        { propagationPolicy: 'Background' },
      );
      const { items } = await client.list(serviceResource, {
        namespace,
        labelSelector: `${projectLabel},${serviceLabel}=${service.service}`,
      });
      for (const { metadata } of items) await client.delete(serviceResource, { name: metadata.name ?? '', namespace });
      process.stdout.write(`${fullName(service)}\n`);
    }
  });
}

/** `timonel service inspect SERVICE …`: the objects that run them, as JSON. */
export async function inspect(names: readonly string[], flags: StackFlags & { format?: string }): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const all = await stackServices(client);
    const found = names.map((name) => requireService(all, name));
    const objects = await Promise.all(
      found.map(({ mode, name, namespace }) => client.get(workloadResource[mode], { name, namespace })),
    );
    const rows = objects.map((object) => ({ ...object }));
    if (flags.format !== undefined) return printRows(flags.format, { columns: {}, rows });
    process.stdout.write(`${JSON.stringify(rows, null, 4)}\n`);
  });
}

/** `timonel service rollback SERVICE`: to the template before this one. */
export async function rollback(name: string, flags: ChangeFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const service = replicated(requireService(await stackServices(client), name));
    const { items } = await client.list(replicaSets, { namespace: service.namespace });
    const revision = ({ metadata }: (typeof items)[number]): number =>
      Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
    const own = items
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === service.deployment?.metadata.uid))
      .toSorted((a, b) => revision(a) - revision(b));
    const { metadata: templateMetadata = {}, ...template } = own.at(-2)?.spec?.template ?? {};
    if (own.length < 2) throw new CliError(`service ${name} does not have a previous spec`);
    const { 'pod-template-hash': _, ...labels } = templateMetadata.labels ?? {};
    const value = { ...template, metadata: { ...templateMetadata, labels } };
    const operations = [{ op: 'replace', path: '/spec/template', value }];
    await client.patch(deployments, { name: service.name, namespace: service.namespace }, { kind: 'json', operations });
    process.stdout.write(`${fullName(service)}\nrollback: manually requested rollback\n`);
    await converged(client, service, flags);
  });
}

function replicated(service: StackService): StackService {
  if (service.mode === 'replicated') return service;
  throw new CliError(
    `${fullName(service)}: only services of mode replicated can be changed so; this one is ${service.mode}`,
  );
}

async function patch(
  client: Client,
  { name, namespace }: StackService,
  document: Record<string, unknown>,
): Promise<void> {
  await client.patch(
    deployments,
    { name, namespace },
    { kind: 'strategic', document },
    { fieldManager: 'timonel-stack' },
  );
}

async function converged(client: Client, service: StackService, { detach }: ChangeFlags): Promise<void> {
  if (detach) return;
  const targets = [{ resource: deployments, name: { name: service.name, namespace: service.namespace } }];
  await waitForObjects({ client, clock, targets, timeoutMs: convergeMs });
  process.stdout.write(`verify: Service ${service.id} converged\n`);
}
