import type { KubeObject } from '../../../api/object.ts';
import { isApiError } from '../../../api/status.ts';
import { applySet, describeApplyFailure, removeObject } from '../../apply/applier.ts';
import { type Applied, ManifestError, type WaitTarget } from '../../apply/errors.ts';
import { type Manifest, parseManifests } from '../../apply/manifests.ts';
import { identityOf, sortByKind } from '../../apply/order.ts';
import { resourceApiVersion } from '../../apply/resource-mapper.ts';
import { waitForObjects } from '../../apply/wait.ts';
import { ReleaseError } from '../release/release.ts';
import { applyContext, type OperationOptions, type ReleaseContext } from './context.ts';
import { managedByLabel } from '../../../api/well-known.ts';

/** The objects of a release's manifest, each with the namespace that it lands in. */
export function objectsOf(manifest: string): KubeObject[] {
  const found = manifestsOf(manifest);
  const seen = new Map<string, number>();
  for (const { object, line } of found) {
    const { kind, metadata } = object;
    if (!metadata.name) {
      if (metadata.generateName) continue;
      throw new ReleaseError(`${sourceOf(manifest, line).path}: a ${kind} has no name`);
    }
    const identity = identityOf(object);
    const other = seen.get(identity);
    if (other !== undefined) {
      const [first, second] = [sourceOf(manifest, other).path, sourceOf(manifest, line).path];
      throw new ReleaseError(`the manifest holds ${kind} "${metadata.name}" twice: by ${first} and by ${second}`);
    }
    seen.set(identity, line);
  }
  return found.map(({ object }) => object);
}

function manifestsOf(manifest: string): Manifest[] {
  try {
    return parseManifests(manifest, 'manifest');
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { path, line } = sourceOf(manifest, error.line);
    const message = error.message.slice(error.message.indexOf(': ') + 2);
    throw new ReleaseError(`${path}: line ${error.line - line} of a document: ${message}`, { cause: error });
  }
}

/** The template that a line of a manifest comes from, and the line (from 1) where its document says so. */
function sourceOf(manifest: string, line: number): { path: string; line: number } {
  const lines = manifest.split('\n', line);
  for (let at = lines.length - 1; at >= 0; at--) {
    const [, path] = /^# Source: (\S+)$/.exec(lines[at] ?? '') ?? [];
    if (path !== undefined) return { path, line: at + 1 };
  }
  return { path: 'manifest', line: 0 };
}

const releaseName = 'meta.helm.sh/release-name';
const releaseNamespace = 'meta.helm.sh/release-namespace';

interface Owner {
  name: string;
  namespace: string;
}

/** The object, marked as the release's own, as Helm marks it. */
export function owned(object: KubeObject, { name, namespace }: Owner): KubeObject {
  const { labels, annotations } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...labels, [managedByLabel]: 'Helm' },
      annotations: { ...annotations, [releaseName]: name, [releaseNamespace]: namespace },
    },
  };
}

/** What of an object's marks is not this release's; undefined: it is its own. In Helm's words. */
function ownershipProblem({ metadata }: KubeObject, { name, namespace }: Owner): string | undefined {
  const problems = [
    markProblem('label', managedByLabel, metadata.labels?.[managedByLabel], 'Helm'),
    markProblem('annotation', releaseName, metadata.annotations?.[releaseName], name),
    markProblem('annotation', releaseNamespace, metadata.annotations?.[releaseNamespace], namespace),
  ].filter((problem) => problem !== undefined);
  return problems.length === 0 ? undefined : `invalid ownership metadata; ${problems.join('; ')}`;
}

function markProblem(what: string, key: string, found: string | undefined, wanted: string): string | undefined {
  if (found === wanted) return undefined;
  return found === undefined
    ? `${what} validation error: missing key "${key}": must be set to "${wanted}"`
    : `${what} validation error: key "${key}" must equal "${wanted}": current value is "${found}"`;
}

/**
 * Looks, before anything is changed, whether objects that are to be made are there already and somebody else's. Rejects
 * with {@link ReleaseError}; unknown kinds are told as well.
 */
export async function checkConflicts(
  context: ReleaseContext,
  objects: readonly KubeObject[],
  { owner, operation }: { owner: Owner; operation: string },
): Promise<void> {
  await Promise.all(
    objects.map(async (object) => {
      const live = await liveObject(context, object);
      const problem = live && ownershipProblem(live, owner);
      if (problem === undefined) return;
      const { name, namespace = '' } = live?.metadata ?? {};
      throw new ReleaseError(
        `unable to continue with ${operation}: ${object.kind} "${name}" in namespace "${namespace}" exists and cannot ` +
          `be imported into the current release: ${problem}`,
        { hint: 'Take it over with --take-ownership, or give one of the two another name.' },
      );
    }),
  );
}

/** What the cluster has of an object; undefined: nothing, or it has no name yet. Unknown kinds are told. */
async function liveObject(context: ReleaseContext, object: KubeObject): Promise<KubeObject | undefined> {
  const resource = await context.mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
  const { name = '', namespace = context.namespace } = object.metadata;
  if (name === '') return undefined;
  try {
    return await context.client.get(resource, { name, ...(resource.namespaced && { namespace }) });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Objects that bear the marks of somebody else, or none: they are not the release's to delete (Helm 4.3). */
export async function foreignObjects(
  context: ReleaseContext,
  objects: readonly KubeObject[],
  owner: Owner,
): Promise<KubeObject[]> {
  const found = await Promise.all(
    objects.map(async (object) => {
      // What cannot be read is tried all the same: its deletion tells why.
      const live = await liveObject(context, object).catch(() => undefined);
      return live && ownershipProblem(live, owner) !== undefined ? [object] : [];
    }),
  );
  return found.flat();
}

export interface Change {
  owner: Owner;
  /** Objects of the release as it was; what is not wanted any more of them goes. */
  previous: readonly KubeObject[];
  wanted: readonly KubeObject[];
  /** Of the release: see `withApplyMethod`. */
  applyMethod?: string | undefined;
}

/** Brings the cluster from one set of objects to another, and waits for them where that is asked for. */
export async function bringObjects(
  context: ReleaseContext,
  change: Change,
  options: Pick<OperationOptions, 'force' | 'forceConflicts' | 'wait' | 'waitForJobs' | 'timeoutMs' | 'rollout'>,
): Promise<void> {
  const { wanted } = change;
  let { previous } = change;
  if (options.rollout) {
    return options.rollout({ previous, wanted }, async (objects) => {
      const applied = await changeObjects(context, { ...change, previous, wanted: objects }, options);
      previous = objects;
      return applied;
    });
  }
  const applied = await changeObjects(context, change, options);
  if (options.wait) await waitForApplied(context, applied, options);
}

/** Brings the cluster from one set of objects to another. Rejects with {@link ApplyError}. */
async function changeObjects(
  context: ReleaseContext,
  { owner, previous, wanted, applyMethod }: Change,
  options: Pick<OperationOptions, 'force' | 'forceConflicts'>,
): Promise<Applied[]> {
  const served = await servedObjects(context, previous);
  const before = new Map(served.map((object) => [placedIdentity(object, context.namespace), object]));
  const serverSide = applyMethod === 'ssa' && { serverSide: { force: options.forceConflicts ?? false } };
  return applySet(
    { ...applyContext(context), ...serverSide },
    wanted.map((object) => owned(object, owner)),
    {
      lastApplied: (object) => before.get(placedIdentity(object, context.namespace)),
      replace: options.force,
      prune: { objects: served.filter((object) => !isKept(object)) },
    },
  );
}

/** Old objects, in versions that are served now: those that are gone are none of the cluster's any more. */
export async function servedObjects(context: ReleaseContext, objects: readonly KubeObject[]): Promise<KubeObject[]> {
  const found = await Promise.all(
    objects.map(async (object): Promise<KubeObject[]> => {
      const resource = await context.mapper.servedResourceOf(object.apiVersion ?? '', object.kind ?? '');
      if (!resource) {
        context.say(
          `${object.kind} "${object.metadata.name}" is of ${object.apiVersion}, which the server does not serve any more: passed over`,
        );
        return [];
      }
      return [{ ...object, apiVersion: resourceApiVersion(resource) }];
    }),
  );
  return found.flat();
}

export function placedIdentity(object: KubeObject, namespace: string): string {
  return identityOf({ ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace || namespace } });
}

/** `helm.sh/resource-policy: keep` */
export function isKept({ metadata }: KubeObject): boolean {
  return metadata.annotations?.['helm.sh/resource-policy']?.toLowerCase().trim() === 'keep';
}

export interface RemoveOptions {
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Wait until they are gone. */
  wait?: { timeoutMs: number } | undefined;
}

/** Deletes objects in order. Gives those that stay by policy, and what went wrong with others. */
export async function removeObjects(
  context: ReleaseContext,
  objects: readonly KubeObject[],
  { propagationPolicy = 'Background', wait }: RemoveOptions,
): Promise<{ kept: KubeObject[]; failures: string[] }> {
  const kept = objects.filter(isKept);
  const going = sortByKind(
    objects.filter((object) => !isKept(object)),
    ({ kind = '' }) => kind,
    'uninstall',
  );
  const removed: Applied[] = [];
  const failures: string[] = [];
  for (const object of going) {
    try {
      const done = await removeObject(applyContext(context), object, { propagationPolicy });
      if (done) removed.push(done);
    } catch (error) {
      failures.push(describeApplyFailure(object, error));
    }
  }
  if (wait) await waitForObjects({ ...waiting(context), targets: removed, until: 'gone', timeoutMs: wait.timeoutMs });
  return { kept, failures };
}

function waiting({ client, clock, signal }: ReleaseContext): Pick<ReleaseContext, 'client' | 'clock' | 'signal'> {
  return { client, clock, ...(signal && { signal }) };
}

/** Waits until what was applied is ready. Rejects with `WaitError`. */
async function waitForApplied(
  context: ReleaseContext,
  applied: readonly Applied[],
  { timeoutMs, waitForJobs }: Pick<OperationOptions, 'timeoutMs' | 'waitForJobs'>,
): Promise<void> {
  const targets: WaitTarget[] = applied.filter(
    ({ action, resource }) => action !== 'deleted' && (waitForJobs || resource.kind !== 'Job'),
  );
  await waitForObjects({ ...waiting(context), targets, timeoutMs });
}

/** Custom resource definitions of `crds/`: those that are there stay as they are, as Helm leaves them. */
export async function installDefinitions(
  context: ReleaseContext,
  manifests: readonly { name: string; text: string }[],
): Promise<void> {
  const targets: WaitTarget[] = [];
  for (const { name, text } of manifests) {
    for (const { object } of parseManifests(text, name)) {
      try {
        const resource = await context.mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
        const created = await context.client.create(resource, object);
        if (object.kind === 'CustomResourceDefinition')
          targets.push({ resource, name: { name: created.metadata.name ?? '' } });
      } catch (error) {
        if (isApiError(error, 'AlreadyExists')) continue;
        throw new ReleaseError(`failed to install CRD ${name}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
  if (targets.length === 0) return;
  await waitForObjects({ ...waiting(context), targets, timeoutMs: 60_000 });
  context.mapper.invalidate();
}

/** What an error says, for a release's description: never what a Secret holds. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
