import type { Client } from '../../client/client.ts';
import { deployments, replicaSets } from '../../client/resources.ts';
import { formatTime } from '../../base/clock.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { withCluster } from '../compose/connection.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { fullName, requireService, type StackFlags, type StackService, stackServices } from './stacks.ts';

export interface ChangeFlags extends StackFlags {
  detach?: boolean;
  image?: string;
  replicas?: string;
  force?: boolean;
}

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
export async function update(name: string, flags: ChangeFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const service = replicated(requireService(await stackServices(client), name));
    const [container] = service.deployment?.spec?.template.spec?.containers ?? [];
    const annotations = { 'kubectl.kubernetes.io/restartedAt': formatTime(clock.now()) };
    const template = {
      ...(flags.force && { metadata: { annotations } }),
      ...(flags.image && { spec: { containers: [{ name: container?.name, image: flags.image }] } }),
    };
    await patch(client, service, {
      spec: { template, ...(flags.replicas !== undefined && { replicas: Number(flags.replicas) }) },
    });
    process.stdout.write(`${fullName(service)}\n`);
    await converged(client, service, flags);
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
