import type { KubeObject } from '../../api/object.ts';
import { objectPath } from '../../client/request-path.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, changeObjects, dryRunOf, specOf } from './change-objects.ts';
import { placeOf, type Selection } from './selection.ts';
import type { Kube } from './session.ts';

export interface ScaleFlags extends ChangeFlags {
  replicas: string;
  currentReplicas?: string;
  resourceVersion?: string;
}

/** `timonel scale deploy/web --replicas=3`, by the scale subresource that every scalable kind has. */
export async function scale(words: readonly string[], flags: ScaleFlags): Promise<void> {
  const replicas = Number(flags.replicas);
  if (!Number.isInteger(replicas) || replicas < 0)
    throw new CliError('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0');
  await changeObjects(words, flags, ({ metadata }) => {
    if (flags.resourceVersion && metadata.resourceVersion !== flags.resourceVersion) {
      throw new CliError(
        `Expected resource version to be ${flags.resourceVersion}, was ${metadata.resourceVersion ?? ''}`,
      );
    }
    return { send: (kube, selection) => scaleOne(kube, selection, { replicas, flags }), said: 'scaled' };
  });
}

async function scaleOne(
  { client, ...kube }: Kube,
  selection: Selection,
  { replicas, flags }: { replicas: number; flags: ScaleFlags },
): Promise<KubeObject> {
  const { resource } = selection;
  const place = placeOf({ client, ...kube }, selection);
  if (flags.currentReplicas !== undefined) {
    const now = (await client.raw('GET', objectPath(resource, place, 'scale'))) as KubeObject;
    const count = specOf<{ replicas?: number }>(now).replicas ?? 0;
    if (count !== Number(flags.currentReplicas))
      throw new CliError(`Expected replicas to be ${flags.currentReplicas}, was ${count}`);
  }
  const options = { subresource: 'scale', ...(dryRunOf(flags) === 'server' && { dryRun: true }) };
  await client.patch(resource, place, { kind: 'merge', document: { spec: { replicas } } }, options);
  return client.get(resource, place);
}
