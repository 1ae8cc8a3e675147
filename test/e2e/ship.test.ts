import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Ran, remains, root, TestCluster } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'timonel-ship-'));
const kubeconfig = join(scratch, 'kubeconfig');
const first = new TestCluster('shp', kubeconfig);
const second = new TestCluster('shp2', kubeconfig);
process.env['DOCKER_CONFIG'] = join(scratch, 'docker');

const project = join(scratch, 'app');
const file = join(project, 'timonel.yaml');
const change = (name: string, from: string | RegExp, to: string): void => {
  const path = join(project, name);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
};

/** Where the app goes: both clusters are in one kubeconfig, and the context alone says which one is meant. */
class Target {
  readonly cluster: TestCluster;
  readonly #place: readonly string[];

  constructor(cluster: TestCluster, namespace: string) {
    this.cluster = cluster;
    this.#place = ['--context', `timonel-${cluster.name}`, '-n', namespace];
  }

  get flags(): string[] {
    return [...this.#place, '-f', file];
  }

  tryShip(...words: string[]): Promise<Ran> {
    return first.tryTimonel('ship', ...words, ...this.flags);
  }

  ship(...words: string[]): Promise<string> {
    return first.timonel('ship', ...words, ...this.flags);
  }

  kubectl(...words: string[]): Promise<string> {
    return first.kubectl(...this.#place, ...words);
  }

  async nodePort(): Promise<number> {
    const port = ['service', 'hello-world-python', '-o', 'jsonpath={.spec.ports[0].nodePort}'];
    return Number(await this.kubectl('get', ...port));
  }

  ingressPort(): number {
    const ports = readFileSync(`/var/lib/timonel/${this.cluster.name}/ingress/ports.json`, 'utf8');
    return (JSON.parse(ports) as { entrances: [{ clearPort: number }] }).entrances[0].clearPort;
  }

  /** Images of the cluster's registry. */
  async repositories(): Promise<string[]> {
    const listed = JSON.parse(await this.cluster.timonel('registry', 'ls', '-o', 'json')) as Record<string, string>[];
    return listed.map(({ repository, tag }) => `${repository}:${tag}`);
  }

  async history(): Promise<Row[]> {
    return JSON.parse(await this.ship('history', '-o', 'json')) as Row[];
  }
}

interface Row {
  revision: number | null;
  status: string;
  record?: { by: string; images: { digest: string }[]; tests: { name: string; result: string }[] };
}

const embedded = new Target(first, 'default');
const other = new Target(second, 'other');

beforeAll(async () => {
  cpSync(join(root, 'examples/ship'), project, { recursive: true });
  for (const cluster of [second, first]) {
    await cluster.tryTimonel('delete');
    await cluster.timonel('up', '--nodes', '1');
    // The app's base, made of busybox: its tests and its server are shell scripts of the same names.
    await cluster.timonel('image', 'base', '--busybox', 'python-flask');
    await cluster.timonel('registry', 'up');
  }
  change('Dockerfile', 'CMD ["python3", "app.py"]', 'CMD ["sh", "app.py"]');
  change('timonel.yaml', 'python3 -m pytest -q -p no:cacheprovider', 'sh tests/test_app.py');
  change('timonel.yaml', 'timeout: 2m', 'timeout: 30s');
});

afterAll(async () => {
  first.endAll();
  await first.tryTimonel('delete');
  await second.tryTimonel('delete');
  rmSync(scratch, { recursive: true, force: true });
  expect([...(await remains('shp')), ...(await remains('shp2'))]).toEqual([]);
});

/** Serves what the greeting says and which host says it. */
function app(greeting: string): string {
  return `mkdir -p /tmp/www\ncd /tmp/www\n(
echo ${greeting} from $(hostname)
) > index.html\necho ok > healthz\nexec httpd -f -p 5000\n`;
}

/** What a client of the host sees of the service's published port. */
async function ask(port: number, host?: string): Promise<string> {
  return new Promise((resolve) => {
    const headers = { connection: 'close', ...(host !== undefined && { host }) };
    const sent = get({ host: '127.0.0.1', port, path: '/', headers, agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`));
      response.on('error', (error) => resolve(error.message));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', (error) => resolve(error.message));
  });
}

/** A client that asks again and again while something is done; gives the answers that were not right. */
async function underLoad<T>(
  target: Target,
  work: () => Promise<T>,
): Promise<{ result: T; bad: string[]; asked: number }> {
  const port = await target.nodePort();
  const bad: string[] = [];
  let asked = 0;
  let isOver = false;
  const client = (async () => {
    while (!isOver) {
      const answer = await ask(port);
      asked += 1;
      if (!answer.startsWith('200 Hello')) bad.push(answer);
    }
  })();
  const result = await work();
  isOver = true;
  await client;
  return { result, bad, asked };
}

const states = async (target: Target): Promise<string[]> =>
  (await target.history()).map(({ revision, status }) => `${revision} ${status}`);

/** Journey 5: a test gate, a build, the registry, a chart, and the way back. */
function journey(target: Target): void {
  it('goes from a folder of source to answers, by tests and the registry', async () => {
    writeFileSync(join(project, 'app.py'), app('Hello'));
    writeFileSync(join(project, 'tests/test_app.py'), 'grep -q "^echo Hello" app.py\n');
    const plan = await target.ship('--plan');
    expect(plan).toMatch(/^build hello-world-python: localhost:\d+\/hello-world-python:[0-9a-f]{16}$/m);
    expect(plan).toContain('3 to create, 0 to change, 0 to delete, 0 unchanged.');
    expect(await target.repositories()).toEqual([]);
    expect(await target.ship()).toBe('hello-world-python revision 1\n');
    expect(await target.repositories()).toHaveLength(1);
    expect(await ask(await target.nodePort())).toMatch(/^200 Hello from hello-world-python-/);
    expect(await ask(target.ingressPort(), 'hello.localhost')).toMatch(/^200 Hello from hello-world-python-/);
  });

  it('is stopped by a failing test: nothing is pushed, nothing is touched', async () => {
    const before = await target.repositories();
    writeFileSync(join(project, 'app.py'), app('Goodbye'));
    const stopped = await target.tryShip();
    expect(stopped).toMatchObject({ code: 1, stdout: '' });
    expect(stopped.stderr).toContain('error: test pytest failed (exit code 1)\nNothing was pushed');
    expect(await target.repositories()).toEqual(before);
    expect(await states(target)).toEqual(['1 deployed', 'null stopped']);
  });

  it('comes back when its new image crashes, and its clients see nothing of it', async () => {
    writeFileSync(join(project, 'app.py'), 'echo Hello, I fall >&2\nsleep 0.1\nexit 3\n');
    change('tests/test_app.py', '^echo Hello', 'Hello');
    const { result, bad, asked } = await underLoad(target, () => target.tryShip());
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/container hello-world-python ended 3 times \(exit code 3\)/);
    expect(result.stderr).toContain('hello-world-python | Hello, I fall');
    expect(result.stderr).toContain('Rolled back to revision 1, as revision 3.');
    expect({ bad, isAsked: asked > 10 }).toEqual({ bad: [], isAsked: true });
  });

  it('is upgraded by a good image, and not built again when nothing has changed', async () => {
    writeFileSync(join(project, 'app.py'), app('Hello again'));
    const { result, bad } = await underLoad(target, () => target.ship());
    expect(result).toBe('hello-world-python revision 4\n');
    expect(bad).toEqual([]);
    expect(await ask(await target.nodePort())).toMatch(/^200 Hello again from/);
    const again = await target.ship('--plan');
    expect(again).toContain('(unchanged)');
    expect(again).toContain('0 to create, 0 to change, 0 to delete, 3 unchanged.');
  });

  it('can be brought back, and tells its history', async () => {
    const { result, bad } = await underLoad(target, () => target.ship('rollback', '1'));
    expect(result).toBe('hello-world-python revision 5 (rollback to 1)\n');
    expect(bad).toEqual([]);
    expect(await ask(await target.nodePort())).toMatch(/^200 Hello from/);
    const rows = await target.history();
    const all = ['1 superseded', 'null stopped', '2 failed', '3 superseded', '4 superseded', '5 deployed'];
    expect(await states(target)).toEqual(all);
    expect(rows[4]?.record?.tests).toEqual([expect.objectContaining({ name: 'pytest', result: 'passed' })]);
    expect(rows[5]?.record?.images[0]?.digest).toBe(rows[0]?.record?.images[0]?.digest);
    expect(rows[0]?.record?.images[0]?.digest).toMatch(/^sha256:/);
  });
}

describe('an app on its way to the embedded cluster', () => journey(embedded));

describe('an app that is there', () => {
  it('goes over by steps of a canary and by blue/green, unseen by its clients', async () => {
    change(
      'timonel.yaml',
      'timeout: 30s',
      'timeout: 30s\n  strategy: {type: canary, steps: [{weight: 50, pause: 200ms}]}',
    );
    for (const [round, type] of ['canary', 'canary', 'blue-green'].entries()) {
      if (round === 2) change('timonel.yaml', /strategy: .*/, `strategy: {type: ${type}}`);
      writeFileSync(join(project, 'app.py'), app(`Hello by ${type} ${round}`));
      const { result, bad } = await underLoad(embedded, () => embedded.ship());
      expect(result).toBe(`hello-world-python revision ${6 + round}\n`);
      expect(bad).toEqual([]);
      expect(await ask(await embedded.nodePort())).toMatch(`200 Hello by ${type} ${round} from`);
    }
    const left = await embedded.kubectl('get', 'deployments,services', '-o', 'name');
    expect(left.match(/hello/g)).toHaveLength(2);
  });

  it('can be brought back to a revision of another strategy, which has no preview', async () => {
    const { result, bad } = await underLoad(embedded, () => embedded.ship('rollback', '1'));
    change('timonel.yaml', / *strategy: .*\n/, '');
    expect(result).toBe('hello-world-python revision 9 (rollback to 1)\n');
    expect(bad).toEqual([]);
    expect(await ask(await embedded.nodePort())).toMatch(/^200 Hello from/);
  });

  it('follows what is saved, and keeps a port open meanwhile', async () => {
    const page = join(project, 'index.html');
    const text = readFileSync(file, 'utf8');
    const sync = '{from: index.html, to: /tmp/www/index.html}';
    writeFileSync(page, 'saved once\n');
    writeFileSync(file, `${text}watch: {sync: [${sync}], forward: ["28517:service/hello-world-python:http"]}\n`);
    writeFileSync(join(project, 'app.py'), app('Hello, watcher'));
    const watching = first.background(
      process.execPath,
      join(root, 'dist/timonel.js'),
      'ship',
      ...embedded.flags,
      '--watch',
    );
    const isAnswered = (answer: string) => eventually(async () => (await ask(28_517)).startsWith(answer), answer);
    await eventually(async () => watching.output().includes('Watching'), 'the first shipment');
    await isAnswered('200 Hello, watcher');
    // As editors save: by a new file that takes the old one's name.
    writeFileSync(`${page}~`, 'saved twice\n');
    renameSync(`${page}~`, page);
    await isAnswered('200 saved twice');
    writeFileSync(page, 'saved in place\n');
    await isAnswered('200 saved in place');
    expect(watching.output().match(/revision \d+/g)).toHaveLength(1);
    writeFileSync(join(project, 'app.py'), app('Hello again, watcher'));
    await isAnswered('200 Hello again, watcher');
    // A connection that is open does not keep it.
    const open = connect(28_517, '127.0.0.1');
    await once(open, 'connect');
    const ended = new Promise((resolve) => watching.child.on('exit', resolve));
    watching.child.kill('SIGINT');
    expect(await ended).toBe(0);
    open.destroy();
    rmSync(page);
    writeFileSync(file, text);
  });
});

describe('an app on its way to another cluster, by naming its context', () => journey(other));
