import { stat } from 'node:fs/promises';
import type { Chart } from '../../delivery/charts/chart/chart.ts';
import { loadChart } from '../../delivery/charts/chart/load-chart.ts';
import type { ChartFlags } from './flags.ts';

/** The chart that a command line names: a directory, an archive, `repo/name`, a URL, or `oci://…`. */
export async function chartOf(reference: string, flags: ChartFlags & { dependencyUpdate?: boolean }): Promise<Chart> {
  const info = flags.repo === undefined ? await stat(reference).catch(() => undefined) : undefined;
  const isPlain = info && !flags.verify;
  if (isPlain && !(flags.dependencyUpdate && info.isDirectory())) return loadChart(reference);
  // Charts that are here need none of what fetches others.
  const { fetchedChart, updateMissing } = await import('./remote.ts');
  if (!isPlain) return fetchedChart(reference, flags);
  await updateMissing(reference, flags);
  return loadChart(reference);
}
