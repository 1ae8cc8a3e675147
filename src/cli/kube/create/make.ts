import { applyMergePatch } from '../../../api/merge-patch.ts';
import type { AnyObject, KubeObject } from '../../../api/object.ts';
import type { Resource } from '../../../client/client.ts';
import { CliError } from '../../errors.ts';
import type { FileFlags } from '../apply.ts';
import { objectPrinter } from '../print-objects.ts';
import { shownName } from '../resource-finder.ts';
import { typed } from '../selection.ts';
import { type Kube, type KubeFlags, withKube } from '../session.ts';
import { lastAppliedAnnotation } from '../../../api/well-known.ts';

/** Flags of commands that make an object from flags. */
export type MakeFlags = KubeFlags &
  Pick<FileFlags, 'dryRun' | 'output' | 'showManagedFields' | 'fieldManager' | 'validate'> & {
    /** Whether what was asked for is kept in the annotation that `apply` looks at. */
    saveConfig?: boolean;
  };

/** Makes one object, and says so. */
export async function make(flags: MakeFlags, resource: Resource, object: AnyObject): Promise<void> {
  await withKube(flags, (kube) => create(kube, resource, { ...flags, verb: 'created' }, object));
}

/** A dry run of the client's sends nothing at all. */
export async function create(
  kube: Kube,
  resource: Resource,
  flags: MakeFlags & { verb: string },
  object: AnyObject,
): Promise<void> {
  const { dryRun, namespace } = flags;
  const isLocal = dryRun === true || dryRun === 'client';
  const placed = saved(flags, resource, inNamespace(resource, object, namespace));
  const options = {
    fieldManager: flags.fieldManager ?? 'kubectl-create',
    ...(dryRun === 'server' && { dryRun: true }),
  };
  const made = isLocal
    ? placed
    : await kube.client.create<KubeObject>(resource, inNamespace(resource, placed, kube.namespace), options);
  const printer = await objectPrinter(flags.output, { showManagedFields: flags.showManagedFields ?? false });
  if (printer) return void process.stdout.write(printer.print(typed(resource, made)));
  const suffix = isLocal ? ' (dry run)' : dryRun === 'server' ? ' (server dry run)' : '';
  process.stdout.write(`${shownName(resource, object.metadata.name ?? '')} ${flags.verb}${suffix}\n`);
}

function inNamespace({ namespaced }: Resource, object: AnyObject, namespace: string | undefined): AnyObject {
  return namespaced && namespace ? { ...object, metadata: { ...object.metadata, namespace } } : object;
}

function saved({ saveConfig }: MakeFlags, resource: Resource, object: AnyObject): AnyObject {
  if (!saveConfig) return object;
  const { metadata } = object;
  const text = `${JSON.stringify(typed(resource, object))}\n`;
  const annotations = { ...metadata.annotations, [lastAppliedAnnotation]: text };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** The one word that names the object. Throws CliError in kubectl's words. */
export function nameOf(words: readonly string[], command: string): string {
  const [name] = words;
  if (name !== undefined && words.length === 1) return name;
  throw new CliError(`exactly one NAME is required, got ${words.length}`, {
    hint: `See 'timonel create ${command} -h' for help and examples`,
  });
}

/** `app=web,tier=front` */
export function pairsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair): [string, string] => {
      const [key = '', value = ''] = pair.split(/==?/, 2);
      return [key, value];
    }),
  );
}

/** `--overrides`: a merge patch, in JSON, for what is made. Throws CliError. */
export function overridden(object: AnyObject, overrides: string | undefined): AnyObject {
  if (!overrides) return object;
  try {
    return applyMergePatch(object, JSON.parse(overrides));
  } catch (error) {
    throw new CliError(`invalid --overrides: ${(error as Error).message}`, { cause: error });
  }
}
