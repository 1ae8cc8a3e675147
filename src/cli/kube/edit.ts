import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { isApiError } from '../../api/status.ts';
import { emitYaml } from '../../delivery/charts/functions/yaml-emit.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, objectsOf, say } from './change-objects.ts';
import { placeOf, type Selection, typed } from './selection.ts';
import { type Kube, withKube } from './session.ts';

const head = [
  "# Change the object below. Lines that begin with '#' do not count, and an empty file changes nothing.",
  '# What the server refuses is shown here, to be mended.',
  '#',
].join('\n');

/** `timonel edit TYPE NAME`, in $KUBE_EDITOR, $EDITOR or vi. */
export async function edit(words: readonly string[], flags: ChangeFlags): Promise<void> {
  await withKube(flags, async (kube) => {
    const directory = await mkdtemp(join(tmpdir(), 'timonel-edit-'));
    try {
      for (const { selection, object } of await objectsOf(kube, words, flags)) {
        const file = join(directory, `${selection.resource.plural}-${selection.name ?? ''}.yaml`);
        await editOne(kube, selection, { object, file });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}

/** Opens the editor again for as long as the server refuses and something is changed each time. */
async function editOne(
  kube: Kube,
  selection: Selection,
  { object, file }: { object: KubeObject; file: string },
): Promise<void> {
  const { managedFields: _, ...metadata } = object.metadata;
  const original = emitYaml(typed(selection.resource, { ...object, metadata }));
  let text = original;
  let complaint = '';
  for (;;) {
    const shown = `${head}\n${complaint}${text}`;
    await writeFile(file, shown, { mode: 0o600 });
    await openEditor(file);
    const edited = withoutComments(await readFile(file, 'utf8'));
    if (edited.trim() === '' || edited === original || (complaint !== '' && edited === text)) {
      return void process.stderr.write('Edit cancelled, no changes made.\n');
    }
    text = edited;
    const refused = await sent(kube, selection, edited);
    if (refused === undefined) return say(selection, 'edited', 'none');
    complaint = `${refused
      .split('\n')
      .map((line) => `# ${line}`)
      .join('\n')}\n#\n`;
    if (!process.stdin.isTTY) throw new CliError(refused);
  }
}

/** What the server says against it; the version in the text keeps a change of somebody else from being overwritten. */
async function sent(kube: Kube, selection: Selection, text: string): Promise<string | undefined> {
  try {
    const object = parse(text) as AnyObject;
    const { name, namespace } = object.metadata ?? {};
    const place = placeOf(kube, selection);
    if (name !== place.name || (namespace ?? place.namespace) !== place.namespace) {
      return 'the name and the namespace of an object do not change';
    }
    await kube.client.update(selection.resource, object, { fieldManager: 'kubectl-edit' });
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error.message;
    if (error instanceof Error && error.name.startsWith('YAML')) return error.message;
    throw error;
  }
}

/** A text less the comment that it begins with. */
export function withoutComments(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !line.startsWith('#'));
  return lines.slice(Math.max(0, first)).join('\n');
}

/** Opens a file in $KUBE_EDITOR, $EDITOR or vi. Rejects with CliError when that fails. */
export async function openEditor(file: string): Promise<void> {
  const editor = process.env['KUBE_EDITOR'] || process.env['EDITOR'] || 'vi';
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new CliError(`there was a problem with the editor "${editor}"`);
}
