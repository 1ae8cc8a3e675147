import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/system-clock.ts';
import { packageChart } from '../authoring/package-chart.ts';
import { scaffoldChart } from '../authoring/scaffold.ts';
import { unpackChart } from '../chart/archive.ts';
import type { Chart } from '../chart/chart.ts';
import { loadArchive, loadChart } from '../chart/load-chart.ts';
import { loadFiles } from '../chart/load-files.ts';
import {
  buildDependencies,
  dependencyStates,
  type FetchOptions,
  unaskedDependencies,
  updateDependencies,
} from './dependency-manager.ts';
import { formatIndex, newestIn, parseIndex } from './index-file.ts';
import { readYaml } from '../functions/yaml-read.ts';
import { locateChart, type LocateOptions } from './locate.ts';
import { parseOciTarget, pushOci } from './oci.ts';
import {
  cacheIndex,
  changeRepositories,
  fetchIndex,
  helmPaths,
  helmLoginFiles,
  readRepositories,
  writeRepositories,
} from './repositories.ts';

let directory: string;
let server: Server;
let url: string;
let options: LocateOptions;
/** What the server was asked for, and with which authorization. */
let asked: string[];
const files = new Map<string, Uint8Array | string>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'timonel-charts-'));
  files.clear();
  asked = [];
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  options = { access: { plainHttp: true }, paths: helmPaths({ HOME: directory }) };
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

/** A repository of files, and as much of a registry as charts need. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', url);
  asked.push(`${request.method} ${pathname} ${request.headers.authorization ?? ''}`.trim());
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (request.method === 'POST') return void response.writeHead(202, { location: `${pathname}1?state=x` }).end();
  if (request.method === 'PUT') {
    const digest = searchParams.get('digest') ?? `sha256:${createHash('sha256').update(body).digest('hex')}`;
    files.set(searchParams.has('digest') ? pathname.replace(/uploads\/.*$/, digest) : pathname, body);
    return void response.writeHead(201).end();
  }
  if (pathname.endsWith('/tags/list')) {
    const start = pathname.replace('tags/list', 'manifests/');
    const tags = [...files.keys()].filter((path) => path.startsWith(start)).map((path) => path.slice(start.length));
    return void response.end(JSON.stringify({ tags }));
  }
  const found = files.get(pathname);
  if (found === undefined) response.writeHead(404).end();
  else response.end(found);
}

async function chartNamed(name: string, version: string, more = ''): Promise<Chart> {
  const scaffold = scaffoldChart(name).map((file) =>
    file.name === 'Chart.yaml'
      ? { ...file, data: Buffer.from(`apiVersion: v2\nname: ${name}\nversion: ${version}\n${more}`) }
      : file,
  );
  return loadFiles(scaffold, unpackChart);
}

async function serveRepository(...charts: Chart[]): Promise<void> {
  const entries: Record<string, never[]> = {};
  for (const chart of charts) {
    const { fileName, data, metadata } = await packageChart(chart, { modified: 0 });
    files.set(`/${fileName}`, data);
    (entries[metadata.name] ??= []).push({ ...metadata, urls: [fileName] } as never);
  }
  files.set('/index.yaml', formatIndex({ entries }, '2026-01-01T00:00:00Z', 'yaml'));
}

async function versionOf(reference: string, more: Partial<LocateOptions> = {}): Promise<string> {
  const located = await locateChart(reference, { ...options, ...more });
  const chart =
    located.kind === 'path' ? await loadChart(located.path) : await loadArchive(located.data, located.fileName);
  return chart.metadata.version;
}

describe('a chart repository', () => {
  it('gives the newest version, or one in a range', async () => {
    await serveRepository(
      await chartNamed('web', '1.2.0'),
      await chartNamed('web', '1.10.0'),
      await chartNamed('web', '2.0.0-rc.1'),
    );
    expect(await versionOf('web', { repo: url })).toBe('1.10.0');
    expect(await versionOf('web', { repo: url, version: '~1.2' })).toBe('1.2.0');
    expect(await versionOf('web', { repo: url, devel: true })).toBe('2.0.0-rc.1');
    expect(await versionOf(`${url}/web-1.2.0.tgz`)).toBe('1.2.0');
    await expect(versionOf('web', { repo: url, version: '^9' })).rejects.toThrow(
      `chart "web" version "^9" not found in ${url} repository`,
    );
    await expect(versionOf('db', { repo: url })).rejects.toThrow(`chart "db" not found in ${url} repository`);
    await expect(versionOf(`${url}/none-1.0.0.tgz`)).rejects.toThrow(
      `failed to fetch ${url}/none-1.0.0.tgz : 404 Not Found`,
    );
    await expect(versionOf('web', { repo: url, verify: true })).rejects.toThrow(
      `failed to fetch provenance "${url}/web-1.10.0.tgz.prov"`,
    );
  });

  it('is known by name once it was added, with its login', async () => {
    await serveRepository(await chartNamed('web', '1.0.0'));
    const repository = { name: 'mine', url, username: 'me', password: 'secret' };
    await writeRepositories(options.paths, [repository], '2026-01-01T00:00:00Z');
    await cacheIndex(options.paths, 'mine', await fetchIndex(url, {}));
    expect(await readRepositories(options.paths)).toEqual([repository]);
    expect(await versionOf('mine/web')).toBe('1.0.0');
    expect(asked.at(-1)).toBe(`GET /web-1.0.0.tgz Basic ${Buffer.from('me:secret').toString('base64')}`);
  });

  it('is one of many that are added at the same time, and none is lost', async () => {
    const add = (name: string): Promise<void> =>
      changeRepositories(options.paths, systemClock, (all) => [...all, { name, url: `https://example.com/${name}` }]);
    const names = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(names.map(add));
    expect((await readRepositories(options.paths)).map(({ name }) => name).toSorted()).toEqual(names);
    await changeRepositories(options.paths, systemClock, (all) => all.filter(({ name }) => name !== 'c'));
    expect(await readRepositories(options.paths)).toHaveLength(4);
  });

  it.each([
    ['mine/db', {}, 'chart "db" matching  not found in mine index.', 'no chart name found'],
    ['mine/web', { version: '^9' }, 'chart "web" matching ^9 not found in mine index.', 'found for web-^9'],
    ['other/web', {}, 'repo other not found', ''],
    ['web', {}, 'non-absolute URLs should be in form of repo_name/path_to_chart, got: web', ''],
    ['./web', {}, 'path "./web" not found', ''],
    ['s3://bucket/web', {}, 'scheme "s3" not supported', ''],
  ])('is not the place of %s, in Helm’s words', async (reference, more, said, why) => {
    await serveRepository(await chartNamed('web', '1.0.0'));
    await writeRepositories(options.paths, [{ name: 'mine', url }], '2026-01-01T00:00:00Z');
    await cacheIndex(options.paths, 'mine', await fetchIndex(url, {}));
    const failure = (await versionOf(reference, more).catch((error: unknown) => error)) as Error;
    expect(failure.message.startsWith(said)).toBe(true);
    expect(failure.message.endsWith(why)).toBe(true);
  });

  it('is one only with an index', async () => {
    await expect(versionOf('web', { repo: url })).rejects.toThrow(
      `looks like "${url}" is not a valid chart repository or cannot be reached: failed to fetch ${url}/index.yaml : 404`,
    );
    await expect(fetchIndex('http://127.0.0.1:1', {})).rejects.toThrow(
      'cannot be reached: http://127.0.0.1:1: connect',
    );
    expect(() => parseIndex('a: [', 'x')).toThrow('x is no chart repository');
    expect(() => parseIndex('a: 1', 'x')).toThrow('its index.yaml has no apiVersion');
    expect(newestIn([{ version: '1.0.0' }, { version: '1.0.1' }])?.version).toBe('1.0.1');
  });
});

describe('a registry', () => {
  it("finds logins in Docker's files and in Helm's", () => {
    expect(helmLoginFiles({ HOME: '/home/me' })).toEqual([
      ...['/home/me/.docker/config.json', '/home/me/.config/containers/auth.json'],
      '/home/me/.config/helm/registry/config.json',
    ]);
    expect(helmLoginFiles({ HOME: '/home/me', HELM_REGISTRY_CONFIG: '/r.json' })[0]).toBe('/r.json');
  });

  it('takes charts and gives them back', async () => {
    const host = url.replace('http://', '');
    for (const version of ['1.0.0', '1.1.0+build.5']) {
      const packaged = await packageChart(await chartNamed('web', version), { modified: 0 });
      const pushed = await pushOci(
        parseOciTarget(`oci://${host}/charts`),
        { ...packaged, created: '2026-01-01T00:00:00Z' },
        options.access,
      );
      expect(pushed.name).toBe(`${host}/charts/web:${version.replace('+', '_')}`);
    }
    expect(await versionOf(`oci://${host}/charts/web`)).toBe('1.1.0+build.5');
    expect(await versionOf(`oci://${host}/charts/web`, { version: '1.0.0' })).toBe('1.0.0');
    expect(await versionOf(`oci://${host}/charts/web:1.0.0`)).toBe('1.0.0');
    await expect(versionOf(`oci://${host}/charts/web:1.0.0`, { version: '2.0.0' })).rejects.toThrow(
      'chart reference and version mismatch: 2.0.0 is not 1.0.0',
    );
    expect(await versionOf(`oci://${host}/charts/web:1.0.0`, { version: '1.0.0' })).toBe('1.0.0');
    await expect(versionOf(`oci://${host}/charts/db:1.0.0`)).rejects.toThrow('not found');
  });

  it('is told of the chart by annotations, those of the chart among them', async () => {
    const host = url.replace('http://', '');
    const packaged = await packageChart(await chartNamed('web', '1.0.0'), { modified: 0 });
    const metadata: typeof packaged.metadata = {
      ...{ ...packaged.metadata, description: 'serves', home: 'https://web.example.com', sources: ['a', 'b'] },
      maintainers: [{ name: 'Ann', email: 'ann@example.com' }, { name: 'Bob' }],
      annotations: { category: 'x', 'org.opencontainers.image.title': 'other', 'org.opencontainers.image.url': 'own' },
    };
    await pushOci(parseOciTarget(`oci://${host}`), { ...packaged, metadata, created: '2026' }, options.access);
    const [, manifest] = [...files].find(([path]) => path.endsWith('/v2/web/manifests/1.0.0')) ?? [];
    expect(JSON.parse(String(manifest))).toMatchObject({
      annotations: {
        category: 'x',
        'org.opencontainers.image.authors': 'Ann (ann@example.com), Bob',
        'org.opencontainers.image.created': '2026',
        'org.opencontainers.image.description': 'serves',
        'org.opencontainers.image.source': 'a',
        'org.opencontainers.image.title': 'web',
        'org.opencontainers.image.url': 'own',
        'org.opencontainers.image.version': '1.0.0',
      },
    });
  });

  it.each([
    ['http://127.0.0.1/x', 'scheme "http" not supported'],
    ['127.0.0.1/x', 'scheme prefix missing from remote (e.g. "oci://")'],
    ['oci://127.0.0.1/X y', 'invalid reference: invalid repository "X y"'],
  ])('is not pushed to at %s', (target, message) => {
    expect(() => parseOciTarget(target)).toThrow(message);
  });

  it('must give what it says that it gives', async () => {
    const host = url.replace('http://', '');
    const packaged = await packageChart(await chartNamed('web', '1.0.0'), { modified: 0 });
    await pushOci(parseOciTarget(`oci://${host}/charts`), { ...packaged, created: '' }, options.access);
    const blob = [...files].find(([path, data]) => path.includes('/blobs/') && data[0] === 0x1f)?.[0] ?? '';
    files.set(blob, Buffer.from('something else'));
    await expect(versionOf(`oci://${host}/charts/web:1.0.0`)).rejects.toThrow(
      'has not the digest that the manifest says',
    );
  });
});

describe('dependencies', () => {
  it('are fetched, locked, and built again from the lock', async () => {
    await serveRepository(await chartNamed('db', '1.0.0'), await chartNamed('db', '1.5.0'));
    const app = join(directory, 'app');
    await mkdir(app);
    const yaml = (range: string): string =>
      `apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: db, version: "${range}", repository: "${url}"}\n`;
    await writeFile(join(app, 'Chart.yaml'), yaml('^1.0'));
    const fetching = { ...options, now: { iso: '2026-01-01T00:00:00Z', epochMs: 0 }, say: () => undefined };
    expect(dependencyStates(await loadChart(app))).toMatchObject([{ name: 'db', status: 'missing' }]);
    await updateDependencies(app, fetching);
    expect(await readdir(join(app, 'charts'))).toEqual(['db-1.5.0.tgz']);
    expect(dependencyStates(await loadChart(app))).toMatchObject([{ name: 'db', status: 'ok' }]);
    expect(await readFile(join(app, 'Chart.lock'), 'utf8')).toMatch(
      /^dependencies:\n- name: db\n.*\n {2}version: 1\.5\.0\ndigest: sha256:/,
    );
    await rm(join(app, 'charts'), { recursive: true });
    await buildDependencies(app, fetching);
    expect(await readdir(join(app, 'charts'))).toEqual(['db-1.5.0.tgz']);
    await writeFile(join(app, 'Chart.yaml'), yaml('1.0.0'));
    await expect(buildDependencies(app, fetching)).rejects.toThrow('out of sync');
    const cache = await packageChart(await chartNamed('cache', '2.0.0'), { modified: 0 });
    await writeFile(join(app, 'charts', cache.fileName), cache.data);
    expect(unaskedDependencies(await loadChart(app))).toEqual(['charts/cache-2.0.0.tgz']);
    await rm(join(app, 'charts/cache-2.0.0.tgz'));
    await updateDependencies(app, fetching);
    expect(await readdir(join(app, 'charts'))).toEqual(['db-1.0.0.tgz']);
  });

  const dependent = async (dependencies: string, more = ''): Promise<string> => {
    const app = join(directory, 'app');
    await mkdir(join(app, 'charts'), { recursive: true });
    const metadata = more || 'apiVersion: v2\nname: app\nversion: 1.0.0\n';
    await writeFile(join(app, 'Chart.yaml'), `${metadata}dependencies: [${dependencies}]\n`);
    return app;
  };
  const said: string[] = [];
  const fetching = (more: Partial<FetchOptions> = {}): FetchOptions => {
    said.length = 0;
    const now = { iso: '2026-01-01T00:00:00Z', epochMs: 0 };
    return { ...options, now, say: (line) => said.push(line.replaceAll(url, 'URL')), ...more };
  };

  it('come from repositories by name, whose indexes are fetched first, and are locked by URL', async () => {
    await serveRepository(await chartNamed('db', '1.0.0'));
    await writeRepositories(options.paths, [{ name: 'mine', url }], '2026-01-01T00:00:00Z');
    const app = await dependent('{name: db, version: "*", repository: "@mine"}');
    await expect(updateDependencies(app, fetching({ skipRefresh: true }))).rejects.toThrow('no cached repo found');
    await updateDependencies(app, fetching());
    expect(said).toEqual([
      'Hang tight while we grab the latest from your chart repositories...',
      '...Successfully got an update from the "mine" chart repository',
      'Update Complete. ⎈Happy Helming!⎈',
      'Saving 1 charts',
      'Downloading db from repo URL',
      'Deleting outdated charts',
    ]);
    const lock = await readFile(join(app, 'Chart.lock'), 'utf8');
    expect(lock).toContain(`repository: ${url}\n`);
    await serveRepository(await chartNamed('db', '1.0.0'), await chartNamed('db', '1.1.0'));
    await updateDependencies(app, fetching({ skipRefresh: true, now: { iso: 'later', epochMs: 1 } }));
    expect(await readFile(join(app, 'Chart.lock'), 'utf8')).toBe(lock);
    await buildDependencies(app, fetching({ skipRefresh: true }));
    await updateDependencies(app, fetching());
    expect(await readdir(join(app, 'charts'))).toEqual(['db-1.1.0.tgz']);
  });

  it('may come from repositories that nobody added, each of which is asked once', async () => {
    await serveRepository(await chartNamed('db', '1.0.0'), await chartNamed('cache', '2.0.0'));
    const both = ['db', 'cache'].map((name) => `{name: ${name}, version: "*", repository: "${url}"}`);
    await updateDependencies(await dependent(both.join(', ')), fetching());
    expect(said.slice(0, 3)).toEqual([
      'Getting updates for unmanaged Helm repositories...',
      '...Successfully got an update from the "URL" chart repository',
      'Saving 2 charts',
    ]);
    expect(asked.filter((line) => line.includes('index.yaml'))).toHaveLength(1);
  });

  it('take with them the archives of those that are not wanted any more, and leave what is no chart', async () => {
    await serveRepository(await chartNamed('db', '1.0.0'), await chartNamed('cache', '2.0.0'));
    const from = (name: string): string => `{name: ${name}, version: "*", repository: "${url}"}`;
    const app = await dependent(`${from('db')}, ${from('cache')}`);
    await updateDependencies(app, fetching());
    expect((await readdir(join(app, 'charts'))).toSorted()).toEqual(['cache-2.0.0.tgz', 'db-1.0.0.tgz']);
    await writeFile(join(app, 'charts/NOTES.md'), 'no chart');
    await mkdir(join(app, 'charts/vendored'));
    await writeFile(join(app, 'charts/vendored/Chart.yaml'), 'apiVersion: v2\nname: vendored\nversion: 1.0.0\n');
    await dependent(from('cache'));
    await updateDependencies(app, fetching());
    expect((await readdir(join(app, 'charts'))).toSorted()).toEqual(['NOTES.md', 'cache-2.0.0.tgz', 'vendored']);
  });

  it('say what cannot be found', async () => {
    const unknown = await dependent('{name: db, version: 1.0.0, repository: stable}');
    await expect(updateDependencies(unknown, fetching())).rejects.toThrow(
      /^no repository definition for stable\. Please add them[^\n]*\nRepositories are URLs/,
    );
    const local = await dependent('{name: db, version: ^2.0.0, repository: ""}');
    await mkdir(join(local, 'charts/db'), { recursive: true });
    await writeFile(join(local, 'charts/db/Chart.yaml'), 'apiVersion: v2\nname: db\nversion: 1.0.0\n');
    await expect(updateDependencies(local, fetching())).rejects.toThrow(
      'dependency db at version 1.0.0 does not satisfy the constraint ^2.0.0',
    );
    expect(dependencyStates(await loadChart(local))).toMatchObject([{ status: 'wrong version' }]);
    await expect(updateDependencies(join(local, 'nope'), fetching())).rejects.toThrow('could not find');
    await expect(buildDependencies(join(local, 'Chart.yaml'), fetching())).rejects.toThrow('only unpacked charts');
  });

  it('are unpacked in a chart that is packed', async () => {
    const db = await packageChart(await chartNamed('db', '1.0.0'), { modified: 0 });
    const app = await dependent('{name: db, version: ">=1", repository: ""}');
    await writeFile(join(app, 'charts', db.fileName), db.data);
    const chart = await loadChart(app);
    expect(dependencyStates(chart)).toMatchObject([{ status: 'ok' }]);
    expect(dependencyStates(chart, { isPacked: true })).toMatchObject([{ status: 'unpacked' }]);
    const other = await packageChart(await chartNamed('db', '1.0.1'), { modified: 0 });
    await writeFile(join(app, 'charts', other.fileName), other.data);
    expect(dependencyStates(await loadChart(app))).toMatchObject([{ status: 'too many matches' }]);
  });

  it('may be locked as Helm 2 locked them', async () => {
    await serveRepository(await chartNamed('db', '1.0.0'));
    const app = await dependent('', 'apiVersion: v1\nname: app\nversion: 1.0.0\n');
    await writeFile(join(app, 'Chart.yaml'), 'apiVersion: v1\nname: app\nversion: 1.0.0\n');
    await writeFile(
      join(app, 'requirements.yaml'),
      `dependencies:\n- {name: db, version: ^1.0.0, repository: "${url}"}\n`,
    );
    const digest = createHash('sha256')
      .update(`{"dependencies":[{"name":"db","version":"^1.0.0","repository":"${url}"}]}`)
      .digest('hex');
    const lock = `dependencies:\n- {name: db, version: 1.0.0, repository: "${url}"}\ndigest: sha256:`;
    await writeFile(join(app, 'requirements.lock'), `${lock}${digest}\n`);
    await buildDependencies(app, fetching());
    expect(await readdir(join(app, 'charts'))).toEqual(['db-1.0.0.tgz']);
    await writeFile(join(app, 'requirements.lock'), `${lock}00\n`);
    await expect(buildDependencies(app, fetching())).rejects.toThrow(
      'the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml)',
    );
  });
});

describe('a large index', () => {
  const version = (chart: string, number: number, indent: string): string =>
    ['- apiVersion: v2', '  description: some words that go on', '    in the next line', `  name: ${chart}`]
      .concat(['  urls:', `  - https://example.com/${chart}.tgz`, `  version: 1.${number}.0`])
      .map((line) => `${indent}${line}\n`)
      .join('');

  const indexOf = (charts: number, versions: number, indent = '  '): string => {
    let text = '# made by hand\napiVersion: v1\nentries:\n';
    for (let chart = 0; chart < charts; chart++) {
      text += `  chart-${chart}:\n`;
      for (let number = 0; number < versions; number++) text += version(`chart-${chart}`, number, indent);
    }
    return `${text}generated: "2026-01-01T00:00:00Z"\nserverInfo: {}\n`;
  };

  it.each(['  ', '    '])('is read part by part, however long it is (lists at %j)', (indent) => {
    const text = indexOf(150, 400, indent);
    expect(text.length).toBeGreaterThan(8 * 2 ** 20);
    const { entries } = parseIndex(text, 'here');
    expect(Object.keys(entries)).toHaveLength(150);
    expect(entries['chart-149']?.map((entry) => entry.version).slice(0, 2)).toEqual(['1.399.0', '1.398.0']);
    expect(entries['chart-0']?.[0]?.description).toBe('some words that go on in the next line');
  });

  it('gives the same as a short one, and the same errors', () => {
    const text = indexOf(3, 200);
    expect(text.length).toBeGreaterThan(64 * 1024);
    expect(parseIndex(text, 'here')).toEqual(parseIndex(JSON.stringify(readYaml(text)), 'here'));
    const broken = text.replace('  name: chart-2\n', '  name: [chart-2\n');
    expect(() => parseIndex(broken, 'here')).toThrow('here is no chart repository: its index.yaml cannot be read');
    const unusual = `${text.replace('entries:\n', 'entries: &all\n')}more: *all\n`;
    expect(parseIndex(unusual, 'here')).toEqual(parseIndex(text, 'here'));
    expect(() => parseIndex(text.replace('apiVersion: v1\n', ''), 'here')).toThrow('has no apiVersion');
  });
});
