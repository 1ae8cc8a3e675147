import { type IndexEntry, newestIn, type RepositoryIndex } from './index-file.ts';

export interface SearchOptions {
  /** Part of a name, description or keyword, in any case; a regular expression of Go's with `isExpression`; '' is all. */
  text: string;
  isExpression: boolean;
  /** Only versions in this range; '' is those that are no development versions. */
  range: string;
  /** Every version, not the newest alone. */
  allVersions: boolean;
}

export interface FoundChart {
  name: string;
  version: string;
  app_version: string;
  description: string;
}

/**
 * Charts of repositories, by what matched: those whose name does come before those whose description or keywords do
 * (`helm search repo`). An expression takes time that grows with the text alone, whoever wrote it.
 * @throws Error for an expression that is none
 */
export async function searchCharts(
  repositories: readonly { name: string; index: RepositoryIndex }[],
  options: SearchOptions,
): Promise<FoundChart[]> {
  const find = options.isExpression ? await expressionFinder(options.text) : literalFinder(options.text);
  const found: { score: number; chart: FoundChart }[] = [];
  for (const { name: repository, index } of repositories) {
    for (const [chart, versions] of Object.entries(index.entries)) {
      const name = `${repository}/${chart}`;
      const newest = newestIn(versions, options.range);
      const score = newest && scoreOf([chart, name, newest.description ?? '', keywordsOf(newest)], find);
      if (!newest || score === undefined) continue;
      const shown = options.allVersions ? versions.filter((entry) => newestIn([entry], options.range)) : [newest];
      for (const { version, appVersion = '', description = '' } of shown) {
        found.push({ score, chart: { name, version, app_version: appVersion, description } });
      }
    }
  }
  return found
    .toSorted((a, b) => a.score - b.score || (a.chart.name < b.chart.name ? -1 : a.chart.name > b.chart.name ? 1 : 0))
    .map(({ chart }) => chart);
}

function keywordsOf({ keywords }: IndexEntry): string {
  return (keywords ?? []).join(' ');
}

/** Which of the fields matches first; they are searched as one text, so that an expression may span them. */
function scoreOf(fields: readonly string[], find: (text: string) => number): number | undefined {
  const at = find(fields.join(separator).toLowerCase());
  if (at < 0) return undefined;
  let end = -1;
  return fields.findIndex((field) => (end += field.length + 1) >= at);
}

const separator = '\v';

function literalFinder(text: string): (line: string) => number {
  const wanted = text.toLowerCase();
  return (line) => line.indexOf(wanted);
}

async function expressionFinder(text: string): Promise<(line: string) => number> {
  const { RE2JS } = await import('re2js');
  const expression = RE2JS.compile(text);
  return (line) => {
    const matcher = expression.matcher(line);
    return matcher.find() ? matcher.start() : -1;
  };
}
