import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { runCommand } from '../../cluster/command.ts';
import { readShipFile, type ShipFile } from '../../delivery/pipeline/ship-file.ts';
import { CliError } from '../errors.ts';

export interface ShipProject {
  file: ShipFile;
  /** Where the file lies: its paths start there. */
  directory: string;
}

export async function loadShipProject(path = 'timonel.yaml'): Promise<ShipProject> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new CliError(`${path} cannot be read: ${error.message}`);
    throw new CliError(`there is no file ${path}`, { hint: 'timonel init writes one.' });
  });
  return { file: await readShipFile(text, path), directory: dirname(resolve(path)) };
}

/** Who ships what, for the record. Outside of a repository there is no commit. */
export async function whoAndWhat(directory: string): Promise<{ by: string; commit: string; branch: string }> {
  const git = (...words: string[]): Promise<string> =>
    runCommand(['git', '-C', directory, ...words]).then(
      (text) => text.trim(),
      () => '',
    );
  const [hash, branch, changes] = await Promise.all([
    git('rev-parse', 'HEAD'),
    git('rev-parse', '--abbrev-ref', 'HEAD'),
    git('status', '--porcelain', '--', '.'),
  ]);
  const by = `${process.env['SUDO_USER'] ?? userInfo().username}@${hostname()}`;
  return { by, commit: hash && changes ? `${hash}+` : hash, branch };
}
