import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { signChart, verifyChart, verifyFile } from './provenance.ts';
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

/** Without values of its own, unless they are given. */
async function lint(files: Record<string, string | undefined>, values = ''): Promise<string[]> {
  const options = { ...machine, values: readValues(values), namespace: 'default', skipSchemaValidation: false };
  const all = Object.entries({ 'Chart.yaml': chartYaml, 'values.yaml': '', ...files });
  const source = all.flatMap(([name, text]) => (text === undefined ? [] : [{ name, data: Buffer.from(text) }]));
  const messages = await lintChart({ files: source, place: '/charts/web' }, options);
  return messages.map(({ severity, path, text }) => `[${severity}] ${path}: ${text}`);
}

const template = (text: string): Record<string, string> => ({ 'templates/a.yaml': text });
const noValues =
  'cannot load values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: ' +
  'json: cannot unmarshal array into Go value of type map[string]interface {}';
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';

const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n';
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const naming = 'object name does not conform to Kubernetes naming requirements';
const scalarMap = 'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal';

describe('lint', () => {
  it('has nothing to say about a new chart but that it has no icon', async () => {
    const options = { ...machine, values: {}, namespace: 'x', skipSchemaValidation: false };
    const messages = await lintChart({ files: scaffoldChart('web'), place: '/web' }, options);
    expect(messages.map(({ severity, text }) => `${severity} ${text}`)).toEqual(['INFO icon is recommended']);
  });

  it.each<[string, Record<string, string | undefined>, string[]]>([
    [
      'a template that is none',
      template('{{ .Values.a '),
      ['[ERROR] templates/: parse error at (web/templates/a.yaml:1:13): unclosed action'],
    ],
    [
      'a document that is no YAML, and nothing after it',
      { ...template('a: b: c'), 'templates/b.yaml': configMap.replace('name: a', 'name: A') },
      [
        '[ERROR] templates/a.yaml: unable to parse YAML: error converting YAML to JSON: yaml: mapping values are not ' +
          'allowed in this context',
      ],
    ],
    [
      'bad names, by their kinds',
      template(`${configMap.replace('name: a', 'name: a_b')}---\nkind: Role\nmetadata: {name: a_b}\n`),
      [`[WARNING] templates/a.yaml: ${naming}: "a_b": metadata.name: Invalid value: "a_b": ${subdomain}`],
    ],
    [
      'names of services, namespaces and roles',
      template(['Service', 'Namespace', 'Role'].map((kind) => `---\nkind: ${kind}\nmetadata: {name: a%}\n`).join('')),
      [
        expect.stringContaining('a DNS-1035 label must consist'),
        expect.stringContaining('a lowercase RFC 1123 label must consist'),
        `[WARNING] templates/a.yaml: ${naming}: "a%": metadata.name: Invalid value: "a%": may not contain '%'`,
      ],
    ],
    [
      'a version that is gone',
      template('apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n'),
      [
        '[WARNING] templates/a.yaml: autoscaling/v2beta1 HorizontalPodAutoscaler is deprecated in v1.22+, unavailable ' +
          'in v1.25+; use autoscaling/v2 HorizontalPodAutoscaler',
      ],
    ],
    [
      'a workload without a selector',
      template(deployment),
      ['[ERROR] templates/a.yaml: a Deployment must contain matchLabels or matchExpressions, and "a" does not'],
    ],
    [
      'policies in lists',
      template(
        'apiVersion: v1\nkind: List\nmetadata: {name: l}\nitems: [{metadata: {annotations: {helm.sh/resource-policy: keep}}}]',
      ),
      ["[ERROR] templates/a.yaml: annotation 'helm.sh/resource-policy' within List objects are ignored"],
    ],
    [
      'an indent at the top',
      template(`\n  ${configMap.replaceAll('\n', '\n  ')}`),
      [
        '[WARNING] templates/a.yaml: document starts with an illegal indent: "  apiVersion: v1", which may cause ' +
          'parsing problems',
      ],
    ],
    [
      'a required value',
      template(`${configMap}# {{ required "name it" .Values.x }}`),
      ['[INFO] templates/: missing required value: name it'],
    ],
    [
      'a strange file',
      { ...template(configMap), 'templates/a.json': '{}' },
      ["[ERROR] templates/a.json: file extension '.json' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"],
    ],
    ['no templates', {}, ['[WARNING] templates/: directory does not exist']],
    ['no values', { ...template(configMap), 'values.yaml': undefined }, ['[INFO] values.yaml: file does not exist']],
    [
      'values that a schema refuses',
      { ...template(configMap), 'values.schema.json': '{"required": ["x"]}' },
      [
        "[ERROR] values.yaml: - at '': missing property 'x'\n",
        "[ERROR] templates/: values don't meet the specifications of the schema(s) in the following chart(s):\n" +
          "web:\n- at '': missing property 'x'\n",
      ],
    ],
    [
      'a custom resource that is none',
      { ...template(configMap), 'crds/a.yaml': configMap },
      [
        "[ERROR] crds/a.yaml: apiVersion is not in 'apiextensions.k8s.io'",
        "[ERROR] crds/a.yaml: object kind is not 'CustomResourceDefinition'",
      ],
    ],
    [
      'a missing dependency, and one too many',
      {
        ...template(configMap),
        'Chart.yaml': `${chartYaml}dependencies: [{name: db, version: 1.0.0}]\n`,
        'charts/x/Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\n',
      },
      [
        '[ERROR] /charts/web: chart metadata is missing these dependencies: x',
        '[WARNING] /charts/web: chart directory is missing these dependencies: db',
      ],
    ],
    [
      'values that are none, where there are definitions of custom resources as well',
      { 'values.yaml': '- a\n', 'crds/a.yaml': configMap },
      [
        '[ERROR] values.yaml: unable to parse YAML: error unmarshaling JSON: while decoding JSON: ' +
          'json: cannot unmarshal array into Go value of type common.Values',
        '[WARNING] templates/: directory does not exist',
        `[ERROR] : unable to load chart\n\t${noValues}`,
        `[ERROR] crds/: ${noValues}`,
      ],
    ],
    [
      'a subchart that is none',
      { 'charts/bad/Chart.yaml': 'description: bad\n' },
      [
        '[WARNING] templates/: directory does not exist',
        '[ERROR] : unable to load chart\n\terror unpacking subchart bad in web: validation: chart.metadata.name is required',
      ],
    ],
  ])('finds %s', async (_, files, expected) => {
    expect(await lint(files)).toEqual(expected);
  });

  it.each([
    ['description: bad', ['ERROR name is required', /apiVersion is required/, 'ERROR version is required', /SemVerV2/]],
    ['apiVersion: v2\nname: Web\nversion: 1.0.0', []],
    ['apiVersion: v2\nname: a/b\nversion: 1.0.0', ['ERROR chart name "a/b" is invalid']],
    ['apiVersion: v2\nname: web\nversion: v1', ["WARNING version 'v1' is not a valid SemVerV2"]],
    ['apiVersion: v2\nname: web\nversion: 0.0.0.0', [/'0.0.0.0' is not a valid SemVer$/, /not a valid SemVerV2/]],
    [
      'apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: 1.10',
      ["ERROR appVersion should be of type string but it's of type float64"],
    ],
    ['apiVersion: v2\nname: web\nversion: 1.0.0\nmaintainers: [{name: x, email: nobody}]', [/invalid email 'nobody'/]],
    ['apiVersion: v2\nname: web\nversion: 1.0.0\nsources: [nowhere]', ["ERROR invalid source URL 'nowhere'"]],
    [
      'apiVersion: v1\nname: web\nversion: 1.0.0\ntype: library\ndependencies: [{name: a}]',
      [
        "ERROR chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'",
        "ERROR dependencies are not valid in the Chart file with apiVersion 'v1'. They are valid in apiVersion 'v2'",
      ],
    ],
    [
      'apiVersion: v2\nname: web\nname: web\nversion: 1.0.0',
      [
        'WARNING failed to strictly parse chart metadata file\n\terror converting YAML to JSON: yaml: unmarshal errors:\n' +
          '  line 3: key "name" already set in map',
      ],
    ],
    [
      'apiVersion: v2\nname: web\nversion: 1.0.0\ncolour: red',
      [/^WARNING failed to strictly parse .*\n\t.*json: unknown field "colour"$/],
    ],
    [
      'name: [1]',
      [`ERROR unable to parse YAML\n\t${scalarMap} array into Go struct field Metadata.name of type string`],
    ],
  ])('says of the metadata %s what Helm says', async (text, expected) => {
    const said = (await lint({ 'Chart.yaml': `${text}\nicon: https://example.com/i.png\n` }))
      .filter((line) => line.includes('] Chart.yaml: '))
      .map((line) => line.replace(/^\[(\w+)\] Chart.yaml:/, '$1'));
    expect(said).toEqual(
      expected.map((line) => (typeof line === 'string' ? line : (expect.stringMatching(line) as unknown))),
    );
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
    await expect(packageChart(await chartOf({}), { version: 'x', modified: 0 })).rejects.toThrow(
      'invalid semantic version',
    );
  });
});

describe('provenance', () => {
  it('is that of an archive, with a file beside it', async () => {
    const place = mkdtempSync(join(tmpdir(), 'timonel-verify-'));
    const archive = join(place, 'web-1.0.0.tgz');
    await expect(verifyFile(archive)).rejects.toThrow(`stat ${archive}: no such file or directory`);
    await expect(verifyFile(place)).rejects.toThrow('unpacked charts cannot be verified');
    writeFileSync(archive, '');
    await expect(verifyFile(archive)).rejects.toThrow(
      `could not load provenance file ${archive}.prov: stat ${archive}.prov: no such file or directory`,
    );
    rmSync(place, { recursive: true });
  });

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
    // The home's own keys are in GnuPG's newer format.
    expect(await verifyChart({ ...packaged, provenance }, join(home, 'pubring.kbx'))).toEqual(verified);
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
