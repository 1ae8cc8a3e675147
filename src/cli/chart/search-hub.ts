import { ChartError } from '../../delivery/charts/chart/chart.ts';
import { type HubChart, searchHub } from '../../delivery/charts/repository/hub.ts';
import { CliError } from '../errors.ts';
import type { OutputFormat } from './flags.ts';
import { helmTable, printAs } from './print.ts';

export interface SearchHubFlags {
  output: OutputFormat;
  endpoint: string;
  failOnNoResult?: boolean;
  listRepoUrl?: boolean;
  maxColWidth: number;
}

export async function search(words: string[], flags: SearchHubFlags): Promise<void> {
  const found = await searchHub(flags.endpoint, words.join(' ')).catch((error: unknown) => {
    if (!(error instanceof ChartError)) throw error;
    throw new CliError(`unable to perform search against ${JSON.stringify(flags.endpoint)}: ${error.message}`, {
      hint: 'A hub is found over the network; charts of repositories that were added: timonel chart search repo WORD',
      cause: error,
    });
  });
  if (found.length === 0 && flags.failOnNoResult) throw new CliError('no results found');
  printAs(flags.output, found, () => hubTable(found, flags));
}

function hubTable(found: readonly HubChart[], { listRepoUrl, maxColWidth }: SearchHubFlags): string {
  if (found.length === 0) return 'No results found';
  const headings = ['URL', 'CHART VERSION', 'APP VERSION', 'DESCRIPTION', ...(listRepoUrl ? ['REPO URL'] : [])];
  const rows = found.map(({ url, version, app_version, description, repository }) => [
    ...[url, version, app_version, description],
    ...(listRepoUrl ? [repository.url] : []),
  ]);
  return helmTable([headings, ...rows], maxColWidth);
}
