import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { buildKustomization } from '../../delivery/kustomize/build-kustomization.ts';
import { diskKustomizeFiles } from '../../delivery/kustomize/disk-files.ts';

/** Prints the objects of a kustomization as YAML, keys in order. */
export function kustomize(directory: string): void {
  const objects = buildKustomization(resolve(directory), { files: diskKustomizeFiles, environment: process.env });
  const form = { lineWidth: 0, sortMapEntries: true, aliasDuplicateObjects: false };
  process.stdout.write(objects.map((object) => stringify(object, form)).join('---\n'));
}
