import { isApiError } from '../../../api/status.ts';
import type { DaemonSet } from '../../../api/types/apps-v1.ts';
import type { Job } from '../../../api/types/batch-v1.ts';
import type { Pod, PodTemplateSpec } from '../../../api/types/core-v1.ts';
import type { Resource } from '../../../client/client.ts';
import { daemonSets, deployments, jobs } from '../../../client/resources.ts';
import { oneOffLabel, projectLabel, projectLabels, serviceLabel } from '../translate/names.ts';
import type { Workload, WorkloadKind } from '../translate/workload.ts';
import type { ProjectContext } from './context.ts';

const resources: Readonly<Record<WorkloadKind, Resource<Workload>>> = {
  Deployment: deployments,
  DaemonSet: daemonSets,
  Job: jobs,
};

/** A service's workload in the cluster. */
export interface LiveWorkload {
  kind: WorkloadKind;
  service: string;
  name: string;
  object: Workload;
}

/** What of a cluster belongs to a project, as a selector of labels. */
export function projectSelector(project: string): string {
  return `${projectLabel}=${projectLabels(project)[projectLabel]}`;
}

/** The workloads of a project; those of `compose run` are not among them. */
export async function listWorkloads({ client, namespace, project }: ProjectContext): Promise<LiveWorkload[]> {
  const labelSelector = projectSelector(project);
  const lists = await Promise.all(
    (Object.keys(resources) as WorkloadKind[]).map(async (kind) => {
      const { items } = await client.list(resources[kind], { namespace, labelSelector });
      return items.map((object) => ({
        kind,
        service: object.metadata.labels?.[serviceLabel] ?? '',
        name: object.metadata.name ?? '',
        // Items of a list do not say what they are.
        object: { ...object, kind },
      }));
    }),
  );
  return lists.flat().filter(({ object }) => object.metadata.labels?.[oneOffLabel] !== 'True');
}

export function isJob(object: Workload): object is Job {
  return object.kind === 'Job';
}

/** No node has it: what a DaemonSet is stopped by. */
export const stoppedSelector = 'timonel.dev/stopped';

export function isDaemonSet(object: Workload): object is DaemonSet {
  return object.kind === 'DaemonSet';
}

/** How many containers a Deployment is to have. */
export function wantedReplicas(object: Workload): number | undefined {
  return isJob(object) || isDaemonSet(object) ? undefined : object.spec?.replicas;
}

export function templateOf({ object }: Pick<LiveWorkload, 'object'>): PodTemplateSpec | undefined {
  return object.spec?.template;
}

/** Whether a pod is of the template's version: annotations tell them apart. */
export function isOfTemplate(pod: Pod, template: PodTemplateSpec | undefined): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const annotations = Object.entries(template?.metadata?.annotations ?? {});
  return annotations.every(([key, value]) => pod.metadata.annotations?.[key] === value);
}

/** Deletes a workload and, after it, its pods. */
export async function deleteWorkload(
  { client, namespace }: ProjectContext,
  { kind, name }: { kind: WorkloadKind; name: string },
): Promise<void> {
  try {
    await client.delete(resources[kind], { name, namespace }, { propagationPolicy: 'Background' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

export async function patchWorkload(
  { client, namespace }: ProjectContext,
  { kind, name }: { kind: WorkloadKind; name: string },
  document: Record<string, unknown>,
): Promise<Workload> {
  return client.patch(resources[kind], { name, namespace }, { kind: 'merge', document });
}

export async function createWorkload({ client }: ProjectContext, object: Workload): Promise<Workload> {
  return client.create<Workload>(resources[object.kind as WorkloadKind], object);
}

/** Puts a workload back to what it was: its spec, and what was applied the last time. */
export async function restoreWorkload({ client, namespace }: ProjectContext, before: LiveWorkload): Promise<void> {
  const { kind, name, object } = before;
  const live = await client.get(resources[kind], { name, namespace });
  const metadata = { ...live.metadata, annotations: object.metadata.annotations };
  await client.update(resources[kind], { ...live, metadata, spec: object.spec });
}
