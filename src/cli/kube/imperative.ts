import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Container, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { Resource } from '../../client/client.ts';
import { deployments, namespaces, services } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import type { FileFlags } from './apply.ts';
import { splitAtDashes } from './exec.ts';
import { objectPrinter } from './print-objects.ts';
import { shownName } from './resource-finder.ts';
import { placeOf, selectionOf, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

/** Objects made from flags: `create deployment`, `create namespace`, `expose`. */
export type MakeFlags = KubeFlags & Pick<FileFlags, 'dryRun' | 'output' | 'showManagedFields'>;

export interface DeploymentFlags extends MakeFlags {
  image: string[];
  replicas: string;
  port?: string;
}

export async function createDeployment(words: readonly string[], flags: DeploymentFlags): Promise<void> {
  const [[name], command] = splitAtDashes(words, process.argv);
  if (name === undefined) throw new CliError('exactly one NAME is required, got 0');
  if (command.length > 0 && flags.image.length > 1)
    throw new CliError('cannot specify multiple --image options and command');
  const labels = { app: name };
  const containers = flags.image.map((image): Container => ({
    name: containerName(image),
    image,
    ...(command.length > 0 && { command }),
    ...(flags.port && { ports: [{ containerPort: Number(flags.port) }] }),
  }));
  await make(flags, deployments, () => ({
    metadata: { name, labels },
    spec: {
      replicas: Number(flags.replicas),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  }));
}

/** Of the image's last part, without its tag. */
function containerName(image: string): string {
  return (
    (image.split('/').at(-1) ?? image)
      .split(/[:@]/)[0]
      ?.toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-') ?? image
  );
}

export async function createNamespace(name: string, flags: MakeFlags): Promise<void> {
  await make(flags, namespaces, () => ({ metadata: { name } }));
}

export interface ExposeFlags extends MakeFlags {
  name?: string;
  port?: string;
  targetPort?: string;
  protocol: string;
  type?: string;
  selector?: string;
  externalIp?: string;
  clusterIp?: string;
  sessionAffinity?: string;
}

export async function expose(words: readonly string[], flags: ExposeFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const [selection] = await selectionOf(kube, words, {});
    if (selection?.name === undefined) throw new CliError('You must specify the name of what to expose.');
    const object = await kube.client.get(selection.resource, placeOf(kube, selection));
    const service = serviceFor(selection.resource, object, flags);
    await create(kube, services, { ...flags, verb: 'exposed' }, service);
  });
}

function serviceFor({ kind, plural }: Resource, object: KubeObject, flags: ExposeFlags): AnyObject {
  const { spec = {} } = object as AnyObject & {
    spec?: { selector?: unknown; template?: PodTemplateSpec; containers?: Container[]; ports?: { port: number }[] };
  };
  const selector = flags.selector
    ? Object.fromEntries(flags.selector.split(',').map((pair) => pair.split('=', 2) as [string, string]))
    : kind === 'Pod'
      ? object.metadata.labels
      : ['Service', 'ReplicationController'].includes(kind)
        ? (spec.selector as Record<string, string>)
        : (spec.selector as LabelSelector | undefined)?.matchLabels;
  if (!selector)
    throw new CliError(
      `couldn't retrieve selectors via --selector flag or introspection: ${plural} "${object.metadata.name}" has none`,
    );
  const containers = spec.template?.spec?.containers ?? spec.containers ?? [];
  const ports = flags.port
    ? flags.port.split(',').map(Number)
    : (spec.ports?.map(({ port }) => port) ??
      containers.flatMap(({ ports: own = [] }) => own.map(({ containerPort }) => containerPort)));
  if (ports.length === 0) throw new CliError("couldn't find port via --port flag or introspection");
  const target =
    flags.targetPort === undefined
      ? undefined
      : /^\d+$/.test(flags.targetPort)
        ? Number(flags.targetPort)
        : flags.targetPort;
  return {
    metadata: {
      name: flags.name ?? object.metadata.name ?? '',
      ...(object.metadata.labels && { labels: object.metadata.labels }),
    },
    spec: {
      selector,
      ports: ports.map((port, i) => ({
        ...(ports.length > 1 && { name: `port-${i + 1}` }),
        ...{ port, protocol: flags.protocol, targetPort: target ?? port },
      })),
      ...(flags.type && { type: flags.type }),
      ...(flags.externalIp && { externalIPs: [flags.externalIp] }),
      ...(flags.clusterIp && { clusterIP: flags.clusterIp }),
      ...(flags.sessionAffinity && { sessionAffinity: flags.sessionAffinity }),
    },
  };
}

export async function make(flags: MakeFlags, resource: Resource, object: () => AnyObject): Promise<void> {
  await withKube(flags, (kube) => create(kube, resource, { ...flags, verb: 'created' }, object()));
}

/** A dry run of the client's sends nothing at all. */
export async function create(
  kube: Kube,
  resource: Resource,
  flags: MakeFlags & { verb: string },
  object: AnyObject,
): Promise<void> {
  const { dryRun } = flags;
  const isLocal = dryRun === true || dryRun === 'client';
  const { metadata } = object;
  const placed = { ...object, metadata: { ...metadata, ...(resource.namespaced && { namespace: kube.namespace }) } };
  const options = { fieldManager: 'kubectl-create', ...(dryRun === 'server' && { dryRun: true }) };
  const made = isLocal ? object : await kube.client.create<KubeObject>(resource, placed, options);
  const printer = await objectPrinter(flags.output, { showManagedFields: flags.showManagedFields ?? false });
  if (printer) return void process.stdout.write(printer.print(typed(resource, made)));
  const suffix = isLocal ? ' (dry run)' : dryRun === 'server' ? ' (server dry run)' : '';
  process.stdout.write(`${shownName(resource, metadata.name ?? '')} ${flags.verb}${suffix}\n`);
}
