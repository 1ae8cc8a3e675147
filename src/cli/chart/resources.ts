import type { KubeObject } from '../../api/object.ts';
import type { Resource } from '../../client/client.ts';
import { collectionPath, objectPath } from '../../client/request-path.ts';
import { pods } from '../../client/resources.ts';
import { objectsOf } from '../../delivery/charts/actions/objects.ts';
import type { Release } from '../../delivery/charts/release/release.ts';
import { createColumns } from '../../delivery/inspect/columns.ts';
import { tableAt, tableText } from '../kube/tables.ts';
import type { CliReleaseContext } from './context.ts';

type Context = Pick<CliReleaseContext, 'client' | 'mapper'>;

/** Where something of a release is in the cluster, and under which heading `helm status` has it: `v1/Service`. */
interface Place {
  heading: string;
  path: string;
  resource: Resource;
}

/** What of a release's objects is in the cluster, and their pods, as `helm status` tells it. */
export async function liveResources(context: Context, release: Release): Promise<Record<string, KubeObject[]>> {
  return byHeading(await placesOf(context, release), async ({ path, resource }) => {
    const { group, version, kind } = resource;
    const found = (await context.client.raw('GET', path)) as KubeObject & { items?: KubeObject[] };
    const type = { apiVersion: group === '' ? version : `${group}/${version}`, kind };
    return (found.items ?? [found]).map((object) => ({ ...type, ...object }));
  });
}

/** The same as tables, such as `kubectl get` prints them. */
export async function resourceTables(context: Context, release: Release): Promise<string> {
  const tables = await byHeading(await placesOf(context, release), async ({ path }) => {
    const table = await tableAt(context.client, path);
    return (table.rows ?? []).length === 0 ? [] : [table];
  });
  return Object.entries(tables)
    .map(([heading, [first, ...more]]) => {
      const table = { ...first, kind: 'Table', rows: [first, ...more].flatMap((each) => each?.rows ?? []) };
      const options = { wide: false, withNamespace: false };
      return `==> ${heading}\n${tableText(table, options, { columns: createColumns(), headers: true })}\n`;
    })
    .join('');
}

/** What is not there, or may not be seen, is left out. */
async function byHeading<T>(
  places: readonly Place[],
  read: (place: Place) => Promise<T[]>,
): Promise<Record<string, T[]>> {
  const found = await Promise.all(places.map((place) => read(place).catch(() => [])));
  const groups: Record<string, T[]> = {};
  for (const [i, { heading }] of places.entries()) {
    const items = found[i] ?? [];
    if (items.length > 0) (groups[heading] ??= []).push(...items);
  }
  return groups;
}

async function placesOf({ mapper }: Context, release: Release): Promise<Place[]> {
  const places = await Promise.all(
    objectsOf(release.manifest).map(async (object): Promise<Place[]> => {
      const resource = await mapper.servedResourceOf(object.apiVersion ?? '', object.kind ?? '').catch(() => undefined);
      if (!resource) return [];
      const { name = '', namespace = release.namespace } = object.metadata;
      const path = objectPath(resource, { name, ...(resource.namespaced && { namespace }) });
      const own = { heading: `${resource.version}/${resource.kind}`, path, resource };
      const selector = podSelector(object);
      return selector === '' ? [own] : [own, relatedPods(namespace, selector)];
    }),
  );
  const seen = new Set<string>();
  return places.flat().filter(({ path }) => !seen.has(path) && seen.add(path));
}

function relatedPods(namespace: string, labelSelector: string): Place {
  const query = new URLSearchParams({ labelSelector }).toString();
  return { heading: 'v1/Pod(related)', path: `${collectionPath(pods, namespace)}?${query}`, resource: pods };
}

const withPods = ['ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController'];

/** `app=web`, from what a workload's manifest says of its pods. */
function podSelector({ kind = '', ...object }: KubeObject): string {
  if (!withPods.includes(kind)) return '';
  const { selector } = (object as { spec?: { selector?: Record<string, unknown> } }).spec ?? {};
  const labels = kind === 'ReplicationController' ? selector : selector?.['matchLabels'];
  return Object.entries((labels ?? {}) as Record<string, unknown>)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(',');
}
