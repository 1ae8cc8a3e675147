import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { createResourceMapper } from '../../delivery/apply/resource-mapper.ts';
import { encodeJson } from '../../delivery/charts/functions/json.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, dryRunOf, objectsOf, say } from './change-objects.ts';
import { openEditor, withoutComments } from './edit.ts';
import { manifestsOf } from './manifest-files.ts';
import { objectPrinter } from './print-objects.ts';
import { placeOf, type Selection, typed } from './selection.ts';
import { type Kube, type KubeFlags, withKube } from './session.ts';
import { lastAppliedAnnotation } from '../../api/well-known.ts';

/** `timonel apply view-last-applied TYPE/NAME`: what was applied the last time, as kubectl keeps it. */
export async function viewLastApplied(words: readonly string[], flags: ChangeFlags): Promise<void> {
  const { output = 'yaml' } = flags;
  if (output !== 'yaml' && output !== 'json') {
    throw new CliError(`Unexpected -o output mode: ${output}, the flag 'output' must be one of yaml|json`, {
      hint: "See 'timonel apply view-last-applied -h' for help and examples",
    });
  }
  await withKube(flags, async (kube) => {
    // A type alone is all of it, as with `get`.
    for (const { object } of await objectsOf(kube, words, { ...flags, all: true })) {
      const text = object.metadata.annotations?.[lastAppliedAnnotation];
      // Nothing was applied: kubectl says nothing.
      if (text === undefined) continue;
      const applied = JSON.parse(text) as AnyObject;
      process.stdout.write(output === 'yaml' ? emitYaml(applied) : `${JSON.stringify(applied, null, 2)}\n`);
    }
  });
}

const example = `Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'`;

interface SetFlags extends KubeFlags {
  filename?: string[];
  recursive?: boolean;
  createAnnotation?: boolean;
  dryRun?: string;
  output?: string;
}

/** `timonel apply set-last-applied -f FILE`: as though that had been applied, with nothing else changed. */
export async function setLastApplied(flags: SetFlags): Promise<void> {
  if (!flags.filename?.length) {
    throw new CliError('You must provide one or more resources by argument or filename.', { hint: example });
  }
  const dryRun = dryRunOf(flags);
  const printer = await objectPrinter(flags.output);
  const manifests = await manifestsOf(flags.filename, flags.recursive ?? false);
  await withKube(flags, async (kube) => {
    const found: Pending[] = [];
    // All of them are looked at before the first is changed.
    for (const { object } of manifests) found.push(await pendingOf(kube, object, flags));
    for (const { selection, live, text } of found) {
      const { name = '', namespace } = live.metadata;
      if (live.metadata.annotations?.[lastAppliedAnnotation] === text) {
        process.stdout.write(`set-last-applied ${name}: no changes required.\n`);
        continue;
      }
      const document = { metadata: { annotations: { [lastAppliedAnnotation]: text } } };
      const place = { name, ...(namespace !== undefined && { namespace }) };
      const options = dryRun === 'server' ? { dryRun: true } : {};
      const { resource } = selection;
      const after =
        dryRun === 'client' ? live : await kube.client.patch(resource, place, { kind: 'merge', document }, options);
      if (printer) process.stdout.write(printer.print(typed(resource, after)));
      else say(selection, 'configured', dryRun);
    }
  });
}

interface Pending {
  selection: Selection;
  live: KubeObject;
  text: string;
}

async function pendingOf(kube: Kube, object: AnyObject, { createAnnotation }: SetFlags): Promise<Pending> {
  const { client, namespace } = kube;
  const resource = await createResourceMapper(client).resourceOf(object.apiVersion ?? '', object.kind ?? '');
  const { name = '', ...metadata } = object.metadata ?? {};
  const where = resource.namespaced ? { namespace: metadata.namespace ?? namespace } : {};
  const live = await client.get<KubeObject>(resource, { name, ...where });
  if (live.metadata.annotations?.[lastAppliedAnnotation] === undefined && !createAnnotation) {
    throw new CliError(
      `no last-applied-configuration annotation found on resource: ${name}, to create the annotation, run the command with --create-annotation`,
    );
  }
  const text = `${encodeJson({ ...object, metadata: { ...metadata, name, ...where } })}\n`;
  return { selection: { resource, name, ...where }, live, text };
}

/** `timonel apply edit-last-applied TYPE/NAME`: what was applied the last time, in an editor. Nothing else changes. */
export async function editLastApplied(words: readonly string[], flags: ChangeFlags): Promise<void> {
  if (words.length === 0 && !flags.filename?.length) {
    throw new CliError('You must provide one or more resources by argument or filename.', { hint: example });
  }
  await withKube(flags, async (kube) => {
    const directory = await mkdtemp(join(tmpdir(), 'timonel-edit-'));
    try {
      for (const { selection, object } of await objectsOf(kube, words, flags)) {
        const file = join(directory, `${selection.resource.plural}-${selection.name ?? ''}.yaml`);
        await editApplied(kube, selection, { object, file });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}

const head = '# Change what was applied the last time. An empty file changes nothing.\n#\n';

async function editApplied(
  kube: Kube,
  selection: Selection,
  { object, file }: { object: KubeObject; file: string },
): Promise<void> {
  const name = object.metadata.name ?? '';
  const before = object.metadata.annotations?.[lastAppliedAnnotation];
  if (before === undefined) {
    throw new CliError(
      'no last-applied-configuration annotation found on resources, to create the annotation, use command ' +
        '`kubectl apply set-last-applied --create-annotation`',
    );
  }
  const original = emitYaml(JSON.parse(before));
  await writeFile(file, `${head}${original}`, { mode: 0o600 });
  await openEditor(file);
  const text = withoutComments(await readFile(file, 'utf8'));
  if (text.trim() === '' || text === original) return void process.stderr.write('Edit cancelled, no changes made.\n');
  const applied = parseEdited(text);
  if (applied.metadata?.name !== name || applied.kind !== (JSON.parse(before) as AnyObject).kind) {
    throw new CliError('the name and the kind of an object do not change');
  }
  const document = { metadata: { annotations: { [lastAppliedAnnotation]: `${encodeJson(applied)}\n` } } };
  await kube.client.patch(selection.resource, placeOf(kube, selection), { kind: 'merge', document });
  say(selection, 'edited', 'none');
}

function parseEdited(text: string): AnyObject {
  try {
    return parse(text) as AnyObject;
  } catch (error) {
    throw new CliError(`the edited file is no YAML: ${(error as Error).message}`, { cause: error });
  }
}
