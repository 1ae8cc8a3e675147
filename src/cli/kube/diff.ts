import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { applyObject } from '../../delivery/apply/applier.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { clock } from '../context.ts';
import { CliError } from '../errors.ts';
import type { FileFlags } from './apply.ts';
import { kustomized, manifestsOf } from './manifest-files.ts';
import { maskedSecrets } from './mask-secrets.ts';
import { placeOf, type Selection, typed } from './selection.ts';
import { type Kube, withKube } from './session.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

/** `timonel diff -f FILE`: what `apply` would change, by $KUBECTL_EXTERNAL_DIFF or diff -u -N; exit code 1: something. */
export async function diff(flags: FileFlags): Promise<void> {
  if (!flags.filename?.length && !flags.kustomize) throw new CliError('must specify one of -f and -k', { exitCode: 2 });
  const manifests = flags.kustomize
    ? await kustomized(flags.kustomize)
    : await manifestsOf(flags.filename ?? [], flags.recursive ?? false);
  await withKube(flags, async (kube) => {
    const directories = await Promise.all(['LIVE-', 'MERGED-'].map((name) => mkdtemp(join(tmpdir(), name))));
    const [live = '', merged = ''] = directories;
    try {
      for (const { object } of manifests) {
        const { selection, before, after } = await tried(kube, object, flags);
        const file = fileName(selection, after);
        const masked = selection.resource.kind === 'Secret' ? maskedSecrets(before, after) : { before, after };
        if (masked.before) await writeFile(join(live, file), shown(selection, masked.before), { mode: 0o600 });
        await writeFile(join(merged, file), shown(selection, masked.after), { mode: 0o600 });
      }
      const program = process.env['KUBECTL_EXTERNAL_DIFF'] || 'diff -u -N';
      const child = spawn('sh', ['-c', `${program} "$1" "$2"`, 'sh', live, merged], { stdio: 'inherit' });
      const [code] = (await once(child, 'close')) as [number | null];
      process.exitCode = code ?? 2;
    } finally {
      for (const directory of directories) await rm(directory, { recursive: true });
    }
  });
}

interface Tried {
  selection: Selection;
  before: KubeObject | undefined;
  after: KubeObject;
}

async function tried(kube: Kube, object: KubeObject, { fieldManager }: FileFlags): Promise<Tried> {
  const { client, namespace } = kube;
  const mapper = createResourceMapper(client);
  const resource = await mapper.resourceOf(object.apiVersion ?? '', object.kind ?? '');
  const { name = '', namespace: own } = object.metadata;
  const selection = { resource, name, ...(own !== undefined && { namespace: own }) };
  const before = await client.get<KubeObject>(resource, placeOf(kube, selection)).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  const manager = fieldManager ?? 'kubectl-client-side-apply';
  const context = { client, mapper, clock, namespace, dryRun: true, fieldManager: manager };
  const { object: after } = await applyObject(context, object, { lastApplied: 'annotation' });
  return { selection, before, after: withAnnotationOf(before, after) };
}

/** The note of what was applied is no change that anybody looks for. */
function withAnnotationOf(before: KubeObject | undefined, after: KubeObject): KubeObject {
  const { [lastAppliedAnnotation]: _, ...annotations } = after.metadata.annotations ?? {};
  const kept = before?.metadata.annotations?.[lastAppliedAnnotation];
  const all = { ...annotations, ...(kept !== undefined && { [lastAppliedAnnotation]: kept }) };
  const { annotations: _dropped, ...metadata } = after.metadata;
  return { ...after, metadata: { ...metadata, ...(Object.keys(all).length > 0 && { annotations: all }) } };
}

/** `apps.v1.Deployment.shop.web` */
function fileName({ resource }: Selection, { metadata }: KubeObject): string {
  const { group, version, kind } = resource;
  return [...(group ? [group] : []), version, kind, metadata.namespace ?? '', metadata.name ?? ''].join('.');
}

function shown({ resource }: Selection, object: KubeObject): string {
  const { managedFields: _, ...metadata } = object.metadata;
  return emitYaml(typed(resource, { ...object, metadata }));
}
