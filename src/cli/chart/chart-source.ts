import type { Chart } from '../../delivery/charts/chart/chart.ts';
import { loadChart } from '../../delivery/charts/chart/load-chart.ts';
import type { ChartFlags } from './flags.ts';

/** The chart that a command line names: a directory, an archive, `repo/name`, a URL, or `oci://…`. */
export async function chartOf(reference: string, _flags: ChartFlags & { dependencyUpdate?: boolean }): Promise<Chart> {
  return loadChart(reference);
}
