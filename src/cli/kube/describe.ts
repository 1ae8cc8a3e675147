import type { AnyObject, KubeObject } from '../../api/object.ts';
import type { CronJob } from '../../api/types/batch-v1.ts';
import type { Event, Pod } from '../../api/types/core-v1.ts';
import { endpointSlices, events, leases, pods, replicaSets } from '../../client/resources.ts';
import { eventLines } from '../../delivery/inspect/describe/events.ts';
import { ingressLines, serviceLines } from '../../delivery/inspect/describe/network.ts';
import { nodeLines } from '../../delivery/inspect/describe/node.ts';
import * as plain from '../../delivery/inspect/describe/plain.ts';
import { podLines } from '../../delivery/inspect/describe/pod.ts';
import * as workloads from '../../delivery/inspect/describe/workloads.ts';
import { alignTabs } from '../../delivery/inspect/tab-writer.ts';
import { labelMatcher } from '../../api/label-selector.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { clock } from '../context.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface DescribeFlags extends KubeFlags, SelectionFlags {
  selector?: string;
  allNamespaces?: boolean;
  showEvents?: string | boolean;
}

/** `timonel describe TYPE NAME`: an object, what belongs to it, and what happened to it. */
export async function describe(words: readonly string[], flags: DescribeFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const found: { selection: Selection; object: AnyObject }[] = [];
    for (const selection of await selectionOf(kube, words, flags)) {
      try {
        for (const object of await objectsOf(kube, selection, flags)) found.push({ selection, object });
      } catch (error) {
        kube.fail(error);
      }
    }
    if (found.length === 0 && !process.exitCode) {
      process.stderr.write(`No resources found${flags.allNamespaces ? '' : ` in ${kube.namespace} namespace.`}\n`);
    }
    for (const [i, { selection, object }] of found.entries()) {
      const lines = await linesOf(kube, selection, object, flags.showEvents !== 'false');
      process.stdout.write(`${i > 0 ? '\n\n' : ''}${alignTabs(lines).join('\n')}\n`);
    }
  });
}

async function objectsOf(kube: Kube, selection: Selection, flags: DescribeFlags): Promise<AnyObject[]> {
  const { resource, name } = selection;
  if (name !== undefined) return [typed(resource, await kube.client.get(resource, placeOf(kube, selection)))];
  const { items } = await kube.client.list(resource, {
    ...(resource.namespaced && !flags.allNamespaces && { namespace: kube.namespace }),
    ...(flags.selector && { labelSelector: flags.selector }),
  });
  return items.map((item) => typed(resource, item));
}

/** Descriptions that end without events. */
const withoutEvents = new Set(['Secret', 'Namespace']);

async function linesOf(kube: Kube, { resource }: Selection, object: AnyObject, withEvents: boolean): Promise<string[]> {
  const now = clock.now();
  const about = withEvents && !withoutEvents.has(resource.kind) ? await eventsAbout(kube, object) : [];
  if (resource.kind === 'Pod') return podLines(object, { events: about, now });
  const own =
    resource.group === '' || builtIn.has(resource.group) ? await ownLines(kube, resource.kind, object, now) : undefined;
  const lines = own ?? plain.genericLines(object);
  return withEvents && !withoutEvents.has(resource.kind) ? [...lines, ...eventLines(about, now)] : lines;
}

const builtIn = new Set(['apps', 'batch', 'networking.k8s.io']);

async function ownLines(kube: Kube, kind: string, object: AnyObject, now: number): Promise<string[] | undefined> {
  const { namespace, name } = object.metadata;
  switch (kind) {
    case 'Deployment': {
      const { items } = await kube.client.list(replicaSets, { namespace: namespace ?? '' });
      return workloads.deploymentLines(
        object,
        items.filter((set) => isOwned(set, object)),
      );
    }
    case 'ReplicaSet':
      return workloads.replicaSetLines(object, await podsSelectedBy(kube, object));
    case 'StatefulSet':
      return workloads.statefulSetLines(object, await podsSelectedBy(kube, object));
    case 'DaemonSet':
      return workloads.daemonSetLines(object, await podsSelectedBy(kube, object));
    case 'Job':
      return workloads.jobLines(object);
    case 'CronJob':
      return workloads.cronJobLines(object as CronJob & AnyObject);
    case 'Service': {
      const labelSelector = `kubernetes.io/service-name=${name}`;
      const { items } = await kube.client.list(endpointSlices, { namespace: namespace ?? '', labelSelector });
      return serviceLines(object, items);
    }
    case 'Ingress':
      return ingressLines(object);
    case 'Node': {
      const { items } = await kube.client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
      const lease = await kube.client
        .get(leases, { name: name ?? '', namespace: 'kube-node-lease' })
        .catch(() => undefined);
      return nodeLines(object, items, now, lease);
    }
    case 'PersistentVolumeClaim': {
      const { items } = await kube.client.list(pods, { namespace: namespace ?? '' });
      const users = items.filter(({ spec }) =>
        spec?.volumes?.some(({ persistentVolumeClaim: claim }) => claim?.claimName === name),
      );
      return plain.claimLines(
        object,
        users.map(({ metadata }) => metadata.name ?? ''),
      );
    }
    default:
      return plainKinds[kind]?.(object);
  }
}

const plainKinds: Record<string, (object: AnyObject) => string[]> = {
  ConfigMap: plain.configMapLines,
  Secret: plain.secretLines,
  Namespace: plain.namespaceLines,
  ServiceAccount: plain.serviceAccountLines,
  PersistentVolume: plain.volumeLines,
};

function isOwned({ metadata }: KubeObject, owner: KubeObject): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
}

async function podsSelectedBy({ client }: Kube, object: AnyObject): Promise<Pod[]> {
  const { selector } = (object['spec'] ?? {}) as { selector?: LabelSelector };
  const labelSelector = labelMatcher(selector).toString();
  const { items } = await client.list(pods, { namespace: object.metadata.namespace ?? '', labelSelector });
  return items.filter((pod) => isOwned(pod, object));
}

async function eventsAbout({ client }: Kube, object: AnyObject): Promise<Event[]> {
  const { name = '', namespace, uid } = object.metadata;
  const selector = [`involvedObject.name=${name}`, `involvedObject.kind=${object.kind}`];
  const { items } = await client.list<Event>(events, {
    ...(namespace !== undefined && { namespace }),
    fieldSelector: selector.join(','),
  });
  // Events of nodes bear the name where they should have the uid.
  return items.filter(({ involvedObject }) => !involvedObject?.uid || [uid, name].includes(involvedObject.uid));
}
