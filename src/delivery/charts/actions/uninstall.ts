import type { KubeObject } from '../../../api/object.ts';
import { type Release, ReleaseError, ReleaseNotFound } from '../release/release.ts';
import { type OperationOptions, type ReleaseContext, timestamp } from './context.ts';
import { releaseAt } from './history.ts';
import { runHooks } from './hooks.ts';
import { foreignObjects, objectsOf, removeObjects, type RemoveOptions } from './objects.ts';

export interface UninstallOptions extends Pick<OperationOptions, 'timeoutMs' | 'wait' | 'noHooks'> {
  keepHistory: boolean;
  propagationPolicy: RemoveOptions['propagationPolicy'];
  description: string;
  ignoreNotFound: boolean;
}

export interface Uninstalled {
  release: Release;
  /** `[PersistentVolumeClaim] data` of objects that stay by their own policy. */
  kept: string[];
  /** The same of those that belong to somebody else by now. */
  foreign: string[];
}

/**
 * Removes a release: its objects, its history. A release that is pending can be removed like any other: that is a way
 * out as well. Undefined when there is none and that is no matter.
 */
export async function uninstallRelease(
  context: ReleaseContext,
  name: string,
  options: UninstallOptions,
): Promise<Uninstalled | undefined> {
  const found = await releaseAt(context, name).catch((error: unknown) => {
    if (!(error instanceof ReleaseNotFound)) throw error;
    if (options.ignoreNotFound) return undefined;
    throw new ReleaseError(`uninstall: Release not loaded: ${name}: ${error.message}`, { cause: error });
  });
  if (!found) return undefined;
  if (found.info.status === 'uninstalled') {
    if (options.keepHistory) throw new ReleaseError(`the release named ${JSON.stringify(name)} is already deleted`);
    await purge(context, name);
    return { release: found, kept: [], foreign: [] };
  }
  const { owner, ...unowned } = found;
  void owner;
  const release: Release = {
    ...unowned,
    info: {
      ...found.info,
      status: 'uninstalling',
      deleted: timestamp(context),
      description: 'Deletion in progress (or silently failed)',
    },
  };
  const record = (changed: Release): Promise<void> => context.storage.update(changed);
  if (!options.noHooks) await runHooks(context, release, { event: 'pre-delete', timeoutMs: options.timeoutMs, record });
  await context.storage.update(release);
  const objects = await everyObject(context, release);
  const foreign = await foreignObjects(context, objects, release);
  const own = objects.filter((object) => !foreign.includes(object));
  const { kept, failures } = await removeObjects(context, own, {
    propagationPolicy: options.propagationPolicy ?? 'Background',
    wait: options.wait ? { timeoutMs: options.timeoutMs } : undefined,
  });
  if (!options.noHooks)
    await runHooks(context, release, { event: 'post-delete', timeoutMs: options.timeoutMs, record });
  if (failures.length > 0) {
    throw new ReleaseError(`uninstallation completed with ${failures.length} error(s): ${failures.join('; ')}`, {
      hint: 'Run the command again when the cause is gone: what is left is tried again.',
    });
  }
  const done: Release = {
    ...release,
    info: { ...release.info, status: 'uninstalled', description: options.description || 'Uninstallation complete' },
  };
  if (options.keepHistory) await context.storage.update(done);
  else await purge(context, name);
  return { release: done, kept: kept.map(labelOf), foreign: foreign.map(labelOf) };
}

function labelOf({ kind, metadata }: KubeObject): string {
  return `[${kind}] ${metadata.name}`;
}

/** The objects of the newest revision, and what a failed change left of those since the last good one. */
async function everyObject(context: ReleaseContext, release: Release): Promise<ReturnType<typeof objectsOf>> {
  const revisions = await context.storage.index(release.name);
  const good = revisions.findLast(({ status }) => status === 'deployed')?.version ?? 0;
  const others = revisions.filter(({ version }) => version >= good && version !== release.version);
  const manifests = [release.manifest, ...others.map((revision) => revision.read().manifest)];
  const seen = new Map(
    manifests
      .flatMap((manifest) => objectsOf(manifest))
      .map((object) => {
        const { name, namespace = '' } = object.metadata;
        return [`${object.kind}/${namespace}/${name}`, object] as const;
      }),
  );
  return [...seen.values()];
}

async function purge({ storage }: ReleaseContext, name: string): Promise<void> {
  for (const { version } of await storage.index(name)) await storage.remove(name, version);
}
