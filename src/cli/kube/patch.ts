import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { KubeObject } from '../../api/object.ts';
import type { Patch } from '../../client/client.ts';
import { CliError } from '../errors.ts';
import { type ChangeFlags, changeObjects, dryRunOf } from './change-objects.ts';
import type { Selection } from './selection.ts';

export interface PatchFlags extends ChangeFlags {
  patch?: string;
  patchFile?: string;
  type: string;
}

/** `timonel patch TYPE NAME -p PATCH`: strategic, merge or JSON patches, written in JSON or YAML. */
export async function patch(words: readonly string[], flags: PatchFlags): Promise<void> {
  const { patch: text, patchFile } = flags;
  if (text !== undefined && patchFile !== undefined)
    throw new CliError('cannot specify --patch and --patch-file together');
  const written = patchFile === undefined ? text : readFileSync(patchFile, 'utf8');
  if (!written) throw new CliError('must specify --patch or --patch-file containing the contents of the patch');
  const document = parsed(written);
  const isTried = dryRunOf(flags) !== 'none';
  await changeObjects(words, flags, (_, selection) => ({
    patch: patchOf(document, flags.type, selection),
    // A dry run has no new version to tell by.
    said: (before, after) => (isTried || versionOf(before) !== versionOf(after) ? 'patched' : 'patched (no change)'),
  }));
}

function versionOf({ metadata }: KubeObject): string | undefined {
  return metadata.resourceVersion;
}

function parsed(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (error) {
    throw new CliError(`unable to parse ${JSON.stringify(text)}: ${(error as Error).message}`, { cause: error });
  }
}

function patchOf(document: unknown, type: string, { resource }: Selection): Patch {
  switch (type) {
    case 'json':
      if (!Array.isArray(document)) throw new CliError('a JSON patch is a list of operations');
      return { kind: 'json', operations: document as Record<string, unknown>[] };
    case 'merge':
      return { kind: 'merge', document: asDocument(document) };
    case 'strategic':
      if (resource.group.includes('.') && !resource.group.endsWith('.k8s.io')) {
        throw new CliError(`${resource.kind}s take no strategic patch`, { hint: 'Say --type=merge.' });
      }
      return { kind: 'strategic', document: asDocument(document) };
    default:
      throw new CliError(`--type must be one of [json merge strategic], not ${JSON.stringify(type)}`);
  }
}

function asDocument(document: unknown): Record<string, unknown> {
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return document as Record<string, unknown>;
  }
  throw new CliError('a patch is an object, such as {"spec":{"replicas":2}}');
}
