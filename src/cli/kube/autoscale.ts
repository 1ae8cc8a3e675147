import type { AnyObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { objectPath } from '../../client/request-path.ts';
import { horizontalPodAutoscalers } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { create, type MakeFlags } from './create/make.ts';
import { placeOf, type Selection, selectionOf, type SelectionFlags } from './selection.ts';
import { type Kube, withKube } from './session.ts';

export interface AutoscaleFlags extends MakeFlags, SelectionFlags {
  min?: string;
  max: string;
  cpuPercent?: string;
  name?: string;
}

/** `timonel autoscale deploy/web --max=5 --cpu-percent=80`: a horizontal pod autoscaler (autoscaling/v2). */
export async function autoscale(words: readonly string[], flags: AutoscaleFlags): Promise<void> {
  const max = Number(flags.max);
  const min = flags.min === undefined ? undefined : Number(flags.min);
  if (!Number.isInteger(max) || max < 1)
    throw new CliError(`--max=MAXPODS is required and must be at least 1, max: ${flags.max}`);
  if (min !== undefined && max < min)
    throw new CliError(`--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`);
  await withKube(flags, async (kube) => {
    for (const selection of await selectionOf(kube, words, flags)) {
      const { resource, name } = selection;
      if (name === undefined) throw new CliError('resource(s) were provided, but no name was specified');
      await requireScale(kube, selection);
      const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
      const object: AnyObject = {
        metadata: { name: flags.name ?? name },
        spec: {
          maxReplicas: max,
          ...(min !== undefined && { minReplicas: min }),
          scaleTargetRef: { apiVersion, kind: resource.kind, name },
          ...(flags.cpuPercent && { metrics: [cpuMetric(Number(flags.cpuPercent))] }),
        },
      };
      await create(kube, horizontalPodAutoscalers, { ...flags, verb: 'autoscaled' }, object);
    }
  });
}

/** Rejects with CliError when the object is of a kind that has no replicas to scale. */
async function requireScale(kube: Kube, selection: Selection): Promise<void> {
  const { resource } = selection;
  const place = placeOf(kube, selection);
  await kube.client.get(resource, place);
  const { kind, plural } = resource;
  const groupVersion = `${resource.group}/${resource.version}`;
  await kube.client.raw('GET', objectPath(resource, place, 'scale')).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
    const what = `${groupVersion}, Resource=${plural}`;
    throw new CliError(
      `cannot autoscale a ${kind}: could not find scale subresource for ${what} in discovery information`,
      { cause: error },
    );
  });
}

function cpuMetric(averageUtilization: number): Record<string, unknown> {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}
