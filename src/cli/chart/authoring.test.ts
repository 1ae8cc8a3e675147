import { expect, it } from 'vitest';
import { unpackChart } from '../../delivery/charts/chart/archive.ts';
import type { Chart } from '../../delivery/charts/chart/chart.ts';
import { loadFiles } from '../../delivery/charts/chart/load-files.ts';
import { shown } from './authoring.ts';

const loaded = (files: Record<string, string>): Promise<Chart> =>
  loadFiles(
    Object.entries(files).map(([name, text]) => ({ name, data: Buffer.from(text) })),
    unpackChart,
  );

const metadata = 'apiVersion: v2\nname: web\nversion: 1.0.0\n';

it('shows each part with an empty line behind it', async () => {
  const chart = await loaded({
    ...{ 'Chart.yaml': metadata, 'values.yaml': 'a: 1 # one\n', 'README.md': '# Web\n' },
    ...{ 'crds/a.yaml': '---\nkind: A\n', 'crds/b.yaml': 'kind: B\n', 'crds/c.txt': 'no' },
  });
  const definitions = '---\nkind: A\n\n---\nkind: B\n\n';
  expect(shown(chart, 'chart')).toBe(`${metadata}\n`);
  expect(shown(chart, 'values')).toBe('a: 1 # one\n\n');
  expect(shown(chart, 'values', () => '1')).toBe('1');
  expect(shown(chart, 'readme')).toBe('# Web\n\n');
  expect(shown(chart, 'crds')).toBe(definitions);
  expect(shown(chart, 'all')).toBe(`${metadata}\n---\na: 1 # one\n\n---\n# Web\n\n${definitions}`);
});

it('shows nothing of what is not there, or is turned off', async () => {
  const chart = await loaded({
    'Chart.yaml': `${metadata}dependencies: [{name: db, version: 1.0.0, condition: db.enabled}]\n`,
    'values.yaml': 'db: {enabled: false}\n',
    'charts/db/Chart.yaml': 'apiVersion: v2\nname: db\nversion: 1.0.0\n',
    'charts/db/crds/a.yaml': 'kind: A\n',
  });
  expect([shown(chart, 'readme'), shown(chart, 'crds')]).toEqual(['', '']);
  expect(shown(chart, 'all')).toMatch(/\n\n---\ndb: \{enabled: false\}\n\n$/);
});
