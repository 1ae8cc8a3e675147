import { parseGoDuration } from '../../api/go-duration.ts';
import { parseLabelSelector } from '../../api/label-selector.ts';
import type { KubeObject } from '../../api/object.ts';
import { nodes, pods } from '../../client/resources.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, dryRunOf, objectsOf, say } from './change-objects.ts';
import { type DrainAllowances, sortOut } from './drain-filters.ts';
import { evictPods } from './evict.ts';
import { cordonChange, nodeWords } from './node-commands.ts';
import { type Kube, withKube } from './session.ts';

export interface DrainFlags extends ChangeFlags, DrainAllowances {
  gracePeriod: string;
  timeout: string;
  podSelector?: string;
}

/** `timonel drain NODE`: no more pods come, and those that are there are evicted, as their budgets allow it. */
export async function drain(names: readonly string[], flags: DrainFlags): Promise<void> {
  const dryRun = dryRunOf(flags);
  const timeoutMs = (parseGoDuration(flags.timeout) ?? Number.NaN) / 1e6;
  if (Number.isNaN(timeoutMs)) throw new CliError(`invalid argument "${flags.timeout}" for "--timeout" flag`);
  await withKube(flags, async (kube) => {
    const found = await objectsOf(kube, nodeWords(names, flags), flags);
    for (const { selection, object } of found) {
      const { patch, said } = cordonChange(object, true, 'cordoned');
      if (patch && dryRun !== 'client') {
        await kube.client.patch(nodes, { name: selection.name ?? '' }, patch, { dryRun: dryRun === 'server' });
      }
      say(selection, String(said), dryRun);
    }
    for (const { selection, object } of found) {
      try {
        await drainOne(kube, object, { flags, timeoutMs });
        say(selection, 'drained', dryRun);
      } catch (error) {
        kube.fail(error);
      }
    }
  });
}

async function drainOne(
  { client }: Kube,
  { metadata }: KubeObject,
  { flags, timeoutMs }: { flags: DrainFlags; timeoutMs: number },
): Promise<void> {
  const { name = '' } = metadata;
  const { items } = await client.list(pods, {
    fieldSelector: `spec.nodeName=${name}`,
    ...(flags.podSelector && { labelSelector: parseLabelSelector(flags.podSelector).toString() }),
  });
  const { leaving, refused, warnings } = sortOut(items, flags);
  if (refused.length > 0) {
    throw new CliError(
      `unable to drain node "${name}" due to error: ${refused.length === 1 ? refused[0] : `[${refused.join(', ')}]`}`,
      { hint: [`There are pending nodes to be drained:\n ${name}`, ...refused].join('\n') },
    );
  }
  if (warnings.length > 0) process.stderr.write(`Warning: ${warnings.join('; ')}\n`);
  const seconds = Number(flags.gracePeriod);
  const dryRun = dryRunOf(flags);
  const suffix = { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun];
  for (const { metadata: pod } of leaving) {
    process.stdout.write(`evicting pod ${pod.namespace ?? ''}/${pod.name ?? ''}${suffix}\n`);
  }
  if (dryRun !== 'none') return;
  await evictPods(client, leaving, {
    ...(seconds >= 0 && { gracePeriodSeconds: seconds }),
    ...(timeoutMs > 0 && { timeoutMs }),
    onGone: (pod) => process.stdout.write(`pod/${pod.metadata.name ?? ''} evicted\n`),
  });
}
