import type { Client, Resource } from '../../client/client.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ConfigMap, Pod, Secret, ServicePort } from '../../api/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/types/networking-v1.ts';
import { isApiError } from '../../api/status.ts';
import {
  configMaps,
  daemonSets,
  deployments,
  jobs,
  networkPolicies,
  persistentVolumeClaims,
  replicaSets,
  secrets,
  services as serviceResource,
} from '../../client/resources.ts';
import { labelValueOf, objectName, projectLabel, serviceLabel } from '../../delivery/compose/translate/names.ts';
import { formatTime } from '../../base/clock.ts';
import { tellingTroubles } from '../../delivery/apply/troubles.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { withCluster } from '../compose/connection.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { createOutput } from '../output.ts';
import { policiesOf } from '../../delivery/compose/translate/networks.ts';
import { publishedName } from '../../delivery/compose/translate/ports.ts';
import { type ServiceFlags, serviceChanges } from './service-changes.ts';
import { type FileObjects, mountChanges, type MountFlags } from './service-mounts.ts';
import { translated } from './service-model.ts';
import { type PortFlags, publishedAfter } from './service-ports.ts';
import { addedNetworks } from './service-settings.ts';
import { fullName, isCalled, requireService, type StackFlags, type StackService, stackServices } from './stacks.ts';
import { revisionAnnotation } from '../../api/well-known.ts';

export interface ChangeFlags extends StackFlags, ServiceFlags, PortFlags {
  detach?: boolean;
}

/** What runs the services of a mode. */
export const workloadResource: Readonly<Record<StackService['mode'], Resource<KubeObject>>> = {
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
    const service = updatable(requireService(await stackServices(client), name));
    const { claims, ...mounts } = mountChanges(service, flags, await fileObjectsFor(client, service, flags));
    const changes = serviceChanges(service, flags, { now: formatTime(clock.now()), mounts });
    for (const claim of claims) await createOnce(client, persistentVolumeClaims, claim);
    await publish(client, service, flags);
    for (const policy of networkPoliciesOf(service, addedNetworks(service, flags)))
      await createOnce(client, networkPolicies, policy);
    await patch(client, service, changes);
    process.stdout.write(`${fullName(service)}\n`);
    await converged(client, service, flags);
  });
}

/** By which the pods of networks reach each other, where they are not there yet. */
function networkPoliciesOf(service: StackService, keys: readonly string[]): NetworkPolicy[] {
  if (keys.length === 0) return [];
  const networks = Object.fromEntries(keys.map((key) => [key, null]));
  const policies = translated(service, { networks }, (scope) =>
    policiesOf({ ...scope, project: { ...scope.project, services: { [service.service]: { networks } } } }),
  );
  const { namespace } = service;
  return policies.map(({ metadata, ...policy }) => ({ ...policy, metadata: { ...metadata, namespace } }));
}

/** `timonel service rm SERVICE …`; ports that it publishes are closed with it. */
export async function removeServices(names: readonly string[], flags: StackFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const all = await stackServices(client);
    const failures: string[] = [];
    for (const name of names) {
      const service = all.find((each) => isCalled(each, name));
      if (!service) {
        failures.push(`no such service: ${name}`);
        continue;
      }
      await removeService(client, service);
      process.stdout.write(`${name}\n`);
    }
    if (failures.length > 0) throw new CliError(failures.join('\n'), { hint: 'There are: timonel service ls' });
  });
}

async function removeService(client: Client, { mode, name, namespace, service }: StackService): Promise<void> {
  await client.delete(workloadResource[mode], { name, namespace }, { propagationPolicy: 'Background' });
  const { items } = await client.list(serviceResource, {
    namespace,
    labelSelector: `${projectLabel},${serviceLabel}=${labelValueOf(service)}`,
  });
  for (const { metadata } of items) await client.delete(serviceResource, { name: metadata.name ?? '', namespace });
  for (const kind of ['published', 'internal', 'none']) {
    await client.delete(networkPolicies, { name: objectName(`${kind}-${service}`), namespace }).catch(unlessMissing);
  }
}

/** `timonel service rollback SERVICE`: to the template before this one. */
export async function rollback(name: string, flags: ChangeFlags): Promise<void> {
  await withCluster(flags, async ({ client }) => {
    const service = replicated(requireService(await stackServices(client), name));
    const { items } = await client.list(replicaSets, { namespace: service.namespace });
    const revision = ({ metadata }: (typeof items)[number]): number =>
      Number(metadata.annotations?.[revisionAnnotation] ?? 0);
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

/** The secrets and configs of the service's namespace, where flags are about them. */
async function fileObjectsFor(client: Client, { namespace }: StackService, flags: MountFlags): Promise<FileObjects> {
  const { secretAdd = [], secretRm = [], configAdd = [], configRm = [] } = flags;
  const keysOf = async (resource: Resource<Secret | ConfigMap>): Promise<Map<string, string[]>> => {
    const { items } = await client.list(resource, { namespace });
    return new Map(items.map(({ metadata, data }) => [metadata.name ?? '', Object.keys(data ?? {})]));
  };
  return {
    secrets: secretAdd.length + secretRm.length > 0 ? await keysOf(secrets) : new Map(),
    configs: configAdd.length + configRm.length > 0 ? await keysOf(configMaps) : new Map(),
  };
}

/** Brings what publishes the service's ports to what flags say. */
async function publish(client: Client, service: StackService, flags: PortFlags): Promise<void> {
  if ((flags.publishAdd ?? []).length + (flags.publishRm ?? []).length === 0) return;
  const { namespace } = service;
  const name = publishedName(service.service);
  const current = await client.get(serviceResource, { name, namespace }).catch(unlessMissing);
  const wanted = publishedAfter(service, current, flags);
  const policyAt = { name: wanted.policyName, namespace };
  if (!wanted.service || !wanted.policy) {
    if (current) await client.delete(serviceResource, { name, namespace });
    await client.delete(networkPolicies, policyAt).catch(unlessMissing);
    return;
  }
  const metadata = { ...wanted.service.metadata, namespace };
  // What the cluster has given it (addresses, node ports of ports that stay) is kept.
  const isSamePort = (port: ServicePort, each: ServicePort): boolean =>
    port.port === each.port && port.protocol === each.protocol;
  const ports = (wanted.service.spec?.ports ?? []).map((port) => {
    const nodePort = current?.spec?.ports?.find((each) => isSamePort(port, each))?.nodePort;
    return { ...port, ...(nodePort !== undefined && { nodePort }) };
  });
  if (!current) await client.create(serviceResource, { ...wanted.service, metadata });
  else {
    const { resourceVersion = '' } = current.metadata;
    const spec = { ...current.spec, type: wanted.service.spec?.type ?? '', ports };
    await client.update(serviceResource, { ...current, metadata: { ...metadata, resourceVersion }, spec });
  }
  const policy = { ...wanted.policy, metadata: { ...wanted.policy.metadata, namespace } };
  if (await client.get(networkPolicies, policyAt).catch(unlessMissing)) await client.update(networkPolicies, policy);
  else await client.create(networkPolicies, policy);
}

function unlessMissing(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
}

async function createOnce<T extends KubeObject>(client: Client, resource: Resource<T>, object: T): Promise<void> {
  await client.create(resource, object).catch((error: unknown) => {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  });
}

function updatable(service: StackService): StackService {
  if (service.mode !== 'replicated job') return service;
  throw new CliError(`${fullName(service)}: what runs once is not changed; deploy the stack again`);
}

function replicated(service: StackService): StackService {
  if (service.mode === 'replicated') return service;
  throw new CliError(
    `${fullName(service)}: only services of mode replicated can be changed so; this one is ${service.mode}`,
  );
}

async function patch(
  client: Client,
  { name, namespace, mode }: StackService,
  document: Record<string, unknown>,
): Promise<void> {
  await client.patch(
    workloadResource[mode],
    { name, namespace },
    { kind: 'strategic', document },
    { fieldManager: 'timonel-stack' },
  );
}

/** Waits until a service runs as it is to, and says so; meanwhile it says what keeps it from that. */
export async function converged(
  client: Client,
  service: StackService,
  { detach }: Pick<ChangeFlags, 'detach'>,
): Promise<void> {
  if (detach) return;
  const targets = [
    { resource: workloadResource[service.mode], name: { name: service.name, namespace: service.namespace } },
  ];
  const watch = {
    ...{ client, namespace: service.namespace, tell: tellTrouble },
    isOurs: ({ metadata: { labels } }: Pod) =>
      labels?.[projectLabel] === service.stack && labels[serviceLabel] === service.service,
    isOwner: (name: string) => name === service.name || name.startsWith(`${service.name}-`),
  };
  await tellingTroubles([watch], () => waitForObjects({ client, clock, targets, timeoutMs: convergeMs }));
  process.stdout.write(`verify: Service ${service.id} converged\n`);
}

export function tellTrouble(message: string): void {
  createOutput().message(message);
}
