import type { KubeObject } from '../../../api/object.ts';
import { ownAddressesOf } from '../../../api/service-addresses.ts';
import { isApiError } from '../../../api/status.ts';
import type { Resource } from '../../../client/client.ts';
import {
  configMaps,
  namespaces,
  networkPolicies,
  persistentVolumeClaims,
  pods as podsResource,
  secrets,
  services,
} from '../../../client/resources.ts';
import { projectLabel, projectLabels, serviceLabel } from '../translate/names.ts';
import { type ProjectContext, ProjectError, volumeName } from './context.ts';
import { keepVolumes } from './held-pods.ts';
import { ProjectWatch } from './project-watch.ts';
import { deleteWorkload, listWorkloads, projectSelector } from './workloads.ts';

export interface DownOptions {
  volumes: boolean;
  /** How long containers may take to end, in seconds; undefined: what their service says. */
  graceSeconds?: number | undefined;
  /** Only these; undefined: the whole project. */
  services?: readonly string[] | undefined;
  timeoutMs?: number;
}

/** Objects of a project beside its workloads and volumes. */
const belongings = [services, networkPolicies, configMaps, secrets] as readonly Resource[];

/**
 * Takes a project down: containers end, then their network goes. Named volumes stay, and with them the namespace,
 * unless
 * `volumes` is set. A namespace in which others keep things stays.
 */
export async function takeDown(context: ProjectContext, options: DownOptions): Promise<void> {
  const { namespace, client, project, report } = context;
  const found = await client.get(namespaces, { name: namespace }).catch(orUndefined);
  if (!found || found.metadata.labels?.[projectLabel] !== projectLabels(project)[projectLabel]) {
    context.warn(`No resource found to remove for project "${project}".`);
    return;
  }
  const watch = new ProjectWatch(context);
  const [live, objects] = await Promise.all([
    listWorkloads(context),
    client.list(services, { namespace }),
    watch.synced(),
  ]);
  const isWanted = (service: string): boolean => options.services === undefined || options.services.includes(service);
  const workloads = live.filter(({ service }) => isWanted(service));
  const names = new Set([...workloads.map(({ service }) => service), ...servicesOf(watch).filter(isWanted)]);
  for (const name of names) report({ what: 'Container', name, status: 'Stopping', state: 'working' });
  await Promise.all(workloads.map((workload) => deleteWorkload(context, workload)));
  await endPods(context, watch, { isWanted, graceSeconds: options.graceSeconds });
  // What is sent to an address that is nobody's any more would leave the machine: the last container ends first.
  const isLate = objects.items.some((service) => ownAddressesOf(service).length > 0);
  if (options.services === undefined && !isLate) await removeBelongings(context);
  await waitForEnd(context, watch, { names, timeoutMs: options.timeoutMs });
  if (options.services !== undefined) return;
  if (isLate) await removeBelongings(context);
  await removeRest(context, options.volumes);
}

function servicesOf(watch: ProjectWatch): string[] {
  return watch.pods().map(({ metadata }) => metadata.labels?.[serviceLabel] ?? '');
}

/** Pods end now, and not when their workload's deletion has reached them. */
async function endPods(
  context: ProjectContext,
  watch: ProjectWatch,
  { isWanted, graceSeconds }: { isWanted: (service: string) => boolean; graceSeconds: number | undefined },
): Promise<void> {
  const pods = watch.pods().filter(({ metadata }) => isWanted(metadata.labels?.[serviceLabel] ?? ''));
  await keepVolumes(context, pods);
  const { client, namespace } = context;
  await Promise.all(
    pods.map(({ metadata }) =>
      client
        .delete(
          podsResource,
          { name: metadata.name ?? '', namespace },
          { ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }) },
        )
        .catch(orUndefined),
    ),
  );
}

async function waitForEnd(
  context: ProjectContext,
  watch: ProjectWatch,
  { names, timeoutMs }: { names: ReadonlySet<string>; timeoutMs: number | undefined },
): Promise<void> {
  const left = new Set(names);
  const isOver = (): true | undefined => {
    for (const name of left) {
      if (watch.pods(name).length > 0) continue;
      left.delete(name);
      context.report({ what: 'Container', name, status: 'Removed', state: 'done' });
    }
    return left.size === 0 ? true : undefined;
  };
  await watch.until(isOver, { timeoutMs, describe: () => `still running: ${[...left].join(', ')}` });
}

async function removeBelongings(context: ProjectContext): Promise<void> {
  const { client, namespace, project } = context;
  const labelSelector = projectSelector(project);
  await Promise.all(belongings.map((resource) => client.deleteCollection(resource, { namespace, labelSelector })));
}

async function removeRest(context: ProjectContext, withVolumes: boolean): Promise<void> {
  const { client, namespace, project, report } = context;
  const labelSelector = projectSelector(project);
  const claims = await client.list(persistentVolumeClaims, { namespace });
  const own = claims.items.filter(({ metadata }) => metadata.labels?.[projectLabel] !== undefined);
  if (withVolumes) {
    await client.deleteCollection(persistentVolumeClaims, { namespace, labelSelector });
    for (const claim of own) {
      report({ what: 'Volume', name: volumeName(context, claim), status: 'Removed', state: 'done' });
    }
  }
  const kept = claims.items.length - (withVolumes ? own.length : 0);
  if (kept === 0 && !(await hasForeignThings(context)))
    await client.delete(namespaces, { name: namespace }).catch(orUndefined);
  report({ what: 'Network', name: `${project}_default`, status: 'Removed', state: 'done' });
}

/** Secrets and configs that somebody else keeps in the namespace: external ones, say. */
async function hasForeignThings({ client, namespace }: ProjectContext): Promise<boolean> {
  const lists = await Promise.all(
    [secrets, configMaps].map((resource) => client.list(resource as Resource, { namespace })),
  );
  return lists.some(({ items }) => items.some(isForeign));
}

function isForeign({ metadata }: KubeObject): boolean {
  return metadata.name !== 'kube-root-ca.crt' && metadata.labels?.[projectLabel] === undefined;
}

function orUndefined(error: unknown): undefined {
  if (isApiError(error, 'NotFound')) return undefined;
  throw error;
}

/** Refuses a project that is not there. */
export async function requireProject({ client, namespace, project }: ProjectContext): Promise<void> {
  const found = await client.get(namespaces, { name: namespace }).catch(orUndefined);
  if (found?.metadata.labels?.[projectLabel] === undefined)
    throw new ProjectError(`no such project: ${project}: it is not up`);
}
