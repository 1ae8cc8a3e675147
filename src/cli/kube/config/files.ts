import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type MergedKubeconfig, mergeKubeconfigs } from '../../../client/kubeconfig.ts';
import { changeFile, kubeconfigPaths } from '../../../cluster/kubeconfig-file.ts';
import { hasEntry, type KubeconfigSection } from '../../../cluster/kubeconfig-merge.ts';
import { clock } from '../../context.ts';
import { CliError } from '../../errors.ts';

/** `--kubeconfig FILE`: that file alone, which need not exist. */
export interface FileChoice {
  kubeconfig?: string;
}

function pathsOf({ kubeconfig }: FileChoice): string[] {
  return kubeconfig ? [kubeconfig] : kubeconfigPaths(process.env);
}

/** What the files say together. */
export function readConfig(choice: FileChoice): MergedKubeconfig {
  const found = pathsOf(choice).filter((path) => existsSync(path));
  return mergeKubeconfigs(
    found.map((path) => ({ path, directory: dirname(resolve(path)), text: readFileSync(path, 'utf8') })),
  );
}

/** Where what is new goes (client-go's GetDefaultFilename): the first file that exists, else the last one. */
export function defaultFile(choice: FileChoice): string {
  const paths = pathsOf(choice);
  return paths.find((path) => existsSync(path)) ?? paths.at(-1) ?? '';
}

/** The file that has an entry, else the one where it would go (client-go's ModifyConfig). */
export function fileOf(choice: FileChoice, section: KubeconfigSection, name: string): string {
  const holder = pathsOf(choice).find(
    (path) => existsSync(path) && hasEntry(readFileSync(path, 'utf8'), section, name),
  );
  return holder ?? defaultFile(choice);
}

/** Changes one file under its lock. */
export async function changeConfig(path: string, change: (text: string | undefined) => string): Promise<void> {
  try {
    await changeFile({ path, clock, change });
  } catch (error) {
    throw new CliError((error as Error).message, { cause: error });
  }
}
