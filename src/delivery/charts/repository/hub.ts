import { ChartError } from '../chart/chart.ts';
import { isMap } from '../template/values.ts';
import { fetchUrl } from './fetch.ts';

/** A chart that a hub knows: what `search hub` shows of it. */
export interface HubChart {
  url: string;
  version: string;
  app_version: string;
  description: string;
  repository: { url: string; name: string };
}

/**
 * Asks Artifact Hub, or another server with Monocular's API (`/api/chartsvc/v1/charts/search`), for charts.
 * @throws ChartError when it cannot be reached, or answers with something else
 */
export async function searchHub(endpoint: string, query: string): Promise<HubChart[]> {
  if (!URL.canParse(endpoint)) throw new ChartError(`unable to create connection to ${JSON.stringify(endpoint)}`);
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/api/chartsvc/v1/charts/search`;
  url.search = new URLSearchParams({ q: query }).toString();
  const { status, body } = await fetchUrl(url.href, {});
  if (status !== 200) throw new ChartError(`${url.origin} answered with status ${status}`);
  return parseHubAnswer(body.toString(), endpoint);
}

/** @throws ChartError */
export function parseHubAnswer(text: string, endpoint: string): HubChart[] {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (error) {
    throw new ChartError(`${endpoint} gave no JSON: ${(error as Error).message}`, error);
  }
  const charts = at(answer, 'data');
  if (!Array.isArray(charts)) throw new ChartError(`${endpoint} gave no list of charts`);
  return charts.map((chart) => {
    const newest = at(chart, 'relationships', 'latestChartVersion', 'data');
    return {
      // Artifact Hub has pages of its own for charts.
      url: textAt(chart, 'artifactHub', 'packageUrl') || `${endpoint.replace(/\/$/, '')}/charts/${textAt(chart, 'id')}`,
      version: textAt(newest, 'version'),
      app_version: textAt(newest, 'app_version'),
      description: textAt(chart, 'attributes', 'description'),
      repository: {
        url: textAt(chart, 'attributes', 'repo', 'url'),
        name: textAt(chart, 'attributes', 'repo', 'name'),
      },
    };
  });
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce((found, key) => (isMap(found) && Object.hasOwn(found, key) ? found[key] : undefined), value);
}

function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}
