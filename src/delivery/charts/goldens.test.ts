import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { createSimulatedClock } from '../../base/simulated-clock.ts';
import { crdsOf, textOf, type Values } from './chart/chart.ts';
import { loadChart } from './chart/load-chart.ts';
import { offlineCapabilities } from './render/capabilities.ts';
import { joinManifests } from './render/manifests.ts';
import { prepareRelease, type PrepareOptions } from './render/prepare.ts';
import { readValues } from './values/read-values.ts';

const charts = fileURLToPath(new URL('../../../test/fixtures/charts', import.meta.url));

interface Variant {
  chart: string;
  /** Beside the first golden of the chart. */
  as?: string;
  kubeVersion?: string;
  isUpgrade?: boolean;
  lookup?: PrepareOptions['lookup'];
}

/** Everything that a chart renders to: manifest, hooks, definitions and notes. */
async function render({ chart: name, as, kubeVersion, isUpgrade = false, lookup }: Variant): Promise<string> {
  const chart = await loadChart(join(charts, name));
  const prepared = await prepareRelease({
    chart,
    values: valuesOf(as ?? name),
    release: { name: 'rel', namespace: 'space', revision: isUpgrade ? 4 : 1, isUpgrade },
    capabilities: offlineCapabilities(kubeVersion),
    clock: createSimulatedClock(),
    random: seededRandom(5),
    subNotes: true,
    ...(lookup && { lookup }),
  });
  const { hooks, manifest, notes } = prepared;
  const definitions = crdsOf(prepared.chart).map(({ file }) => `${file.name}\n${textOf(file)}`);
  const hookText = joinManifests(hooks.map(({ path, manifest: content }) => ({ path, content })));
  return `${manifest}\n# HOOKS\n${hookText}\n# DEFINITIONS\n${definitions.join('')}\n# NOTES\n${notes}`;
}

function valuesOf(name: string): Values {
  const file = join(charts, 'values', `${name}.yaml`);
  return existsSync(file) ? readValues(readFileSync(file, 'utf8')) : {};
}

const stored = { kind: 'Secret', data: { password: 'a2VwdA==', 'postgres-password': 'a2VwdA==' } };

const variants: Variant[] = [
  { chart: '01-plain' },
  { chart: '02-web' },
  { chart: '02-web', as: '02-web-old', kubeVersion: '1.13.5', isUpgrade: true },
  { chart: '03-language' },
  { chart: '04-files' },
  { chart: '05-subcharts' },
  { chart: '05-subcharts', as: '05-subcharts-other' },
  { chart: '06-library' },
  { chart: '07-database' },
  { chart: '07-database', as: '07-database-upgrade', isUpgrade: true, lookup: () => stored },
  { chart: '08-ingress-controller' },
  { chart: '09-monitoring' },
  { chart: '10-shop' },
  { chart: '10-shop', as: '10-shop-other', isUpgrade: true, lookup: () => stored },
];

it.each(variants)('a chart renders to what it should: $chart $as', async (variant) => {
  const golden = join(charts, 'goldens', `${variant.as ?? variant.chart}.txt`);
  await expect(await render(variant)).toMatchFileSnapshot(golden);
});
