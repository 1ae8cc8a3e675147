import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { Container, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { Resource } from '../../client/client.ts';
import { services } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { create, type MakeFlags, overridden, pairsOf } from './create/make.ts';
import { placeOf, selectionOf } from './selection.ts';
import { withKube } from './session.ts';

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
  loadBalancerIp?: string;
  labels?: string;
  /** A merge patch for what is made, in JSON. */
  overrides?: string;
}

const exposable = ['Pod', 'Service', 'ReplicationController', 'Deployment', 'ReplicaSet'];

export async function expose(words: readonly string[], flags: ExposeFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const [selection] = await selectionOf(kube, words, {});
    if (selection?.name === undefined) throw new CliError('resource(s) were provided, but no name was specified');
    const { kind, group } = selection.resource;
    if (!exposable.includes(kind)) throw new CliError(`cannot expose a ${kind}${group && `.${group}`}`);
    const object = await kube.client.get(selection.resource, placeOf(kube, selection));
    const service = overridden(serviceFor(selection.resource, object, flags), flags.overrides);
    await create(kube, services, { ...flags, verb: 'exposed' }, service);
  });
}

function serviceFor({ kind, plural }: Resource, object: KubeObject, flags: ExposeFlags): AnyObject {
  const { spec = {} } = object as AnyObject & {
    spec?: { selector?: unknown; template?: PodTemplateSpec; containers?: Container[]; ports?: { port: number }[] };
  };
  const selector = flags.selector
    ? pairsOf(flags.selector)
    : kind === 'Pod'
      ? object.metadata.labels
      : ['Service', 'ReplicationController'].includes(kind)
        ? (spec.selector as Record<string, string>)
        : (spec.selector as LabelSelector | undefined)?.matchLabels;
  if (!selector) {
    const why =
      kind === 'Pod' ? 'the pod has no labels and cannot be exposed' : `${plural} "${object.metadata.name}" has none`;
    throw new CliError(`couldn't retrieve selectors via --selector flag or introspection: ${why}`);
  }
  const labels = flags.labels ? pairsOf(flags.labels) : object.metadata.labels;
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
      ...(labels && { labels }),
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
      ...(flags.loadBalancerIp && { loadBalancerIP: flags.loadBalancerIp }),
    },
    status: { loadBalancer: {} },
  };
}
