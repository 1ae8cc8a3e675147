import type { AnyObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import type { Event } from '../../api/types/core-v1.ts';
import { events } from '../../client/resources.ts';
import { eventLines } from '../../delivery/inspect/describe/events.ts';
import { genericLines } from '../../delivery/inspect/describe/plain.ts';
import { alignTabs } from '../../delivery/inspect/tab-writer.ts';
import { clock } from '../context.ts';
import { ownLines } from './describe-lines.ts';
import { placeOf, type Selection, type SelectionFlags, selectionOf, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';

export interface DescribeFlags extends KubeFlags, SelectionFlags {
  selector?: string;
  allNamespaces?: boolean;
  showEvents?: string | boolean;
  chunkSize: string;
}

/** `timonel describe TYPE NAME`: an object, what belongs to it, and what happened to it. */
export async function describe(words: readonly string[], flags: DescribeFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const found: { selection: Selection; object: AnyObject }[] = [];
    for (const selection of await selectionOf(kube, words, flags)) {
      try {
        for (const object of await objectsOf(kube, selection, flags)) found.push({ selection, object });
      } catch (error) {
        const similar = isOnlyName(words, error) ? await beginningWith(kube, selection) : [];
        if (similar.length === 0) kube.fail(error);
        for (const object of similar) found.push({ selection, object });
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

/** `describe pod web` is about all pods whose names begin so where none is called so. */
function isOnlyName(words: readonly string[], error: unknown): boolean {
  return words.length === 2 && isApiError(error, 'NotFound');
}

async function beginningWith(kube: Kube, { resource, name = '' }: Selection): Promise<AnyObject[]> {
  const all = await objectsOf(kube, { resource });
  return all.filter((object) => object.metadata.name?.startsWith(name));
}

async function objectsOf(kube: Kube, selection: Selection, flags: Partial<DescribeFlags> = {}): Promise<AnyObject[]> {
  const { resource, name } = selection;
  if (name !== undefined) return [typed(resource, await kube.client.get(resource, placeOf(kube, selection)))];
  const { items } = await kube.client.list(resource, {
    ...(resource.namespaced && !flags.allNamespaces && { namespace: kube.namespace }),
    ...(flags.selector && { labelSelector: flags.selector }),
  });
  return items.map((item) => typed(resource, item));
}

/** Descriptions that end without events. */
const withoutEvents = new Set([
  ...['Secret', 'Namespace', 'Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'],
  ...['ResourceQuota', 'LimitRange', 'NetworkPolicy'],
]);

async function linesOf(kube: Kube, { resource }: Selection, object: AnyObject, withEvents: boolean): Promise<string[]> {
  const now = clock.now();
  const own = isBuiltIn(resource) ? await ownLines(kube, resource.kind, object, now) : undefined;

  if (!withEvents || (own && withoutEvents.has(resource.kind))) return own ?? genericLines(object);
  return [...(own ?? genericLines(object)), ...eventLines(await eventsAbout(kube, object), now)];
}

/** Groups of the API itself have no dot, or end so. */
function isBuiltIn({ group }: Selection['resource']): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
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
