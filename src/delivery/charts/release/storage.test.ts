import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../../../test/support/api-server.ts';
import { createSimulatedClock, type SimulatedClock } from '../../../base/simulated-clock.ts';
import { configMaps, secrets } from '../../../client/resources.ts';
import { decodeRelease, encodeRelease, storedForm } from './codec.ts';
import { type Release, storedChart } from './release.ts';
import { createStorage, parseDriver, type ReleaseStorage, type StorageDriver } from './storage.ts';

function release(name: string, version: number, more: Partial<Release> = {}): Release {
  const time = '2026-01-02T03:04:05.678Z';
  return {
    ...{ name, namespace: 'default', version, config: { a: 1 }, manifest: '---\na: 1\n', hooks: [], labels: {} },
    info: { firstDeployed: time, lastDeployed: time, deleted: '', description: 'x', status: 'deployed', notes: 'n' },
    chart: {
      metadata: { name: 'web', version: '1.0.0', apiVersion: 'v2' },
      ...{ templates: [{ name: 'templates/a.yaml', data: Buffer.from('a') }], values: { b: 2 }, files: [], lock: null },
    },
    ...more,
  };
}

/** The names are Helm's `release.Release` and `chart.Chart`; times are Go's. */
const ofHelm = {
  name: 'db',
  info: {
    first_deployed: '2025-06-01T10:00:00.123456789+02:00',
    last_deployed: '2025-06-02T10:00:00.123456789+02:00',
    description: 'Upgrade complete',
    status: 'deployed',
    rollback_revision: 2,
  },
  chart: {
    metadata: { name: 'db', version: '2.0.0', apiVersion: 'v2', appVersion: '16' },
    ...{ lock: null, values: { size: 1 }, schema: Buffer.from('{}').toString('base64') },
    templates: [
      {
        ...{ name: 'templates/db.yaml', data: Buffer.from('kind: X').toString('base64') },
        modtime: '2025-06-01T08:00:00.123Z',
      },
    ],
    files: [{ name: 'README.md', data: null }],
    ...{ schemamodtime: '0001-01-01T00:00:00Z', modtime: '2025-05-01T08:00:00.000Z' },
  },
  manifest: '---\n# Source: db/templates/db.yaml\nkind: X\n',
  hooks: [
    {
      ...{ name: 'job', kind: 'Job', path: 'db/templates/job.yaml', manifest: 'kind: Job', events: ['pre-install'] },
      last_run: { started_at: '0001-01-01T00:00:00Z', completed_at: '0001-01-01T00:00:00Z', phase: '' },
      delete_policies: ['hook-succeeded'],
    },
  ],
  version: 3,
  namespace: 'shop',
  apply_method: 'ssa',
};

describe('a stored release', () => {
  it.each([
    ['gzipped', gzipSync(JSON.stringify(ofHelm)).toString('base64')],
    ['as Helm 2 left them, plain', Buffer.from(JSON.stringify(ofHelm)).toString('base64')],
  ])('of Helm is read: %s', (_, text) => {
    const read = decodeRelease(text);
    expect(read).toMatchObject({ name: 'db', namespace: 'shop', version: 3, applyMethod: 'ssa', config: {} });
    expect(read.hooks[0]).toMatchObject({ weight: 0, deletePolicies: ['hook-succeeded'], outputLogPolicies: [] });
    expect(read.hooks[0]?.lastRun).toEqual({ startedAt: '', completedAt: '', phase: 'Unknown' });
    expect(read.chart.templates.map(({ data }) => Buffer.from(data).toString())).toEqual(['kind: X']);
  });

  it('has nothing more or less after a way through here', () => {
    const written = JSON.parse(
      gunzipSync(Buffer.from(encodeRelease(decodeRelease(base64(ofHelm))), 'base64')).toString(),
    );
    const { hooks, ...rest } = written as { hooks: object[] } & Record<string, unknown>;
    const { hooks: given, ...others } = ofHelm;
    expect(rest).toEqual({ ...others, chart: { ...ofHelm.chart, files: [{ name: 'README.md', data: '' }] } });
    expect(hooks[0]).toEqual({ ...given[0], last_run: { phase: '' } });
  });

  it('of a chart without values.yaml stays without values', () => {
    const bare = { ...ofHelm, chart: { ...ofHelm.chart, values: null } };
    expect(storedForm(decodeRelease(base64(bare))).chart?.values).toBeNull();
    const { metadata } = release('web', 1).chart;
    const chart = { metadata, values: {}, templates: [], files: [], raw: [], dependencies: [] };
    expect(storedChart(chart).values).toBeNull();
    const file = { name: 'values.yaml', data: Buffer.from('') };
    expect(storedChart({ ...chart, raw: [file] }).values).toEqual({});
  });

  it('has no field for what never was, as Helm 4.1 writes it', () => {
    const { info } = storedForm(release('web', 1));
    expect(Object.keys(info ?? {})).toEqual(['first_deployed', 'last_deployed', 'description', 'status', 'notes']);
  });

  it('that is none is refused, and not shown', () => {
    expect(() => decodeRelease('hunter2')).toThrow('a stored release cannot be read: it is no gzipped JSON');
    expect(() => decodeRelease(gzipSync('{"password": hunter2').toString('base64'))).not.toThrow('hunter2');
  });

  it('does not unpack without end', () => {
    const bomb = gzipSync(Buffer.alloc(300 * 2 ** 20)).toString('base64');
    expect(() => decodeRelease(bomb)).toThrow('cannot be read');
  });
});

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

describe.each(['secret', 'configmap', 'memory'] as const)('releases kept by the driver %s', (driver: StorageDriver) => {
  let clock: SimulatedClock;
  let api: TestApiServer;
  let storage: ReleaseStorage;
  beforeEach(async () => {
    clock = createSimulatedClock();
    api = await startTestApiServer({ clock });
    storage = createStorage({ client: api.client, clock, namespace: 'default', driver });
  });
  afterEach(() => api.close());

  it('are created, changed, listed, and removed', async () => {
    await storage.create(release('web', 1));
    await storage.create(release('web', 2, { info: { ...release('web', 2).info, status: 'pending-upgrade' } }));
    await storage.create(release('db', 1));
    await storage.update(release('web', 2, { config: { changed: true } }));
    const found = (await storage.index('web')).map(({ version, status }) => `${version} ${status}`);
    expect(found).toEqual(['1 deployed', '2 deployed']);
    expect((await storage.index()).map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'db',
      'web',
      'web',
    ]);
    expect((await storage.get('web', 2)).config).toEqual({ changed: true });
    await storage.remove('web', 1);
    await storage.remove('web', 1);
    expect((await storage.index('web')).map(({ version }) => version)).toEqual([2]);
    await expect(storage.get('web', 1)).rejects.toThrow('release: not found');
  });

  it('are many, and found without reading them', async () => {
    for (let i = 0; i < 1000; i++) await storage.create(release(`release-${i}`, 1));
    const found = await storage.index();
    expect(found).toHaveLength(1000);
    expect(found.at(-1)?.read()).toMatchObject({ version: 1, namespace: 'default', manifest: '---\na: 1\n' });
  });
});

describe('a driver', () => {
  it('is named by HELM_DRIVER', () => {
    expect(['', undefined, 'secrets', 'configmap'].map(parseDriver)).toEqual([
      'secret',
      'secret',
      'secret',
      'configmap',
    ]);
    expect(() => parseDriver('sql')).toThrow('unknown driver in $HELM_DRIVER: sql');
  });

  it('keeps objects of Helm’s names, types and labels', async () => {
    const clock = createSimulatedClock();
    const api = await startTestApiServer({ clock });
    const at = { client: api.client, clock, namespace: 'default' };
    const labels = { team: 'a' };
    await createStorage({ ...at, driver: 'secret' }).create(release('web', 7, { labels, owner: 'boot 1 2' }));
    await createStorage({ ...at, driver: 'configmap' }).create(release('web', 7));
    const name = { name: 'sh.helm.release.v1.web.v7', namespace: 'default' };
    const secret = await api.client.get(secrets, name);
    expect([secret.type, secret.metadata.labels]).toEqual([
      'helm.sh/release.v1',
      {
        team: 'a',
        name: 'web',
        owner: 'helm',
        status: 'deployed',
        version: '7',
        createdAt: expect.any(String) as string,
      },
    ]);
    const { data } = await api.client.get(configMaps, name);
    expect(decodeRelease(data?.['release'] ?? '')).toMatchObject({ name: 'web', version: 7 });
    await api.close();
  });
});
