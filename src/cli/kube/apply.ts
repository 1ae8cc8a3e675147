import type { AnyObject, KubeObject } from '../../api/object.ts';
import { ApiError, isApiError } from '../../api/status.ts';
import type { ObjectName, Resource } from '../../client/client.ts';
import { type ApplyContext, applyObject } from '../../delivery/apply/applier.ts';
import { UnknownKindError } from '../../delivery/apply/errors.ts';
import type { Manifest } from '../../delivery/apply/manifests.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { waitForObjects } from '../../delivery/apply/wait.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import { kustomized, manifestsOf } from './manifest-files.ts';
import { objectPrinter } from './print-objects.ts';
import { prunable } from './prune.ts';
import { shownName } from './resource-finder.ts';
import { typed } from './selection.ts';
import { FileError, type Kube, type KubeFlags, withKube } from './session.ts';

/** Flags of commands that take objects from files. */
export interface FileFlags extends KubeFlags {
  filename?: string[];
  kustomize?: string;
  recursive?: boolean;
  output?: string;
  /** True: the flag without a value, which is `client`. */
  dryRun?: string | true;
  validate?: string | true;
  fieldManager?: string;
  selector?: string;
  showManagedFields?: boolean;
}

export interface ApplyFlags extends FileFlags {
  serverSide?: boolean;
  forceConflicts?: boolean;
  prune?: boolean;
  all?: boolean;
}

/** `timonel apply -f FILE`: three-way patches with kubectl's own annotation, so that both tools can be used in turn. */
export async function apply(flags: ApplyFlags): Promise<void> {
  if (flags.prune && !flags.selector && !flags.all) {
    throw new CliError(
      'all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector',
    );
  }
  await eachManifest(flags, 'apply', async (context, manifest) => {
    if (flags.serverSide) {
      const serverSide = { force: flags.forceConflicts ?? false };
      const own = { ...context, serverSide, fieldManager: flags.fieldManager ?? 'kubectl' };
      const { resource, object } = await applyObject(own, manifest.object);
      return { action: 'serverside-applied', resource, object };
    }
    const { action, resource, object } = await applyObject(context, manifest.object, { lastApplied: 'annotation' });
    // Without the server nobody knows what would change: kubectl says that something does.
    const isGuess = flags.dryRun === true || flags.dryRun === 'client';
    return { action: isGuess && action === 'unchanged' ? 'configured' : action, resource, object };
  });
}

/** `timonel create -f FILE`. */
export async function create(flags: FileFlags): Promise<void> {
  if (!flags.filename?.length && !flags.kustomize) throw new CliError('must specify one of -f and -k');
  await eachManifest(flags, 'create', async (context, { object }, kube) => {
    const resource = await context.mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
    const { name, namespace, ...metadata } = object.metadata;
    const where = resource.namespaced ? { namespace: namespace ?? kube.namespace } : {};
    const placed = { ...object, metadata: { ...metadata, ...(name !== undefined && { name }), ...where } };
    const options = { fieldManager: context.fieldManager ?? 'kubectl-create', ...writeFlags(flags) };
    // What is there already is no matter to a dry run without the server.
    if (flags.dryRun === 'client') return { action: 'created', resource, object: placed };
    return { action: 'created', resource, object: await kube.client.create<KubeObject>(resource, placed, options) };
  });
}

/** `timonel replace -f FILE`: what is there becomes what the file says, whole; with `force` by another object. */
export async function replace(flags: FileFlags & { force?: boolean }): Promise<void> {
  await eachManifest(flags, 'replace', async (context, { object }, kube) => {
    const resource = await context.mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
    const { name = '', namespace } = object.metadata;
    const where = resource.namespaced ? { namespace: namespace ?? kube.namespace } : {};
    const placed = { ...object, metadata: { ...object.metadata, ...where } };
    const options = { fieldManager: context.fieldManager ?? 'kubectl-replace', ...writeFlags(flags) };
    if (flags.dryRun === 'client') return { action: 'replaced', resource, object: placed };
    if (!flags.force) {
      const { metadata } = await kube.client.get<KubeObject>(resource, { name, ...where });
      // Whoever names no version means whichever is there.
      const resourceVersion = placed.metadata.resourceVersion ?? metadata.resourceVersion ?? '';
      const wanted = { ...placed, metadata: { ...placed.metadata, resourceVersion } };
      return { action: 'replaced', resource, object: await kube.client.update<KubeObject>(resource, wanted, options) };
    }
    await removed(kube, resource, { name, ...where });
    return { action: 'replaced', resource, object: await kube.client.create<KubeObject>(resource, placed, options) };
  });
}

/** Deletes an object, and waits until it is gone. */
async function removed({ client }: Kube, resource: Resource, name: ObjectName): Promise<void> {
  try {
    await client.delete(resource, name, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return;
    throw error;
  }
  await waitForObjects({
    client,
    clock,
    targets: [{ resource, name }],
    timeoutMs: replaceMs,
    until: (object) => (object ? { state: 'progressing', reason: 'it is still there' } : { state: 'ready' }),
  });
}

const replaceMs = 5 * 60_000;

interface Done {
  action: string;
  resource: Resource;
  object: KubeObject;
}

type Work = (context: ApplyContext, manifest: Manifest, kube: Kube) => Promise<Done>;

/** One after another, in the order of the files; what fails is told, and the others follow. */
async function eachManifest(
  flags: FileFlags & Partial<ApplyFlags>,
  verb: 'apply' | 'create' | 'replace',
  work: Work,
): Promise<void> {
  if (flags.kustomize && flags.filename?.length) throw new CliError('only one of -f or -k can be specified');
  if (!flags.kustomize && !flags.filename?.length) throw new CliError('must specify one of -f and -k');
  const printer = await objectPrinter(flags.output, { showManagedFields: flags.showManagedFields ?? false });
  const manifests = flags.kustomize
    ? await kustomized(flags.kustomize)
    : await manifestsOf(flags.filename ?? [], flags.recursive ?? false);
  await withKube(flags, async (kube) => {
    const { client, namespace } = kube;
    const mapper = createResourceMapper(client);
    const context: ApplyContext = {
      client,
      mapper,
      clock,
      namespace,
      fieldManager: flags.fieldManager ?? 'kubectl-client-side-apply',
      ...writeFlags(flags),
    };
    const chosen = await selected(manifests, flags.selector);
    if (chosen.length === 0) throw new CliError(`no objects passed to ${verb}`);
    const done: Done[] = [];
    for (const manifest of chosen) {
      try {
        requireNamespace(manifest, flags);
        done.push(await work(context, manifest, kube));
      } catch (error) {
        kube.fail(explained(error, manifest, verb));
        continue;
      }
      if (!printer) say(done.at(-1) as Done, flags.dryRun);
    }
    if (flags.prune) done.push(...(await prune(kube, done, flags)));
    if (!printer || done.length === 0) return;
    const objects = done.map(({ resource, object }) => typed(resource, object));
    // `create` prints one object after another, `apply` a list of them.
    const list = { kind: 'List', apiVersion: 'v1', metadata: {}, items: objects };
    const printed = verb !== 'apply' || objects.length === 1 ? objects : [list as AnyObject];
    process.stdout.write(printed.map((object) => printer.print(object)).join(flags.output === 'yaml' ? '---\n' : ''));
  });
}

function writeFlags({ dryRun, validate = true }: FileFlags): {
  dryRun?: boolean;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
} {
  if (dryRun !== undefined && dryRun !== true && !['none', 'client', 'server'].includes(dryRun)) {
    throw new CliError(`Invalid dry-run value (${dryRun}). Must be "none", "server", or "client".`);
  }
  const modes = { true: 'Strict', strict: 'Strict', warn: 'Warn', false: 'Ignore', ignore: 'Ignore' } as const;
  const fieldValidation = modes[String(validate) as keyof typeof modes];
  if (!fieldValidation) throw new CliError(`invalid - validate option "${String(validate)}"`);
  return { fieldValidation, ...(dryRun && dryRun !== 'none' && { dryRun: true }) };
}

async function selected(manifests: readonly Manifest[], selector: string | undefined): Promise<readonly Manifest[]> {
  if (!selector) return manifests;
  const { parseLabelSelector } = await import('../../api/label-selector.ts');
  const matcher = parseLabelSelector(selector);
  return manifests.filter(({ object }) => matcher.matches(object.metadata.labels ?? {}));
}

function requireNamespace({ object }: Manifest, { namespace }: FileFlags): void {
  const own = object.metadata.namespace;
  if (!namespace || !own || own === namespace) return;
  throw new CliError(
    `the namespace from the provided object "${own}" does not match the namespace "${namespace}". You must pass '--namespace=${own}' to perform this operation.`,
  );
}

function say({ action, resource, object }: Done, dryRun: string | true | undefined): void {
  const suffix = !dryRun || dryRun === 'none' ? '' : dryRun === 'server' ? ' (server dry run)' : ' (dry run)';
  process.stdout.write(`${shownName(resource, object.metadata.name ?? '')} ${action}${suffix}\n`);
}

function explained(error: unknown, { object, source }: Manifest, verb: 'apply' | 'create' | 'replace'): unknown {
  if (error instanceof UnknownKindError) {
    const { name = '', namespace = '' } = object.metadata;
    return new CliError(
      `resource mapping not found for name: "${name}" namespace: "${namespace}" from "${source}": no matches for kind "${error.kind}" in version "${error.apiVersion}"`,
      { hint: 'ensure CRDs are installed first' },
    );
  }
  if (!(error instanceof ApiError)) return error;
  const doing =
    verb === 'replace'
      ? 'replacing'
      : verb === 'create' || isApiError(error, 'NotFound', 'AlreadyExists', 'BadRequest')
        ? 'creating'
        : 'applying patch to';
  return new FileError(error, `error when ${doing} "${source}"`);
}

async function prune(kube: Kube, kept: readonly Done[], flags: ApplyFlags): Promise<Done[]> {
  const gone = await prunable(kube, kept, flags.selector);
  for (const { resource, object } of gone) {
    const { name = '', namespace } = object.metadata;
    const { dryRun } = writeFlags(flags);
    const where = namespace === undefined ? {} : { namespace };
    await kube.client.delete(
      resource,
      { name, ...where },
      { propagationPolicy: 'Background', ...(dryRun && { dryRun }) },
    );
    if (!flags.output) say({ action: 'pruned', resource, object }, flags.dryRun);
  }
  return gone.map((each) => ({ ...each, action: 'pruned' }));
}
