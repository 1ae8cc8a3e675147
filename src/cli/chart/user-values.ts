import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Values } from '../../delivery/charts/chart/chart.ts';
import { mergeUserValues } from '../../delivery/charts/values/values-options.ts';
import { CliError } from '../errors.ts';
import type { ValueFlags } from './flags.ts';

/** What `-f`, `--set` and their kin say. */
export async function userValues(flags: ValueFlags): Promise<Values> {
  return mergeUserValues({ ...flags, files: flags.values }, readSource);
}

/** A file, `-` for standard input, or a URL. */
async function readSource(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  if (/^https?:\/\//.test(path)) {
    const response = await fetch(path);
    if (!response.ok) throw new CliError(`${path}: the server answered ${response.status}`);
    return response.text();
  }
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(`open ${path}: ${code === 'ENOENT' ? 'no such file or directory' : message}`, { cause: error });
  }
}
