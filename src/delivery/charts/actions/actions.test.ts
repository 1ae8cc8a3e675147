import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';
import {
  chartOf,
  installChart,
  rollbackOptions,
  settings,
  uninstallOptions,
  upgradeChart,
} from '../../../../test/support/releases.ts';
import { seededRandom } from '../../../base/random.ts';
import { createSimulatedClock, type SimulatedClock } from '../../../base/simulated-clock.ts';
import { configMaps, deployments, jobs, secrets } from '../../../client/resources.ts';
import { createResourceMapper } from '../../apply/resource-mapper.ts';
import type { Chart, Values } from '../chart/chart.ts';
import type { Release } from '../release/release.ts';
import { createStorage } from '../release/storage.ts';
import type { ReleaseContext } from './context.ts';
import { releaseAt } from './history.ts';
import type { InstallOptions } from './install.ts';
import { rollbackRelease } from './rollback.ts';
import { uninstallRelease } from './uninstall.ts';
import type { UpgradeOptions } from './upgrade.ts';

let clock: SimulatedClock;
let api: TestApiServer;
let context: ReleaseContext;
let said: string[];
beforeEach(async () => {
  clock = createSimulatedClock();
  api = await startTestApiServer({ clock });
  const { client } = api;
  said = [];
  context = {
    ...{ client, clock, random: seededRandom(1), namespace: 'default' },
    mapper: createResourceMapper(client),
    storage: createStorage({ client, clock, namespace: 'default', driver: 'secret' }),
    say: (message) => said.push(message),
    log: (line) => said.push(line),
  };
});
afterEach(() => api.close());

const install = (chart: Chart, values: Values = {}, more: Partial<InstallOptions> = {}): Promise<Release> =>
  installChart(context, chart, { ...more, values });
const upgrade = (chart: Chart, values: Values = {}, more: Partial<UpgradeOptions> = {}): Promise<Release> =>
  upgradeChart(context, chart, { ...more, values });

async function revisions(): Promise<string[]> {
  return (await context.storage.index('web')).map(({ version, status }) => `${version} ${status}`);
}

async function color(): Promise<string | undefined> {
  const { data } = await api.client.get(configMaps, { name: 'settings', namespace: 'default' });
  return data?.['color'];
}

describe('a release', () => {
  it('is installed, upgraded, rolled back and uninstalled', async () => {
    const chart = await chartOf({ 'a.yaml': settings, 'NOTES.txt': 'It is {{ .Values.color }}.' });
    const first = await install(chart);
    expect(first.info).toMatchObject({ status: 'deployed', description: 'Install complete', notes: 'It is red.' });
    await upgrade(chart, { color: 'blue' });
    expect(await color()).toBe('blue');
    await rollbackRelease(context, 'web', rollbackOptions);
    expect(await color()).toBe('red');
    expect(await revisions()).toEqual(['1 superseded', '2 superseded', '3 deployed']);
    const { info } = await releaseAt(context, 'web');
    expect(info.description).toBe('Rollback to 1');
    // Helm 4.1 keeps nothing more of it.
    expect(info).not.toHaveProperty('rollbackRevision');
    await uninstallRelease(context, 'web', uninstallOptions);
    expect(await revisions()).toEqual([]);
    await expect(uninstallRelease(context, 'web', uninstallOptions)).rejects.toThrow(
      'uninstall: Release not loaded: web: release: not found',
    );
    expect((await api.client.list(configMaps, { namespace: 'default' })).items).toEqual([]);
  });

  it('is stored as Helm stores it', async () => {
    await install(await chartOf({ 'a.yaml': settings }), {}, { labels: { team: 'a' } });
    const { items } = await api.client.list(secrets, { namespace: 'default' });
    expect(items.map(({ metadata, type }) => [metadata.name, type])).toEqual([
      ['sh.helm.release.v1.web.v1', 'helm.sh/release.v1'],
    ]);
    const { labels, annotations } = items[0]?.metadata ?? {};
    expect(labels).toMatchObject({ name: 'web', owner: 'helm', status: 'deployed', version: '1', team: 'a' });
    expect(annotations).toBeUndefined();
  });

  it('marks its objects, and leaves those of others alone unless told to take them over', async () => {
    await api.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' } });
    const chart = await chartOf({ 'a.yaml': settings });
    await expect(install(chart)).rejects.toThrow(
      'unable to continue with install: ConfigMap "settings" in namespace "default" exists and cannot be imported into the ' +
        'current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": ' +
        'must be set to "Helm"; annotation validation error: missing key "meta.helm.sh/release-name": must be set to "web"',
    );
    expect(await revisions()).toEqual([]);
    await install(chart, {}, { takeOwnership: true });
    const { metadata } = await api.client.get(configMaps, { name: 'settings', namespace: 'default' });
    expect(metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'Helm' });
    expect(metadata.annotations).toMatchObject({ 'meta.helm.sh/release-namespace': 'default' });
  });

  it('takes away what an upgrade does not have any more, but for what is to be kept', async () => {
    const keep = settings.replace('{name: settings}', '{name: kept, annotations: {helm.sh/resource-policy: keep}}');
    await install(
      await chartOf({ 'a.yaml': settings, 'b.yaml': keep, 'c.yaml': settings.replace('settings', 'gone') }),
    );
    await upgrade(await chartOf({ 'a.yaml': settings }));
    const { items } = await api.client.list(configMaps, { namespace: 'default' });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['kept', 'settings']);
  });

  it('can be upgraded when its old manifest is of a version that nobody serves any more', async () => {
    const old = await install(await chartOf({ 'a.yaml': settings }));
    const gone =
      '\n---\napiVersion: apps/v0\nkind: Deployment\nmetadata: {name: x}\n---\napiVersion: policy/v0\nkind: PodSecurityPolicy\nmetadata: {name: psp}\n';
    await context.storage.update({ ...old, manifest: old.manifest + gone });
    await upgrade(await chartOf({ 'a.yaml': settings }), { color: 'blue' });
    expect(await color()).toBe('blue');
    expect(said.join()).toContain('PodSecurityPolicy "psp" is of policy/v0, which the server does not serve any more');
  });
});

describe('a failed upgrade', () => {
  const bad = '\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicas: -1}\n';

  it('leaves the old revision deployed, and the next one works', async () => {
    await install(await chartOf({ 'a.yaml': settings }));
    await expect(upgrade(await chartOf({ 'a.yaml': settings + bad }), { color: 'blue' })).rejects.toThrow(
      'Deployment bad:',
    );
    expect(await revisions()).toEqual(['1 deployed', '2 failed']);
    await upgrade(await chartOf({ 'a.yaml': settings }), { color: 'green' });
    expect(await revisions()).toEqual(['1 superseded', '2 failed', '3 deployed']);
    expect(await color()).toBe('green');
  });

  it('is taken back when told to', async () => {
    await install(await chartOf({ 'a.yaml': settings }));
    const failing = upgrade(
      await chartOf({ 'a.yaml': settings + bad }),
      { color: 'blue' },
      { rollbackOnFailure: true },
    );
    await expect(failing).rejects.toThrow('has been rolled back due to rollback-on-failure being set');
    expect(await color()).toBe('red');
    expect(await revisions()).toEqual(['1 superseded', '2 failed', '3 deployed']);
  });

  it('leaves nothing behind that later revisions would not take away', async () => {
    await install(await chartOf({ 'a.yaml': settings }));
    const extra = settings.replace('{name: settings}', '{name: extra}');
    await expect(upgrade(await chartOf({ 'a.yaml': settings, 'b.yaml': extra + bad }))).rejects.toThrow(
      'Deployment bad',
    );
    await upgrade(await chartOf({ 'a.yaml': settings }));
    const { items } = await api.client.list(configMaps, { namespace: 'default' });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['settings']);
  });
});

describe('an operation that was left pending', () => {
  const pending = async (owner: string | undefined): Promise<void> => {
    const { owner: _, ...release } = await install(await chartOf({ 'a.yaml': settings }));
    const info = { ...release.info, status: 'pending-upgrade' as const };
    await context.storage.create({ ...release, version: 2, info, ...(owner && { owner }) });
  };

  it('is somebody else’s until the user says that it is not', async () => {
    await pending(undefined);
    const chart = await chartOf({ 'a.yaml': settings });
    await expect(upgrade(chart)).rejects.toThrow(/another operation .* is in progress: pending-upgrade of revision 2/);
    await upgrade(chart, {}, { abandonPending: true });
    expect(await revisions()).toEqual(['1 superseded', '2 failed', '3 deployed']);
  });

  it('is no obstacle when its process is gone', async () => {
    const { thisProcess } = await import('./operation-owner.ts');
    const [boot] = thisProcess().split(' ');
    await pending(`${boot} 1 0`);
    await upgrade(await chartOf({ 'a.yaml': settings }));
    expect(said.join()).toContain('was left unfinished; going on');
  });

  it('leaves behind what belongs to somebody else by now, and what bears no marks', async () => {
    const other = settings.replaceAll('settings', 'others');
    await install(await chartOf({ 'a.yaml': settings, 'b.yaml': other }));
    const name = { name: 'others', namespace: 'default' };
    const { data } = await api.client.get(configMaps, name);
    await api.client.delete(configMaps, name);
    await api.client.create(configMaps, { metadata: name, ...(data && { data }) });
    const done = await uninstallRelease(context, 'web', { ...uninstallOptions, wait: true });
    expect(done).toMatchObject({ kept: [], foreign: ['[ConfigMap] others'] });
    expect(await revisions()).toEqual([]);
    const left = (await api.client.list(configMaps, { namespace: 'default' })).items;
    expect(left.map(({ metadata }) => metadata.name)).toEqual(['others']);
  });

  it('can be rolled back and uninstalled as well', async () => {
    await pending(undefined);
    await rollbackRelease(context, 'web', { ...rollbackOptions, version: 1, abandonPending: true });
    await uninstallRelease(context, 'web', uninstallOptions);
    expect(await revisions()).toEqual([]);
  });
});

describe('hooks', () => {
  const hook = (name: string, annotations: string): string => `
apiVersion: batch/v1
kind: Job
metadata: {name: ${name}, annotations: {helm.sh/hook: "pre-install,pre-upgrade", ${annotations}}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
`;
  const finish = async (name: string, type: 'Complete' | 'Failed'): Promise<void> => {
    await clock.settle();
    const before = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
    const condition = (each: string): object => ({ type: each, status: 'True', reason: 'Told' });
    const time = {
      startTime: '2026-01-01T00:00:00Z',
      ...(type === 'Complete' && { completionTime: '2026-01-01T00:00:01Z', succeeded: 1 }),
    };
    const document = { status: { ...time, conditions: [condition(before), condition(type)] } };
    const at = { name, namespace: 'default' };
    await api.client.patch(jobs, at, { kind: 'merge', document }, { subresource: 'status' });
    await clock.settle();
  };

  it('run one after the other by weight, before the objects are made', async () => {
    const chart = await chartOf({
      'a.yaml': settings,
      'b.yaml': hook('second', 'helm.sh/hook-weight: "5", helm.sh/hook-delete-policy: hook-succeeded'),
      'c.yaml': hook('first', 'helm.sh/hook-weight: "-5"'),
    });
    const installing = install(chart);
    await clock.settle();
    const names = async (): Promise<unknown[]> =>
      (await api.client.list(jobs, { namespace: 'default' })).items.map(({ metadata }) => metadata.name);
    expect(await names()).toEqual(['first']);
    expect(await revisions()).toEqual(['1 pending-install']);
    await finish('first', 'Complete');
    expect(await names()).toEqual(['first', 'second']);
    await expect(color()).rejects.toThrow('not found');
    await finish('second', 'Complete');
    const { hooks } = await installing;
    expect(await names()).toEqual(['first']);
    expect(hooks.map(({ name, lastRun }) => `${name} ${lastRun.phase}`)).toEqual([
      'second Succeeded',
      'first Succeeded',
    ]);
    expect(await color()).toBe('red');
  });

  it('that fail fail the operation, and say why', async () => {
    const installing = install(await chartOf({ 'a.yaml': settings, 'b.yaml': hook('migrate', 'a: b') })).catch(
      (error: unknown) => error,
    );
    await finish('migrate', 'Failed');
    expect(await installing).toMatchObject({
      message: expect.stringMatching(
        /^pre-install hook web\/templates\/b.yaml failed: Job default\/migrate: the job failed: Told/,
      ),
    });
    expect(await revisions()).toEqual(['1 failed']);
  });
});

describe('values of an upgrade', () => {
  const replicas = async (): Promise<number | undefined> =>
    (await api.client.get(deployments, { name: 'web', namespace: 'default' })).spec?.replicas;
  const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {color: "{{ .Values.color }}"}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
`;

  it('are the last ones when nothing is said, else new ones, or both', async () => {
    const chart = await chartOf({ 'a.yaml': web }, 'color: red\nreplicas: 1');
    await install(chart, { replicas: 3 });
    await upgrade(chart);
    expect(await replicas()).toBe(3);
    await upgrade(chart, { color: 'blue' });
    expect(await replicas()).toBe(1);
    await upgrade(chart, { replicas: 4 }, { valuesFrom: 'reuse' });
    const { metadata } = await api.client.get(deployments, { name: 'web', namespace: 'default' });
    expect([metadata.labels?.['color'], await replicas()]).toEqual(['blue', 4]);
    const other = await chartOf({ 'a.yaml': web }, 'color: green\nreplicas: 1');
    await upgrade(other, {}, { valuesFrom: 'reset-then-reuse' });
    expect(await replicas()).toBe(4);
    await upgrade(other, {}, { valuesFrom: 'reset' });
    expect(await replicas()).toBe(1);
  });
});

describe('server-side apply', () => {
  const applyMethod = async (): Promise<string | undefined> => (await releaseAt(context, 'web')).applyMethod;

  it('is used when asked for, and by what follows', async () => {
    const chart = await chartOf({ 'a.yaml': settings });
    await install(chart, {}, { serverSide: 'true' });
    expect([await color(), await applyMethod()]).toEqual(['red', 'ssa']);
    await upgrade(chart, { color: 'blue' });
    expect([await color(), await applyMethod()]).toEqual(['blue', 'ssa']);
    await rollbackRelease(context, 'web', rollbackOptions);
    expect([await color(), await applyMethod()]).toEqual(['red', 'ssa']);
    await upgrade(chart, { color: 'green' }, { serverSide: 'false' });
    expect([await color(), await applyMethod()]).toEqual(['green', 'csa']);
  });

  it('takes away what is not wanted any more, and leaves what others set', async () => {
    await install(
      await chartOf({ 'a.yaml': settings.replace('\ndata: {', '\ndata: {size: large, ') }),
      {},
      { serverSide: 'true' },
    );
    const theirs = { kind: 'merge' as const, document: { data: { own: 'x' } } };
    await api.client.patch(configMaps, { name: 'settings', namespace: 'default' }, theirs, { fieldManager: 'kubectl' });
    await upgrade(await chartOf({ 'a.yaml': settings }), { color: 'blue' });
    const { data } = await api.client.get(configMaps, { name: 'settings', namespace: 'default' });
    expect(data).toEqual({ color: 'blue', own: 'x' });
  });

  it('leaves what others own to them, unless told to take it', async () => {
    const chart = await chartOf({ 'a.yaml': settings });
    await install(chart, {}, { serverSide: 'true' });
    const theirs = { kind: 'merge' as const, document: { data: { color: 'pink' } } };
    await api.client.patch(configMaps, { name: 'settings', namespace: 'default' }, theirs, { fieldManager: 'kubectl' });
    await expect(upgrade(chart, { color: 'blue' })).rejects.toThrow(/ConfigMap settings: .*conflict with "kubectl"/);
    expect(await color()).toBe('pink');
    await upgrade(chart, { color: 'blue' }, { forceConflicts: true });
    expect(await color()).toBe('blue');
  });
});

describe('a manifest that is none', () => {
  const named = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;

  it.each([
    [
      'one object twice',
      { 'a.yaml': named('x'), 'b.yaml': `# b\n${named('y')}---\n${named('x')}` },
      'ConfigMap "x" twice: by web/templates/a.yaml and by web/templates/b.yaml',
    ],
    [
      'no name',
      { 'a.yaml': named('x'), 'b.yaml': 'apiVersion: v1\nkind: ConfigMap\n' },
      'web/templates/b.yaml: a ConfigMap has no name',
    ],
    [
      'no kind',
      { 'a.yaml': named('x'), 'b.yaml': '\n# comment\nmetadata: {name: x}\n' },
      'web/templates/b.yaml: line 2 of a document: kind is not set',
    ],
  ])('says which template it is of: %s', async (_, templates, message) => {
    await expect(install(await chartOf(templates))).rejects.toThrow(message);
    expect(await revisions()).toEqual([]);
  });
});
