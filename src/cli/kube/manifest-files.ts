import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Manifest, parseManifests } from '../../delivery/apply/manifests.ts';
import { CliError } from '../errors.ts';

const manifestNames = /\.(?:ya?ml|json)$/;

/** The objects of files, directories (`recursive`: and those below) and `-`, the standard input, in their order. */
export async function manifestsOf(paths: readonly string[], recursive: boolean): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const path of paths.flatMap((list) => list.split(','))) {
    if (path === '-') found.push(...parseManifests(await text(process.stdin), 'STDIN'));
    else if (/^https?:\/\//.test(path))
      throw new CliError(`${path}: manifests are read from files and standard input only`, {
        hint: `curl -sL ${path} | timonel apply -f -`,
      });
    else for (const file of filesOf(path, recursive)) found.push(...parseManifests(readFileSync(file, 'utf8'), file));
  }
  return found;
}

/** The objects that a kustomization makes. */
export async function kustomized(directory: string): Promise<Manifest[]> {
  const { buildKustomization } = await import('../../delivery/kustomize/build-kustomization.ts');
  const { diskKustomizeFiles } = await import('../../delivery/kustomize/disk-files.ts');
  const objects = buildKustomization(resolve(directory), { files: diskKustomizeFiles, environment: process.env });
  return objects.map((object) => ({ object, source: directory, line: 1 }));
}

function filesOf(path: string, recursive: boolean): string[] {
  if (!existsSync(path)) throw new CliError(`the path "${path}" does not exist`);
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return recursive ? filesOf(inner, recursive) : [];
    return manifestNames.test(entry.name) ? [inner] : [];
  });
}
