import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { OutputFormat } from './flags.ts';
import { lint, type LintFlags } from './lint.ts';

const noValues = { values: [], set: [], setString: [], setJson: [], setFile: [], setLiteral: [] };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'timonel-lint-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

function write(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}

/** What lint prints, with the root left out, and what it fails with. */
async function linted(paths: string[], output: OutputFormat, flags: Partial<LintFlags> = {}): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => Boolean((text += String(chunk))));
  await lint(
    paths.map((path) => join(root, path)),
    { ...noValues, output, ...flags },
  ).catch((error: Error) => (text += String(error)));
  return text.replaceAll(`${root}/`, '');
}

function good(path: string): void {
  write(`${path}/Chart.yaml`, `apiVersion: v2\nname: ${path.split('/').at(-1)}\nversion: 1.0.0\n`);
  write(`${path}/values.yaml`, 'a: 1\n');
  write(`${path}/templates/map.yaml`, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n');
}

it('says the same as data as in words, without a summary', async () => {
  good('web');
  const said = { severity: 'INFO', path: 'Chart.yaml', message: 'icon is recommended' };
  expect(JSON.parse(await linted(['web'], 'json'))).toEqual([{ chart: 'web', messages: [said] }]);
  expect(await linted(['web'], 'yaml')).toBe(
    '- chart: web\n  messages:\n  - message: icon is recommended\n    path: Chart.yaml\n    severity: INFO\n',
  );
  expect(await linted(['web'], 'table')).toBe(
    '==> Linting web\n[INFO] Chart.yaml: icon is recommended\n\n1 chart(s) linted, 0 chart(s) failed\n',
  );
});

it('keeps quiet of charts that only remarks are made on', async () => {
  good('web');
  expect(await linted(['web'], 'json', { quiet: true })).toBe('[]\n');
  expect(await linted(['web'], 'table', { quiet: true })).toBe('');
  write('old/Chart.yaml', 'apiVersion: v2\nname: old\nversion: 1.0.0\n');
  expect(await linted(['web', 'old'], 'table', { quiet: true })).toBe(
    '==> Linting old\n[WARNING] templates/: directory does not exist\n\n2 chart(s) linted, 0 chart(s) failed\n',
  );
});

it('fails with a summary when a chart is bad, or is not there', async () => {
  good('web');
  write('web/charts/db/Chart.yaml', 'description: no name\n');
  const text = await linted(['web', 'none'], 'json', { withSubcharts: true });
  const [data = '', failure] = text.split('\n');
  expect(failure).toBe('CliError: 3 chart(s) linted, 3 chart(s) failed');
  const charts = JSON.parse(data) as {
    chart: string;
    messages: { severity: string; path?: string; message: string }[];
  }[];
  expect(charts.map(({ chart }) => chart)).toEqual(['web', 'none', 'web/charts/db']);
  expect(charts[0]?.messages.at(-1)).toEqual({
    severity: 'ERROR',
    message: 'unable to load chart\n\terror unpacking subchart db in web: validation: chart.metadata.name is required',
  });
  expect(charts[1]?.messages).toEqual([
    {
      severity: 'ERROR',
      message: 'unable to check Chart.yaml file in chart: stat none/Chart.yaml: no such file or directory',
    },
  ]);
});

it('takes warnings for errors when it is told to be strict', async () => {
  write('old/Chart.yaml', 'apiVersion: v2\nname: old\nversion: 1.0.0\n');
  expect(await linted(['old'], 'table', { strict: true })).toContain('CliError: 1 chart(s) linted, 1 chart(s) failed');
});
