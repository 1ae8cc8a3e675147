import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock } from '../../../base/simulated-clock.ts';
import type { Chart } from '../chart/chart.ts';
import { unpackChart } from '../chart/archive.ts';
import { loadArchive } from '../chart/load-chart.ts';
import { loadFiles } from '../chart/load-files.ts';
import { offlineCapabilities } from '../render/capabilities.ts';
import { prepareRelease } from '../render/prepare.ts';
import { readValues } from '../values/read-values.ts';
import { lintChart } from './lint.ts';
import { packageChart } from './package-chart.ts';
import { signChart, verifyChart } from './provenance.ts';
import { fromStarter, scaffoldChart } from './scaffold.ts';

const clock = createSimulatedClock();
const machine = { clock, random: seededRandom(1), capabilities: offlineCapabilities() };
const chartYaml = 'apiVersion: v2\nname: web\nversion: 1.0.0\nicon: https://example.com/i.png\n';

function chartOf(files: Record<string, string>): Promise<Chart> {
  const all = { 'Chart.yaml': chartYaml, 'values.yaml': '', ...files };
  return loadFiles(
    Object.entries(all).map(([name, text]) => ({ name, data: Buffer.from(text) })),
    unpackChart,
  );
}

async function lint(files: Record<string, string>, values = ''): Promise<string[]> {
  const options = { ...machine, values: readValues(values), namespace: 'default', skipSchemaValidation: false };
  const messages = await lintChart(await chartOf(files), options);
  return messages.map(({ severity, path, text }) => `${severity} ${path}: ${text}`);
}

const template = (text: string): Record<string, string> => ({ 'templates/a.yaml': text });
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

describe('lint', () => {
  it('has nothing to say about a new chart but that it has no icon', async () => {
    const chart = await loadFiles(scaffoldChart('web'), unpackChart);
    const messages = await lintChart(chart, { ...machine, values: {}, namespace: 'x', skipSchemaValidation: false });
    expect(messages.map(({ severity, text }) => `${severity} ${text}`)).toEqual(['INFO icon is recommended']);
  });

  it.each([
    [
      'a template that is none',
      template('{{ .Values.a '),
      /ERROR templates\/: parse error at \(web\/templates\/a.yaml:1:13\)/,
    ],
    ['a value that is not there', template('{{ .Values.a.b }}'), /nil pointer evaluating interface {}.b/],
    ['a document that is no YAML', template('a: b: c'), /ERROR templates\/a.yaml: unable to parse YAML/],
    ['an object without a kind', template('a: b'), /has no apiVersion or kind/],
    [
      'a bad name',
      template('apiVersion: v1\nkind: Pod\nmetadata: {name: "a b"}'),
      /object name does not conform .*"a b"/,
    ],
    [
      'a version that is gone',
      template(configMap.replace('v1\nkind: ConfigMap', 'apps/v1beta1\nkind: Deployment')),
      /WARNING .* use apps\/v1 Deployment/,
    ],
    [
      'a required value',
      template(`${configMap}# {{ required "name it" .Values.x }}`),
      /INFO templates\/: missing required value: name it/,
    ],
    ['a strange file', { ...template(configMap), 'templates/a.json': '{}' }, /file extension '.json' not valid/],
    ['no templates', {}, /WARNING templates\/: directory does not exist/],
    [
      'values that a schema refuses',
      { ...template(configMap), 'values.schema.json': '{"required": ["x"]}' },
      /ERROR values.yaml: .*missing property 'x'/s,
    ],
    [
      'a capital name',
      { ...template(configMap), 'Chart.yaml': chartYaml.replace('web', 'Web') },
      /WARNING Chart.yaml: chart name "Web"/,
    ],
    [
      'an address that is none',
      { ...template(configMap), 'Chart.yaml': `${chartYaml}maintainers: [{name: x, email: nobody}]\n` },
      /invalid email 'nobody'/,
    ],
    [
      'a missing dependency',
      { ...template(configMap), 'Chart.yaml': `${chartYaml}dependencies: [{name: db, version: 1.0.0}]\n` },
      /missing these dependencies: db/,
    ],
  ])('finds %s', async (_, files, expected) => {
    expect((await lint(files)).join('\n')).toMatch(expected);
  });
});

describe('a new chart', () => {
  it('renders, and answers to its values', async () => {
    const chart = await loadFiles(scaffoldChart('shop'), unpackChart);
    const release = { name: 'my', namespace: 'default', revision: 1, isUpgrade: false };
    const values = readValues('ingress: {enabled: true}\nautoscaling: {enabled: true}');
    const { manifests, hooks, notes } = await prepareRelease({ ...machine, chart, values, release });
    expect(manifests.map(({ kind }) => kind)).toEqual([
      ...['ServiceAccount', 'Service', 'Deployment', 'HorizontalPodAutoscaler', 'Ingress'],
    ]);
    expect(hooks.map(({ name }) => name)).toEqual(['my-shop-test-connection']);
    expect(notes).not.toBe('');
  });

  it('may come from a starter', () => {
    const starter = [{ name: 'Chart.yaml', data: Buffer.from('name: <CHARTNAME>') }];
    expect(fromStarter('shop', starter).map(({ data }) => Buffer.from(data).toString())).toEqual(['name: shop']);
  });
});

describe('a package', () => {
  it('has the versions that are asked for, and all files', async () => {
    const chart = await chartOf({ 'templates/a.yaml': configMap, 'README.md': '# web' });
    const { fileName, data } = await packageChart(chart, { version: '2.0.0-rc.1', appVersion: '7', modified: 0 });
    expect(fileName).toBe('web-2.0.0-rc.1.tgz');
    const loaded = await loadArchive(data, fileName);
    expect(loaded.metadata).toMatchObject({ name: 'web', version: '2.0.0-rc.1', appVersion: '7' });
    expect(loaded.raw.map(({ name }) => name)).toEqual(['Chart.yaml', 'values.yaml', 'templates/a.yaml', 'README.md']);
  });

  it('is not made without its dependencies, or with a version that is none', async () => {
    const wanting = await chartOf({ 'Chart.yaml': `${chartYaml}dependencies: [{name: db, version: 1.0.0}]\n` });
    await expect(packageChart(wanting, { modified: 0 })).rejects.toThrow('missing in charts/ directory: db');
    await expect(packageChart(await chartOf({}), { version: 'x', modified: 0 })).rejects.toThrow('"x" is not');
  });
});

describe('provenance', () => {
  let home: string;
  const gpg = (...args: string[]): Buffer =>
    execFileSync('gpg', ['--homedir', home, '--batch', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'timonel-gpg-'));
    const passphrase = ['--pinentry-mode', 'loopback', '--passphrase', 'hunter2'];
    gpg(...passphrase, '--quick-generate-key', 'Maker <maker@example.com>', 'ed25519', 'sign', 'never');
    gpg('--output', join(home, 'public.gpg'), '--export', 'maker@example.com');
    gpg(...passphrase, '--output', join(home, 'secret.gpg'), '--export-secret-keys', 'maker@example.com');
  }, 60_000);
  afterAll(() => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true });
  });

  it('tells who signed what, and that it is unchanged', async () => {
    const packaged = await packageChart(await chartOf({}), { modified: 0 });
    const key = { key: 'maker@example.com', keyring: join(home, 'secret.gpg'), passphrase: 'hunter2' };
    const provenance = await signChart(packaged, key);
    expect(provenance).toMatch(/^-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\napiVersion: v2\n/);
    expect(provenance).toMatch(
      /\n\.\.\.\nfiles:\n {2}web-1.0.0.tgz: sha256:[\da-f]{64}\n-----BEGIN PGP SIGNATURE-----/,
    );
    const keyring = join(home, 'public.gpg');
    const verified = await verifyChart({ ...packaged, provenance }, keyring);
    expect(verified.signedBy).toEqual(['Maker <maker@example.com>']);
    const changed = { ...packaged, data: Buffer.concat([packaged.data, Buffer.from('x')]) };
    await expect(verifyChart({ ...changed, provenance }, keyring)).rejects.toThrow('sha256 sum does not match');
    await expect(verifyChart({ ...packaged, fileName: 'other.tgz', provenance }, keyring)).rejects.toThrow(
      '"other.tgz"',
    );
    const forged = provenance.replace('name: web', 'name: bew');
    await expect(verifyChart({ ...packaged, provenance: forged }, keyring)).rejects.toThrow(/signature|not signed/);
    await expect(signChart(packaged, { ...key, passphrase: 'wrong' })).rejects.toThrow(/^gpg: (?!.*wrong)/s);
  }, 60_000);
});
