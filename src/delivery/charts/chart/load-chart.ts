import { readFile, stat } from 'node:fs/promises';
import { unpackChart } from './archive.ts';
import { type Chart, ChartError } from './chart.ts';
import { readDirectory } from './directory.ts';
import { loadFiles } from './load-files.ts';

/** A chart in the file system: a directory or an archive. */
export async function loadChart(path: string): Promise<Chart> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new ChartError(`path "${path}" not found`, error);
  });
  if (info.isDirectory()) return loadFiles(readDirectory(path), unpackChart);
  if (info.size > 100 * 2 ** 20) throw new ChartError(`${path}: the archive is larger than 100 MiB`);
  return loadArchive(await readFile(path), path);
}

export async function loadArchive(data: Uint8Array, source: string): Promise<Chart> {
  return loadFiles(await unpackChart(data, source), unpackChart);
}
