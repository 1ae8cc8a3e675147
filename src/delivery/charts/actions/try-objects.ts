import type { KubeObject } from '../../../api/object.ts';
import { isApiError } from '../../../api/status.ts';
import { applyObject } from '../../apply/applier.ts';
import { ApplyError, UnknownKindError } from '../../apply/errors.ts';
import { describeApplyFailure } from '../../apply/applier.ts';
import { sortByKind } from '../../apply/order.ts';
import { applyContext, type ReleaseContext } from './context.ts';
import { type Change, isKept, owned, placedIdentity, servedObjects } from './objects.ts';

/** What would become of one object. */
export type Tried =
  | { action: 'created'; after: KubeObject }
  | { action: 'configured' | 'unchanged'; before: KubeObject; after: KubeObject }
  | { action: 'deleted'; before: KubeObject };

/**
 * What a change would do, by the server's own dry run (so that its defaults and admission count). Nothing changes.
 * Rejects with {@link ApplyError} at what the server would refuse; objects of a namespace or a kind that is not there
 * yet count as created, unchecked.
 */
export async function tryObjects(context: ReleaseContext, { owner, previous, wanted }: Change): Promise<Tried[]> {
  const served = await servedObjects(context, previous);
  const before = new Map(served.map((object) => [placedIdentity(object, context.namespace), object]));
  const results: Tried[] = [];
  for (const object of sortByKind(wanted, ({ kind = '' }) => kind, 'install')) {
    const lastApplied = before.get(placedIdentity(object, context.namespace));
    results.push(await tryObject(context, owned(object, owner), lastApplied));
  }
  const kept = new Set(wanted.map((object) => placedIdentity(object, context.namespace)));
  const gone = served.filter((object) => !isKept(object) && !kept.has(placedIdentity(object, context.namespace)));
  for (const object of sortByKind(gone, ({ kind = '' }) => kind, 'uninstall')) {
    const live = await liveOf(context, object);
    if (live) results.push({ action: 'deleted', before: live });
  }
  return results;
}

async function tryObject(context: ReleaseContext, object: KubeObject, lastApplied?: KubeObject): Promise<Tried> {
  let live: KubeObject | undefined;
  try {
    const { object: after } = await applyObject({ ...applyContext(context), dryRun: true }, object, {
      lastApplied,
      checkOwner: (found) => void (live = found),
    });
    if (!live) return { action: 'created', after };
    const isSame = JSON.stringify(withoutVersion(live)) === JSON.stringify(withoutVersion(after));
    return { action: isSame ? 'unchanged' : 'configured', before: live, after };
  } catch (error) {
    const isNew = error instanceof UnknownKindError || isApiError(error, 'NotFound');
    if (!live && isNew) return { action: 'created', after: object };
    throw new ApplyError(describeApplyFailure(object, error), [], error);
  }
}

function withoutVersion({ metadata, ...rest }: KubeObject): unknown {
  const { resourceVersion, generation, managedFields, ...kept } = metadata;
  void [resourceVersion, generation, managedFields];
  return { ...rest, metadata: kept };
}

async function liveOf(context: ReleaseContext, object: KubeObject): Promise<KubeObject | undefined> {
  const resource = await context.mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
  const { name = '', namespace = context.namespace } = object.metadata;
  try {
    const live = await context.client.get(resource, { name, ...(resource.namespaced && { namespace }) });
    return { apiVersion: object.apiVersion, kind: object.kind, ...live };
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
