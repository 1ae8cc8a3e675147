import { applyObject } from '../../delivery/apply/applier.ts';
import { applyContext } from '../../delivery/charts/actions/context.ts';
import { objectsOf } from '../../delivery/charts/actions/objects.ts';
import { createLookup } from '../../delivery/charts/render/lookup.ts';
import { type Prepared, prepareRelease, type PrepareOptions } from '../../delivery/charts/render/prepare.ts';
import { withCluster } from './context.ts';
import type { ClusterFlags } from './flags.ts';
import { clusterCapabilities } from './install.ts';

/** Renders with what a cluster has and, when `checks`, lets it say what it thinks of every object (a dry run). */
export async function prepareAgainstCluster(
  flags: ClusterFlags,
  options: PrepareOptions,
  { checks }: { checks: boolean },
): Promise<Prepared> {
  return withCluster(flags, async (context) => {
    const prepared = await prepareRelease({
      ...options,
      release: { ...options.release, namespace: context.namespace },
      capabilities: await clusterCapabilities(context),
      lookup: createLookup(context.client, context.mapper),
    });
    if (checks) {
      for (const object of objectsOf(prepared.manifest)) {
        await applyObject({ ...applyContext(context), dryRun: true }, object);
      }
    }
    return prepared;
  });
}
