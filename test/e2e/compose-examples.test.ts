import { Resolver } from 'node:dns/promises';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, remains, root, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-examples-'));
const cluster = new TestCluster('cex', join(scratch, 'kubeconfig'));
const examples = join(scratch, 'examples');
/** As examples/compose/README.md has it. */
const programs = 'dnsmasq-base,haproxy,memcached,nginx-light,postgresql,python3,python3-psycopg2,redis-server';

beforeAll(async () => {
  cpSync(join(root, 'examples/compose'), examples, { recursive: true });
  await cluster.tryTimonel('delete');
  await cluster.timonel('up');
  await cluster.timonel('image', 'base', '--busybox');
  await cluster.timonel('image', 'base', 'examples/programs', '--include', programs);
  // Most examples build this.
  await cluster.timonel('build', '-t', 'examples/stand-in', join(examples, 'stand-in'));
});

afterAll(async () => {
  cluster.endAll();
  await cluster.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect(await remains('cex')).toEqual([]);
});

/** A command on an example that has to work; resolves with what it prints. */
async function compose(project: string, ...args: string[]): Promise<string> {
  const directory = join(examples, project);
  const file = ['compose.yaml', 'docker-compose.yml'].map((name) => join(directory, name)).find(existsSync) ?? '';
  const ran = await cluster.tryTimonel('compose', '--project-directory', directory, '-f', file, ...args);
  if (ran.code === 0) return ran.stdout;
  const seen = await cluster.tryKubectl('get', 'pods,jobs,services,endpointslices,events', '-n', project, '-o', 'wide');
  throw new Error(`${project}: ${args.join(' ')}: ${ran.code}\n${ran.stdout}${ran.stderr}\n${seen.stdout}`);
}

/** What stands at a published port, once something does. */
function page(at: string): Promise<string> {
  return eventually(async () => {
    const response = await fetch(`http://localhost:${at}`, { signal: AbortSignal.timeout(5000) }).catch(
      () => undefined,
    );
    return response?.ok ? response.text() : undefined;
  }, `${at} answers`);
}

/** Projects with what their published ports answer. */
const answering: Record<string, Record<string, string>> = {
  blog: { '18002/': 'hello from blog\nvisits: 1\n' },
  'counter-cache': { '18003/': 'I have been seen 1 times.\n' },
  voting: { '18004/': 'hello from vote\nvisits: 1\n', '18005/': 'hello from result\nvisits: 1\n' },
  migrations: { '18009/': 'hello from web\nvisits: 1\n' },
  monitoring: { '18010/': 'hello from prometheus\n', '18011/': 'hello from grafana\n' },
  search: { '18012/': 'hello from kibana\nvisits: 1\n' },
  'format-1': { '18013/': 'hello from web\nvisits: 1\n' },
  'format-2': { '18014/': 'hello from web\nvisits: 1\n' },
  swarm: { '18015/': 'hello from web\n', '18016/': 'hello from visualizer\n' },
  secrets: { '18017/': 'hello from web\nsecret: 19 bytes\n' },
  isolation: { '18018/': 'hello from api\nvisits: 1\n' },
  composed: { '18022/': 'hello from composed\nvisits: 1\n' },
  'git-server': { '18023/': 'hello from git\nvisits: 1\n' },
  'edge-router': { '18025/': 'hello from whoami\n' },
  sessions: { '18030/alice': 'visit 1\n', '18030/bob': 'visit 1\n' },
  'web-database': { '3005/': 'hello from web\nvisits: 1\n' },
};

describe.concurrent('an example comes up and answers:', () => {
  it.each(Object.entries(answering))('%s', async (project, pages) => {
    await compose(project, 'up', '-d', '--wait');
    for (const [at, words] of Object.entries(pages)) expect(await page(at)).toBe(words);
    await compose(project, 'down', '-v', '-t', '1');
  });

  it('queue-workers, whose three workers take what the queue gets', async () => {
    await compose('queue-workers', 'up', '-d', '--wait');
    for (let i = 0; i < 5; i++) expect(await page('18007/cgi-bin/push?job')).toBe('ok\n');
    await eventually(async () => (await page('18008/cgi-bin/get?done')) === '5\n', 'the work is done');
    expect((await compose('queue-workers', 'ps', '-q', 'worker')).trim().split('\n')).toHaveLength(3);
    await compose('queue-workers', 'down', '-t', '1');
  });

  it('batch, whose jobs end one after another', async () => {
    await compose('batch', 'up', '-d');
    await eventually(
      async () => (await compose('batch', 'ps', '-a', '--status', 'exited', '--services')) === 'crunch\nreport\n',
      'the jobs are through',
    );
    expect(await compose('batch', 'logs', '--no-log-prefix', 'report')).toBe('reported\n');
    expect((await compose('batch', 'logs', '--no-log-prefix', 'crunch')).split('\n')).toHaveLength(4);
    await compose('batch', 'down');
  });

  it('development, with the directory that is worked on', async () => {
    await compose('development', 'up', '-d', '--wait');
    expect(await page('18019/')).toBe('hello from web\n');
    expect(await compose('development', 'exec', '-T', 'site', 'cat', '/srv/site/index.html')).toContain('<');
    await compose('development', 'down', '-t', '1');
  });

  it('profiles, and its tool when it is asked for', async () => {
    await compose('profiles', 'up', '-d', '--wait');
    expect(await page('18020/')).toBe('hello from web\n');
    expect(await compose('profiles', 'ps', '--services')).toBe('app\n');
    await compose('profiles', '--profile', 'debug', 'up', '-d', '--wait');
    expect(await page('18021/')).toBe('hello from adminer\n');
    await compose('profiles', 'down', '-t', '1');
  });

  it('name-server, by datagrams', async () => {
    await compose('name-server', 'up', '-d', '--wait');
    const resolver = new Resolver({ timeout: 1000, tries: 10 });
    resolver.setServers(['127.0.0.1:18053']);
    expect(await resolver.resolve4('printer.office.example')).toEqual(['192.0.2.7']);
    expect(await resolver.resolve4('scanner.office.example')).toEqual(['192.0.2.8']);
    await compose('name-server', 'down', '-t', '1');
  });

  it('reverse-proxy and load-balancer, whose servers take turns', async () => {
    await Promise.all(['reverse-proxy', 'load-balancer'].map((project) => compose(project, 'up', '-d', '--wait')));
    const seen = async (at: string, count: number): Promise<string[]> => {
      const words = new Set<string>();
      await eventually(async () => words.add(await page(at)).size === count, `${count} answer at ${at}`);
      return [...words].toSorted();
    };
    expect(await seen('18027/', 2)).toEqual(['blue\n', 'green\n']);
    for (const words of await seen('18006/', 2)) expect(words).toMatch(/^hello from backend-/);
    expect(await page('18028/')).toContain('Statistics Report');
    await Promise.all(['reverse-proxy', 'load-balancer'].map((project) => compose(project, 'down', '-t', '1')));
  });

  it('guestbook, which keeps its names when it is taken down', async () => {
    await compose('guestbook', 'up', '-d');
    expect(await page('18029/')).toBe('');
    for (const body of ['alice', 'bob']) {
      expect(
        (await fetch('http://127.0.0.1:18029/', { method: 'POST', body, signal: AbortSignal.timeout(30_000) })).status,
      ).toBe(201);
    }
    expect(await page('18029/')).toBe('alice\nbob\n');
    await compose('guestbook', 'down');
    await compose('guestbook', 'up', '-d');
    expect(await page('18029/')).toBe('alice\nbob\n');
    await compose('guestbook', 'down', '-v');
  });
});

it('are all the examples there are', () => {
  const tested = [...Object.keys(answering), ...['queue-workers', 'batch', 'development', 'profiles', 'name-server']];
  tested.push('reverse-proxy', 'load-balancer', 'guestbook');
  const isProject = (name: string): boolean => !/\.md$|^stand-in$/.test(name);
  expect(readdirSync(examples).filter(isProject)).toEqual(tested.toSorted());
});
