import { gunzipSync } from 'node:zlib';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, remains, root, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-e2e-'));
const cluster = new TestCluster('charts', join(scratch, 'kubeconfig'));
const shop = join(root, 'test/fixtures/charts/10-shop');
const chart = (...args: string[]) => cluster.timonel('chart', ...args);
const wait = ['--wait', '--timeout', '40s'];

beforeAll(async () => {
  await cluster.tryTimonel('delete');
  await cluster.timonel('up', '--nodes', '2');
  await cluster.timonel('image', 'base', 'busybox', '--busybox');
}, 120_000);

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true });
  expect(await remains('charts')).toEqual([]);
}, 60_000);

interface Answers {
  counts: Map<string, number>;
  failures: string[];
  stop: () => Promise<void>;
}

/** A client that asks a service again and again, one request after the other, and keeps what it hears. */
function askAgainAndAgain(url: string): Answers {
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let isAsking = true;
  const ask = async (): Promise<void> => {
    while (isAsking) {
      try {
        const response = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) });
        const text = (await response.text()).trim();
        if (response.ok) counts.set(text, (counts.get(text) ?? 0) + 1);
        else failures.push(`${response.status} ${text}`);
      } catch (error) {
        failures.push(String((error as Error).cause ?? error));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const done = ask();
  return { counts, failures, stop: () => ((isAsking = false), done) };
}

async function urlOf(service: string): Promise<string> {
  return `http://${await cluster.kubectl('get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}')}/index.html`;
}

async function names(kind: string): Promise<string[]> {
  const found = await cluster.kubectl('get', kind, '-o', 'jsonpath={.items[*].metadata.name}');
  return found.split(' ').filter((name) => name.startsWith('shop-'));
}

const history = async () =>
  (JSON.parse(await chart('history', 'shop', '-o', 'json')) as { status: string; description: string }[]).map(
    ({ status, description }) => `${status}: ${description.slice(0, 40)}`,
  );

it('takes a release through its whole life, and a client sees no error', async () => {
  const installed = await cluster.tryTimonel('chart', 'install', 'shop', shop, ...wait);
  expect(installed.stderr).toContain('migrated to revision 1');
  expect(installed.stdout).toMatch(/STATUS: deployed\nREVISION: 1[\s\S]*Shop 7.1: shop says hello/);
  expect(await names('jobs')).toEqual(['shop-announce']);
  expect(await names('deployments')).toEqual(['shop-sessions', 'shop-web']);
  const password = await cluster.kubectl('get', 'secret', 'shop-admin', '-o', 'jsonpath={.data.password}');
  const template =
    '{{ .Release.Name }}/{{ .Release.Version }} {{ .Release.Chart.Metadata.Name }} {{ .Release.Info.Status }}';
  expect(await chart('get', 'all', 'shop', '--template', template)).toBe('shop/1 shop deployed');
  expect(await chart('show', 'values', shop, '--jsonpath', '{.word} {.replicas}')).toBe('hello 2');
  expect(await chart('dependency', 'list', shop, '--max-col-width', '9')).toContain('REPOSI...');

  const client = askAgainAndAgain(await urlOf('shop-web'));
  await eventually(() => Promise.resolve(client.counts.has('shop says hello')), 'the shop to answer');
  const changes = ['--set', 'word=welcome,pages.enabled=true,sessions.enabled=false'];
  const coupons = ['--set-json', 'coupons=[{"name": "spring", "percent": 10}, {"name": "fall", "percent": 20}]'];
  await chart('upgrade', 'shop', shop, ...changes, ...coupons, ...wait);
  expect(await cluster.kubectl('get', 'coupons', '-o', 'jsonpath={.items[*].spec.percent}')).toBe('20 10');
  await eventually(() => Promise.resolve(client.counts.has('shop says welcome')), 'the new greeting');
  expect(await names('deployments')).toEqual(['shop-pages', 'shop-web']);
  expect(await chart('test', 'shop', '--logs')).toMatch(/Phase: +Succeeded[\s\S]*POD LOGS[\s\S]*shop says welcome/);

  const broken = await cluster.tryTimonel(
    ...['chart', 'upgrade', 'shop', shop, '--reuse-values', '--set', 'broken=true,word=broken'],
    ...['--atomic', '--timeout', '6s'],
  );
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/rolled back[\s\S]*Deployment default\/shop-web[\s\S]*Readiness probe failed/);
  const refused = await cluster.tryTimonel('chart', 'upgrade', 'shop', shop, '--set', 'migrate.fail=true');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('pre-upgrade hook')]);
  expect(refused.stderr).toContain('cannot migrate');
  await chart('rollback', 'shop', '1', ...wait);
  expect(await history()).toEqual([
    'superseded: Install complete',
    'superseded: Upgrade complete',
    expect.stringContaining('failed: Upgrade "shop" failed'),
    'superseded: Rollback to 2',
    expect.stringContaining('failed: Upgrade "shop" failed'),
    'deployed: Rollback to 1',
  ]);
  expect(await names('deployments')).toEqual(['shop-sessions', 'shop-web']);
  expect(await cluster.kubectl('get', 'coupons', '-o', 'name')).toBe('');
  const hellos = client.counts.get('shop says hello') ?? 0;
  await eventually(() => Promise.resolve((client.counts.get('shop says hello') ?? 0) > hellos), 'the old greeting');
  await client.stop();
  expect([client.failures, [...client.counts.keys()]]).toEqual([[], ['shop says hello', 'shop says welcome']]);
  expect(await cluster.kubectl('get', 'secret', 'shop-admin', '-o', 'jsonpath={.data.password}')).toBe(password);

  expect(await chart('uninstall', 'shop', '--wait')).toContain('[Secret] shop-admin');
  expect([...(await names('deployments')), ...(await names('services'))]).toEqual([]);
  // What hooks made stays where no policy deletes it: the last migration failed.
  expect(await names('jobs')).toEqual(['shop-announce', 'shop-migrate']);
  expect(await names('configmaps')).toEqual(['shop-grave', 'shop-log']);
  expect(await chart('list', '-q')).toBe('');
  // Definitions are never deleted: everybody's objects would go with them.
  expect(await cluster.kubectl('get', 'crd', '-o', 'name')).toContain('coupons.shop.example.com');
  await cluster.kubectl(
    'delete',
    'configmap/shop-grave',
    'configmap/shop-log',
    'job/shop-announce',
    'secret/shop-admin',
  );
}, 180_000);

it('keeps releases where and as Helm keeps them, and gets out of an operation that was killed', async () => {
  const args = ['--set', 'replicas=1,sessions.enabled=false', '-l', 'team=a'];
  await chart('install', 'shop', shop, ...args);
  const { items } = await cluster.json<{ items: { type: string; data: { release: string }; metadata: Labelled }[] }>(
    ...['get', 'secrets', '-l', 'owner=helm'],
  );
  expect(items.map(({ type, metadata }) => [type, metadata.name, metadata.labels])).toEqual([
    [
      'helm.sh/release.v1',
      'sh.helm.release.v1.shop.v1',
      expect.objectContaining({ name: 'shop', owner: 'helm', status: 'deployed', version: '1', team: 'a' }),
    ],
  ]);
  const text = Buffer.from(items[0]?.data.release ?? '', 'base64').toString();
  const release = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString()) as Record<string, unknown>;
  expect(Object.keys(release)).toEqual([
    'name',
    'info',
    'chart',
    'config',
    'manifest',
    'hooks',
    'version',
    'namespace',
  ]);
  expect(release).toMatchObject({ name: 'shop', version: 1, info: { status: 'deployed' }, config: { replicas: 1 } });

  const { child } = cluster.background(
    ...[process.execPath, join(root, 'dist/timonel.js'), 'chart', 'upgrade', 'shop', shop],
    ...['--set', 'broken=true,replicas=1,sessions.enabled=false', '--wait'],
  );
  await eventually(async () => (await chart('list', '--pending', '-q')).includes('shop'), 'the upgrade to be pending');
  const meanwhile = await cluster.tryTimonel('chart', 'upgrade', 'shop', shop, ...args);
  expect([meanwhile.code, meanwhile.stderr]).toEqual([1, expect.stringContaining('--abandon-pending')]);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('close', resolve));
  const next = await cluster.tryTimonel('chart', 'upgrade', 'shop', shop, ...args, '--set', 'word=again', ...wait);
  expect([next.code, next.stderr]).toEqual([0, expect.stringContaining('left unfinished')]);
  expect(await (await fetch(await urlOf('shop-web'))).text()).toBe('shop says again\n');

  // What was applied by patches is the server's to apply from now on, and has one owner.
  await chart('upgrade', 'shop', shop, '--server-side', ...args, '--set', 'word=served', ...wait);
  await chart('upgrade', 'shop', shop, ...args, '--set', 'word=oncemore', ...wait);
  const { metadata } = await cluster.json<{ metadata: { managedFields: { manager: string; operation: string }[] } }>(
    ...['get', 'configmap', 'shop-settings', '--show-managed-fields'],
  );
  expect(metadata.managedFields.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual(['helm Apply']);
  await chart('uninstall', 'shop', '--wait', '--no-hooks');
}, 120_000);

interface Labelled {
  name: string;
  labels: Record<string, string>;
}
